//! Programs with a bug in them, for `lab find`.
//!
//! Each is an ordinary async program that is right under FIFO and wrong under some
//! other order: an assumption about who goes first that nobody wrote down. It says
//! what went wrong.
//!
//! Read next: `find.rs`.

use downbeat::runtime::spawn_with;
use downbeat::sync::{Notify, Semaphore};
use downbeat::{JoinHandle, SpawnOptions, yield_now};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// A program that runs to its end and says whether it was right.
pub(crate) type Body = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// One program.
pub(crate) struct Program {
    /// What one types.
    pub(crate) name: &'static str,
    /// What it assumes.
    pub(crate) says: &'static str,
    /// Begins it.
    pub(crate) start: fn() -> Body,
}

/// All programs.
pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        name: "lost-update",
        says: "adds to a balance it read before it yielded",
        start: || Box::pin(lost_update()),
    },
    Program {
        name: "early-child",
        says: "spawns a child before it has written down what the child needs",
        start: || Box::pin(early_child()),
    },
    Program {
        name: "long-way",
        says: "assumes that a task of many steps will not be finished before one of one",
        start: || Box::pin(long_way()),
    },
    Program {
        name: "two-locks",
        says: "takes two locks, one task in the other order",
        start: || Box::pin(two_locks()),
    },
    Program {
        name: "missed-bell",
        says: "rings a bell that is not remembered, hoping that somebody listens already",
        start: || Box::pin(missed_bell()),
    },
];

/// The program of a name.
pub(crate) fn called(name: &str) -> Result<&'static Program, String> {
    let found = PROGRAMS.iter().find(|program| program.name == name);
    found.ok_or_else(|| {
        let list = PROGRAMS
            .iter()
            .map(|p| format!("\n  {:12} {}", p.name, p.says));
        format!(
            "no program {name:?}; there are:{}",
            list.collect::<String>()
        )
    })
}

/// A task with a name.
fn task<F: Future<Output = ()> + 'static>(name: &'static str, future: F) -> JoinHandle<()> {
    spawn_with(future, SpawnOptions::new().name(name))
}

async fn lost_update() -> Result<(), String> {
    let balance = Rc::new(Cell::new(0));
    let (first, second) = (Rc::clone(&balance), Rc::clone(&balance));
    let slow = task("slow deposit", async move {
        for _ in 0..3 {
            yield_now().await; // checks a limit
        }
        let seen = first.get();
        yield_now().await; // writes a log
        first.set(seen + 100);
    });
    let quick = task("quick deposit", async move {
        yield_now().await;
        second.set(second.get() + 100);
    });
    drop(slow.await);
    drop(quick.await);
    match balance.get() {
        200 => Ok(()),
        wrong => Err(format!("two deposits of 100 came to {wrong}")),
    }
}

async fn early_child() -> Result<(), String> {
    let name: Rc<RefCell<Option<&str>>> = Rc::default();
    let greeting = Rc::new(Cell::new(None));
    let parent = task("parent", async move {
        let (read, write) = (Rc::clone(&name), Rc::clone(&greeting));
        let child = task("child", async move {
            yield_now().await; // connects
            write.set(*read.borrow());
        });
        yield_now().await; // reads its settings
        *name.borrow_mut() = Some("settings");
        drop(child.await);
        assert!(greeting.get().is_some(), "the child found no settings");
    });
    match parent.await {
        Ok(()) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

async fn long_way() -> Result<(), String> {
    let over = Rc::new(Cell::new(false));
    let (done, seen) = (Rc::clone(&over), Rc::new(Cell::new(false)));
    let copy = Rc::clone(&seen);
    let long = task("shutdown", async move {
        for _ in 0..12 {
            yield_now().await; // closes a connection
        }
        done.set(true);
    });
    let short = task("last request", async move { copy.set(over.get()) });
    drop(long.await);
    drop(short.await);
    if seen.get() {
        return Err("the last request found everything shut down".into());
    }
    Ok(())
}

async fn two_locks() -> Result<(), String> {
    let locks = [Rc::new(Semaphore::new(1)), Rc::new(Semaphore::new(1))];
    let transfer = |name, first: usize, second: usize| {
        let (first, second) = (Rc::clone(&locks[first]), Rc::clone(&locks[second]));
        task(name, async move {
            let outer = first.acquire().await;
            let inner = second.acquire().await;
            drop((outer, inner));
            yield_now().await;
        })
    };
    let there = transfer("there", 0, 1);
    drop(locks[1].try_acquire(1));
    let prepare = task("audit", {
        let locks = locks.clone();
        async move {
            let outer = locks[1].acquire().await;
            yield_now().await; // looks at the books
            let inner = locks[0].acquire().await;
            drop((outer, inner));
        }
    });
    drop(there.await);
    drop(prepare.await);
    Ok(())
}

async fn missed_bell() -> Result<(), String> {
    let bell = Rc::new(Notify::new());
    let ring = Rc::clone(&bell);
    let waiter = task("waiter", async move { bell.notified().await });
    let ringer = task("ringer", async move { ring.notify_waiters() });
    drop(ringer.await);
    drop(waiter.await);
    Ok(())
}
