//! The runtime on its virtual clock against the naive one: the same events at the same
//! instants in the same order, and not one poll more.

use super::model::{CAPACITY, End, Event, Model, Op, SIGNALS, Saw, TASKS, value};
use crate::http::fuzzing::bytes::Bytes;
use crate::runtime::{Pacing, Report, Runtime};
use crate::sync::channel;
use crate::task::{JoinError, JoinHandle};
use crate::{time, yield_now};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// What all tasks share.
struct World {
    scripts: Vec<Vec<Op>>,
    started: Instant,
    handles: RefCell<Vec<Option<JoinHandle<()>>>>,
    spawned: RefCell<Vec<bool>>,
    wakers: RefCell<Vec<Option<Waker>>>,
    signals: Vec<Signal>,
    senders: Vec<channel::Sender<u32>>,
    receivers: Vec<channel::Receiver<u32>>,
    events: RefCell<Vec<Event>>,
    alive: Cell<usize>,
}

/// A flag and who waits for it.
#[derive(Default)]
struct Signal {
    set: Cell<bool>,
    waiters: RefCell<Vec<(usize, Waker)>>,
}

/// Notes the drop of a task's future.
struct Guard(Rc<World>, usize);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.alive.set(self.0.alive.get() - 1);
        self.0.note(self.1, Saw::Dropped);
    }
}

impl World {
    fn note(&self, task: usize, saw: Saw) {
        let at = time::now() - self.started;
        let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        self.events.borrow_mut().push((at, task, saw));
    }

    fn spawn(self: &Rc<Self>, task: usize) {
        if !std::mem::replace(&mut self.spawned.borrow_mut()[task], true) {
            self.alive.set(self.alive.get() + 1);
            let handle = crate::spawn(live(Rc::clone(self), task));
            self.handles.borrow_mut()[task] = Some(handle);
        }
    }
}

/// A task.
fn live(world: Rc<World>, task: usize) -> Pin<Box<dyn Future<Output = ()>>> {
    let guard = Guard(Rc::clone(&world), task);
    Box::pin(async move {
        let _guard = guard;
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        world.wakers.borrow_mut()[task] = Some(waker);
        for (step, &op) in world.scripts[task].iter().enumerate() {
            let saw = act(&world, task, step, op).await;
            world.note(task, saw);
        }
    })
}

