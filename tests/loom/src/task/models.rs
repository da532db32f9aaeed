//! The models: one law each, on the library's own text.
//!
//! Laws: T3, T4, T9 (a wake races the end of its loop), X01 (a refused letter
//! is dropped by its sender).
//!
//! Read next: `teeth.rs`, which shows that they can fail.

use super::letter::{IDLE, Mail, TaskWaker};
use super::model::{Loop, Place, Word, check};
use crate::mailbox::is_held_elsewhere;
use crate::primitives::Arc;
use loom::sync::Mutex;
use loom::thread;

/// Two threads change something and wake the same task: the loop polls until it
/// has seen both changes. A lost wake, or a change that a wake does not carry,
/// is a loop that sleeps for ever, which loom reports.
#[test]
fn no_wake_is_lost_and_each_carries_its_writes() {
    check(|| {
        let looping = Loop::new();
        let waker = looping.waker(0);
        let words = [Word::new(), Word::new()];
        let threads = words.clone().map(|word| {
            let waker = waker.clone();
            thread::spawn(move || {
                word.set(1);
                TaskWaker::wake_from_afar(&waker);
            })
        });
        while words.iter().any(|word| word.get() == 0) {
            looping.sleep_and_open();
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// One thread wakes twice, with a change before each: the second wake is not
/// swallowed by the letter of the first.
#[test]
fn a_wake_behind_an_opened_letter_needs_a_new_one() {
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
        while word.get() != 2 {
            looping.sleep_and_open();
        }
        thread.join().unwrap();
    });
}

/// However many threads wake, and however often: one letter and one ring, until
/// the loop opens it; then one more.
#[test]
fn one_letter_and_one_ring_per_burst() {
    check(|| {
        let looping = Loop::new();
        let waker = looping.waker(0);
        let threads = [1, 2].map(|times| {
            let waker = waker.clone();
            thread::spawn(move || {
                for _ in 0..times {
                    TaskWaker::wake_from_afar(&waker);
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(looping.bell.rings(), 1);
        assert_eq!(looping.open_mail(), 1);
        TaskWaker::wake_from_afar(&waker);
        assert_eq!(looping.bell.rings(), 2);
        assert_eq!(looping.open_mail(), 1);
        assert_eq!(looping.open_mail(), 0);
    });
}

/// The wakes of two tasks share one mailbox: no letter is lost or doubled, and
/// no ring is missing, while the loop parks between them.
#[test]
fn park_against_ring() {
    check(|| {
        let looping = Loop::new();
        let wakers = [looping.waker(0), looping.waker(1)];
        let threads = wakers
            .clone()
            .map(|waker| thread::spawn(move || TaskWaker::wake_from_afar(&waker)));
        let mut wakes = 0;
        while wakes < 2 {
            wakes += looping.sleep_and_open();
        }
        assert_eq!(wakes, 2);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(looping.open_mail(), 0);
        assert!(looping.bell.rings() >= 1);
    });
}

/// Letters of one sender are opened in the order in which they were sent.
#[test]
fn letters_of_one_sender_keep_their_order() {
    check(|| {
        let looping = Loop::new();
        let mailbox = looping.mailbox.clone();
        let opened = std::sync::Arc::new(Mutex::new(Vec::new()));
        let log = opened.clone();
        let sender = thread::spawn(move || {
            for number in 0..3 {
                let log = log.clone();
                let call = Mail::Call(Box::new(move || log.lock().unwrap().push(number)));
                assert!(mailbox.post(call).is_ok());
            }
        });
        while opened.lock().unwrap().len() < 3 {
            looping.sleep_and_open();
        }
        sender.join().unwrap();
        assert_eq!(*opened.lock().unwrap(), [0, 1, 2]);
    });
}

/// What a letter carries; notes the thread on which it was dropped.
struct Cargo {
    home: thread::ThreadId,
    dropped: std::sync::Arc<Mutex<Vec<bool>>>,
}

impl Drop for Cargo {
    fn drop(&mut self) {
        let at_home = thread::current().id() == self.home;
        self.dropped.lock().unwrap().push(at_home);
    }
}

/// A letter races the end of the loop: it is either returned by `close` and
/// dropped on the loop's thread, or refused and dropped on the sender's. Never both,
/// never neither.
#[test]
fn close_against_post() {
    check(|| {
        let looping = Loop::new();
        let dropped = std::sync::Arc::new(Mutex::new(Vec::new()));
        let cargo = Cargo {
            home: thread::current().id(),
            dropped: dropped.clone(),
        };
        let mailbox = looping.mailbox.clone();
        let sender = thread::spawn(move || {
            let refused = mailbox.post(Mail::Call(Box::new(move || drop(cargo))));
            (refused.is_err(), mailbox.is_closed())
        });
        let returned = looping.mailbox.close().len();
        let (refused, closed) = sender.join().unwrap();
        assert_eq!(returned == 0, refused);
        assert!(!refused || closed);
        assert_eq!(*dropped.lock().unwrap(), [!refused]);
        assert!(looping.mailbox.is_empty(), "a closed mailbox holds nothing");
    });
}

/// Two wakes race the end of the loop. Whatever happens, nobody waits, and in the
/// end nothing holds the waker or the mailbox any more: no cycle is left behind.
#[test]
fn waker_fires_while_the_runtime_drops() {
    check(|| {
        let looping = Loop::new();
        let waker = looping.waker(0);
        let threads = [(), ()].map(|()| {
            let waker = waker.clone();
            thread::spawn(move || TaskWaker::wake_from_afar(&waker))
        });
        looping.open_mail();
        drop(looping.mailbox.close());
        for thread in threads {
            thread.join().unwrap();
        }
        TaskWaker::wake_from_afar(&waker);
        assert!(looping.mailbox.is_empty());
        assert!(!is_held_elsewhere(&waker, 1));
        drop(waker);
        assert!(!is_held_elsewhere(&looping.mailbox, 1));
    });
}

/// A waker gets a new tenant only after everything that its last foreign holder did,
/// although the holder does nothing but drop it.
#[test]
fn a_waker_is_recycled_behind_its_last_foreign_holder() {
    check(|| {
        let looping = Loop::new();
        let waker = looping.waker(0);
        let tenancy = Place::new();
        let holder = thread::spawn({
            let (waker, tenancy) = (waker.clone(), tenancy.clone());
            move || {
                TaskWaker::wake_from_afar(&waker);
                tenancy.read();
                drop(waker);
            }
        });
        looping.open_mail();
        if !is_held_elsewhere(&waker, 1) {
            // Neither a holder nor a letter: the next tenant may move in.
            tenancy.write();
            waker.relabel(1, IDLE);
        }
        holder.join().unwrap();
        looping.open_mail();
        assert!(!is_held_elsewhere(&waker, 1));
    });
}

/// A thread sends work through its handle and drops the handle: a loop that sees
/// the handle gone sees the letter too, and does not take itself for stuck.
#[test]
fn who_sees_no_handle_sees_its_letters() {
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
        if !is_held_elsewhere(&alive, 1) {
            assert!(
                !looping.mailbox.is_empty(),
                "taken for stuck with mail waiting"
            );
        }
        thread.join().unwrap();
    });
}

/// The same for a task's waker: its holder wakes and drops it.
#[test]
fn who_sees_no_waker_sees_its_wake() {
    check(|| {
        let looping = Loop::new();
        let waker = looping.waker(0);
        let word = Word::new();
        let thread = thread::spawn({
            let (waker, word) = (waker.clone(), word.clone());
            move || {
                word.set(1);
                TaskWaker::wake_from_afar(&waker);
            }
        });
        let opened = looping.open_mail();
        if !is_held_elsewhere(&waker, 1) {
            assert_eq!(
                opened, 1,
                "nobody holds the waker, so its letter was opened"
            );
            assert_eq!(word.get(), 1);
        }
        thread.join().unwrap();
        looping.open_mail();
    });
}

/// A blocking job posts its wake before it stops counting: a loop that sees no job
/// out sees the letter, and virtual time does not jump over it.
#[test]
fn who_sees_no_job_sees_its_wake() {
    check(|| {
        let looping = Loop::new();
        let waker = looping.waker(0);
        let pending = std::sync::Arc::new(Mutex::new(1));
        let job = thread::spawn({
            let (waker, pending) = (waker.clone(), pending.clone());
            move || {
                TaskWaker::wake_from_afar(&waker);
                drop(waker);
                *pending.lock().unwrap() -= 1;
            }
        });
        if *pending.lock().unwrap() == 0 {
            assert!(!looping.mailbox.is_empty(), "time would jump");
        }
        job.join().unwrap();
        assert_eq!(looping.open_mail(), 1);
    });
}
