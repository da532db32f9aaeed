//! What a recorder writes down, and what its recording says of it.

use super::*;
use crate::runtime::Runtime;
use crate::time::{sleep, work};
use crate::{SpawnOptions, spawn, spawn_with, yield_now};

const MS: Duration = Duration::from_millis(1);

fn watched(limit: usize) -> (Runtime, Rc<RefCell<Recording>>) {
    let (recorder, recording) = Recorder::with_limit(limit);
    let builder = Runtime::builder().virtual_clock().observer(recorder);
    (builder.build().unwrap(), recording)
}

#[test]
fn the_trace_says_who_ran_who_woke_whom_and_how_long() {
    let (mut runtime, recording) = watched(1000);
    runtime.block_on(async {
        let named = SpawnOptions::new().name("sleeper");
        let sleeper = spawn_with(async { sleep(3 * MS).await }, named);
        let worker = spawn(async {
            work(MS);
            yield_now().await;
            work(MS / 2);
        });
        worker.await.unwrap();
        sleeper.await.unwrap();
        let stuck = spawn(std::future::pending::<()>());
        yield_now().await;
        stuck.abort();
        assert!(stuck.await.unwrap_err().is_cancelled());
    });
    assert_eq!(
        recording.borrow().lines(),
        [
            "spawn root",
            "poll root, waits",
            "root spawns sleeper",
            "root spawns task2",
            "poll sleeper, waits",
            "poll task2 1ms, yields",
            "poll task2 500µs, done",
            "task2 wakes root",
            "poll root, waits",
            "wait 1.5ms",
            "timer wakes sleeper",
            "poll sleeper, done",
            "sleeper wakes root",
            "poll root, yields",
            "root spawns task3",
            "poll task3, waits",
            "poll root, waits",
            "cancel task3",
            "task3 wakes root",
            "poll root, done",
        ]
    );
}

#[test]
fn what_the_limit_leaves_out_is_counted() {
    let (mut runtime, recording) = watched(10);
    runtime.block_on(async {
        for _ in 0..100 {
            yield_now().await;
        }
    });
    let recording = recording.take();
    assert_eq!(recording.events.len(), 10);
    // Per poll a wake, a beginning and an end; and the loop's two.
    assert_eq!(recording.left_out, 101 * 3 + 2 - 10);
    assert_eq!(size_of::<Event>(), 24);
}

#[test]
#[allow(clippy::await_holding_refcell_ref)] // That is what is tested.
fn a_recording_may_be_taken_while_the_loop_goes_on() {
    let (mut runtime, recording) = watched(1000);
    let taken = runtime.block_on(async {
        spawn(async {}).await.unwrap();
        let taken = recording.take();
        spawn(async {}).await.unwrap();
        let _looking = recording.borrow();
        yield_now().await;
        taken
    });
    assert_eq!(taken.tasks.len(), 2);
    let rest = recording.take();
    let names: Vec<_> = rest.tasks.iter().map(|task| task.name.as_deref()).collect();
    assert_eq!(names, [Some("root"), None]);
    assert_eq!(rest.labels(), ["root", "task1"]);
    assert!(rest.left_out > 0, "events came while it was borrowed");
}

#[test]
fn tasks_of_one_name_get_numbers_and_slots_are_not_names() {
    let (mut runtime, recording) = watched(1000);
    runtime.block_on(async {
        for _ in 0..3 {
            let options = SpawnOptions::new().name("twin").weight(3).group(7);
            spawn_with(async {}, options).await.unwrap();
        }
    });
    let recording = recording.take();
    assert_eq!(recording.labels(), ["root", "twin#1", "twin#2", "twin#3"]);
    assert_eq!(
        (recording.tasks[3].weight, recording.tasks[3].group),
        (3, 7)
    );
    assert!(recording.tasks[3].site.file().ends_with("tests.rs"));
}