async fn act(world: &Rc<World>, task: usize, step: usize, op: Op) -> Saw {
    match op {
        Op::Sleep(time) => time::sleep(Duration::from_millis(time)).await,
        Op::Yield => yield_now().await,
        Op::Spawn(other) => world.spawn(other),
        Op::Abort(other) => {
            if let Some(handle) = &world.handles.borrow()[other] {
                handle.abort();
            }
        }
        Op::Join(other) => {
            let handle = world.handles.borrow_mut()[other].take();
            if let Some(handle) = handle {
                return Saw::Ended(match handle.await {
                    Ok(()) => End::Done,
                    Err(JoinError::Panicked(_)) => End::Panicked,
                    Err(_) => End::Cancelled,
                });
            }
        }
        Op::Set(signal) => {
            let signal = &world.signals[signal];
            signal.set.set(true);
            for (_, waker) in signal.waiters.take() {
                waker.wake();
            }
        }
        Op::Wait(signal) => wait(&world.signals[signal], task).await,
        Op::Wake(other) => {
            let waker = world.wakers.borrow()[other].clone();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        Op::Send(channel) => {
            let sent = world.senders[channel].try_send(value(task, step));
            return Saw::Sent(sent.is_ok());
        }
        Op::Recv(channel) => {
            let value = world.receivers[channel].recv().await;
            return Saw::Value(value.expect("a sender lives"));
        }
        // Without the panic hook: the panic is part of the script.
        Op::Panic => std::panic::resume_unwind(Box::new("as the script says")),
    }
    Saw::Did(op)
}

/// Waits for a signal and takes it.
async fn wait(signal: &Signal, task: usize) {
    poll_fn(|cx| {
        if signal.set.take() {
            return Poll::Ready(());
        }
        let mut waiters = signal.waiters.borrow_mut();
        if !waiters.iter().any(|waiter| waiter.0 == task) {
            waiters.push((task, cx.waker().clone()));
        }
        Poll::Pending
    })
    .await;
}

/// Settings, then the scripts: a length and two bytes per step.
fn decode(bytes: &mut Bytes<'_>) -> Vec<Vec<Op>> {
    (0..TASKS)
        .map(|_| {
            let steps = bytes.byte() % 12;
            (0..steps).map(|_| operation(bytes)).collect()
        })
        .collect()
}

fn operation(bytes: &mut Bytes<'_>) -> Op {
    let (what, argument) = (bytes.byte(), bytes.byte());
    let (task, signal) = (
        usize::from(argument) % TASKS,
        usize::from(argument) % SIGNALS,
    );
    match what % 12 {
        0 | 1 => Op::Sleep(u64::from(argument % 16)),
        2 => Op::Yield,
        3 => Op::Spawn(task),
        4 => Op::Abort(task),
        5 => Op::Join(task),
        6 => Op::Set(signal),
        7 => Op::Wait(signal),
        8 => Op::Wake(task),
        9 => Op::Send(signal),
        10 => Op::Recv(signal),
        _ if argument > 200 => Op::Panic,
        _ => Op::Spawn(task),
    }
}

/// Runs one program on both.
pub fn target(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (settings, mask) = (bytes.byte(), bytes.byte());
    let scripts = decode(&mut bytes);
    let first: Vec<usize> = (0..TASKS)
        .filter(|task| *task == 0 || mask >> task & 1 == 1)
        .collect();
    let model = Model::run(&scripts, &first);
    let pacing = [
        Pacing::Every(61),
        Pacing::Every(1),
        Pacing::Batch,
        Pacing::Drain,
    ];
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .pacing(pacing[usize::from(settings) % 4])
        .budget(10_000)
        .on_report(|report| {
            let expected = matches!(report, Report::TaskPanicked { .. });
            assert!(expected, "{report}");
        })
        .build()
        .expect("a loop");
    let (world, polls) = runtime.block_on(async {
        let channels = (0..SIGNALS).map(|_| channel::channel(CAPACITY));
        let (senders, receivers) = channels.unzip();
        let world = Rc::new(World {
            scripts,
            started: time::now(),
            handles: RefCell::new((0..TASKS).map(|_| None).collect()),
            spawned: RefCell::new(vec![false; TASKS]),
            wakers: RefCell::new(vec![None; TASKS]),
            signals: (0..SIGNALS).map(|_| Signal::default()).collect(),
            senders,
            receivers,
            events: RefCell::default(),
            alive: Cell::new(0),
        });
        for task in first {
            world.spawn(task);
        }
        // Longer than all scripts together.
        time::sleep(Duration::from_secs(3600)).await;
        let polls = crate::runtime::stats().polls;
        (world, polls)
    });
    assert_eq!(*world.events.borrow(), model.events, "real and naive");
    // The root's first poll; its second is not counted yet.
    assert_eq!(polls, model.polls + 1, "polls");
    assert_eq!(world.alive.get(), model.alive());
    // Panics that nobody has read are told to the hook, and the other handles outlive
    // the loop.
    let over = |handle: &mut Option<JoinHandle<()>>| handle.take_if(|handle| handle.is_finished());
    let over: Vec<_> = world.handles.borrow_mut().iter_mut().map(over).collect();
    drop(over);
    drop(runtime);
    assert_eq!(world.alive.get(), 0, "every future was dropped");
    world.handles.borrow_mut().clear();
    world.wakers.borrow_mut().clear();
    assert_eq!(Rc::strong_count(&world), 1, "nothing holds on to the tasks");
}
