//! The same models with one ordering taken away: each must fail.
//!
//! A model that passes proves something only if it could have failed. Here are the
//! weaker forms that look as if they would do, and loom's answer to each.

use super::letter::{Mail, TaskWaker};
use super::model::{Loop, Place, Word, check};
use crate::primitives::{Arc, AtomicBool, Ordering};
use loom::sync::Mutex;
use loom::thread;

/// `Flag::lower` with a plain store does not read from the wake that found the
/// flag up, so what that thread wrote is missed.
#[test]
#[should_panic(expected = "nobody saw")]
fn a_flag_lowered_by_a_store_misses_writes() {
    check(|| {
        let posted = std::sync::Arc::new(AtomicBool::new(false));
        let letters = std::sync::Arc::new(Mutex::new(0));
        let words = [Word::new(), Word::new()];
        let threads = words.clone().map(|word| {
            let (posted, letters) = (posted.clone(), letters.clone());
            thread::spawn(move || {
                word.set(1);
                if !posted.swap(true, Ordering::AcqRel) {
                    *letters.lock().unwrap() += 1;
                }
            })
        });
        if std::mem::take(&mut *letters.lock().unwrap()) == 1 {
            posted.store(false, Ordering::Release);
            let seen = words.iter().filter(|word| word.get() == 1).count();
            for thread in threads {
                thread.join().unwrap();
            }
            // Who found the flag up sends no letter, so he must have been seen.
            let told = seen + *letters.lock().unwrap();
            assert!(told >= 2, "nobody saw what the second thread wrote");
        }
    });
}

/// `Flag::raise` with Relaxed carries nothing when a letter is on its way already.
#[test]
#[should_panic(expected = "nobody saw")]
fn a_flag_raised_relaxed_carries_nothing() {
    check(|| {
        let posted = std::sync::Arc::new(AtomicBool::new(false));
        let letters = std::sync::Arc::new(Mutex::new(0));
        let words = [Word::new(), Word::new()];
        let threads = words.clone().map(|word| {
            let (posted, letters) = (posted.clone(), letters.clone());
            thread::spawn(move || {
                word.set(1);
                if !posted.swap(true, Ordering::Relaxed) {
                    *letters.lock().unwrap() += 1;
                }
            })
        });
        if std::mem::take(&mut *letters.lock().unwrap()) == 1 {
            posted.swap(false, Ordering::AcqRel);
            let seen = words.iter().filter(|word| word.get() == 1).count();
            for thread in threads {
                thread.join().unwrap();
            }
            let told = seen + *letters.lock().unwrap();
            assert!(told >= 2, "nobody saw what the second thread wrote");
        }
    });
}

/// A loop that lowers its flag after the poll, not before, swallows the wake that
/// came in between.
#[test]
#[should_panic(expected = "swallowed")]
fn a_flag_lowered_after_the_poll_swallows_a_wake() {
    check(|| {
        let looping = Loop::new();
        let waker = looping.waker(0);
        let word = Word::new();
        let thread = thread::spawn({
            let (waker, word) = (waker.clone(), word.clone());
            move || {
                word.set(1);
                TaskWaker::wake_from_afar(&waker);
                word.set(2);
                TaskWaker::wake_from_afar(&waker);
            }
        });
        let mut mail = Vec::new();
        looping.mailbox.take(&mut mail);
        let seen = word.get();
        for letter in mail {
            if let Mail::Wake(waker) = letter {
                waker.opened();
            }
        }
        thread.join().unwrap();
        let more = !looping.mailbox.is_empty();
        assert!(seen == 2 || more, "the last wake was swallowed");
    });
}

/// A count of one, without the fence behind it, orders nothing before the new tenant.
#[test]
#[should_panic(expected = "Causality violation")]
fn a_bare_count_does_not_order_the_next_tenant() {
    check(|| {
        let waker = Arc::new(());
        let tenancy = Place::new();
        let holder = thread::spawn({
            let (waker, tenancy) = (waker.clone(), tenancy.clone());
            move || {
                tenancy.read();
                drop(waker);
            }
        });
        if Arc::strong_count(&waker) == 1 {
            tenancy.write();
        }
        holder.join().unwrap();
    });
}

/// A loop that only counts its handles may take itself for stuck with mail waiting.
#[test]
#[should_panic(expected = "taken for stuck")]
fn a_bare_count_of_handles_misses_a_letter() {
    check(|| {
        let looping = Loop::new();
        let alive = Arc::new(());
        let thread = thread::spawn({
            let (mailbox, alive) = (looping.mailbox.clone(), alive.clone());
            move || {
                assert!(mailbox.post(Mail::Call(Box::new(|| ()))).is_ok());
                drop(alive);
            }
        });
        if Arc::strong_count(&alive) == 1 {
            assert!(
                !looping.mailbox.is_empty(),
                "taken for stuck with mail waiting"
            );
        }
        thread.join().unwrap();
    });
}
