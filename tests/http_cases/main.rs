//! The conformance cases of `tests/http/`, through the real client: `cases.jsonl` is a
//! corpus, `more.jsonl` has cases of our own.
//!
//! Each case is a server's script and the outcome a client must report, and what
//! a request after it must find. They run three ways: over connections in memory
//! on the virtual clock, where nothing depends on the machine; over loopback, in
//! real time; and, where the script is a fixed string of bytes, cut at every place.
#![cfg(all(feature = "tls", feature = "gzip"))]

mod case;
mod certificates;
mod driver;
mod server;
mod splits;
mod verdict;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::rc::Rc;

use case::Case;
use downbeat::{Runtime, TaskGroup};
use driver::Driver;
use world::World;

/// Cases that run at a time over loopback.
const AT_ONCE: usize = 24;

/// Ids of the cases that are known to differ, and why.
fn differences() -> BTreeMap<String, String> {
    let text = include_str!("../http/differences.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .map(|(id, why)| (id.to_owned(), why.to_owned()))
        .collect()
}

fn judge(failed: &BTreeMap<String, String>) {
    let known = differences();
    for (id, why) in failed {
        assert!(known.contains_key(id), "{id}: {why}");
    }
    for id in known.keys() {
        assert!(failed.contains_key(id), "{id} is listed, and passes");
    }
}

#[test]
fn every_case_in_memory() {
    let mut failed = BTreeMap::new();
    let mut passed = 0;
    for case in case::all() {
        let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
        let driver = Driver::new(World::memory());
        match runtime.block_on(driver.run(Rc::new(case.clone()))) {
            Ok(()) => passed += 1,
            Err(why) => drop(failed.insert(case.id.clone(), why)),
        }
    }
    judge(&failed);
    assert!(passed >= 780, "{passed} cases");
}

#[test]
fn every_case_over_loopback() {
    let mut runtime = Runtime::new().unwrap();
    let failed = runtime.block_on(async {
        let driver = Driver::new(World::loopback());
        let mut waiting: Vec<Rc<Case>> = case::all().into_iter().map(Rc::new).collect();
        waiting.reverse();
        let mut group = TaskGroup::new();
        let mut running = 0;
        let mut again = Vec::new();
        loop {
            while running < AT_ONCE
                && let Some(case) = waiting.pop()
            {
                let driver = driver.clone();
                running += 1;
                group.spawn(async move {
                    let outcome = driver.run(case.clone()).await;
                    (case, outcome)
                });
            }
            let Some((_, done)) = group.next().await else {
                break;
            };
            running -= 1;
            let (case, outcome) = done.unwrap();
            if outcome.is_err() {
                again.push(case);
            }
        }
        // A machine that is busy can break a case about milliseconds. What is
        // really wrong fails alone too.
        let mut failed = BTreeMap::new();
        for case in again {
            if let Err(why) = driver.run(case.clone()).await {
                failed.insert(case.id.clone(), why);
            }
        }
        failed
    });
    judge(&failed);
}
