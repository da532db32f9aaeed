//! A naive runtime: tasks are scripts, the run queue is a list of numbers, time is a
//! counter. It says what the real one must do, event by event, poll by poll.
//!
//! Laws: a wake puts a task at the end of the list unless it is there. Aborts are
//! carried out after the poll that asked for them. When the list is empty, time jumps
//! to the next timer, and all timers of that instant fire in the order of arming.

use std::collections::{BTreeMap, VecDeque};

/// Tasks at most; the root is one more.
pub(super) const TASKS: usize = 6;
/// Signals, and channels.
pub(super) const SIGNALS: usize = 3;
/// Values a channel holds.
pub(super) const CAPACITY: usize = 2;

/// One step of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Sleeps for so many milliseconds.
    Sleep(u64),
    /// Gives way once.
    Yield,
    /// Spawns a task, once.
    Spawn(usize),
    /// Aborts it, if nobody has taken its handle.
    Abort(usize),
    /// Takes its handle and waits for its end.
    Join(usize),
    /// Sets a signal and wakes all who wait for it.
    Set(usize),
    /// Waits for a signal and takes it.
    Wait(usize),
    /// Wakes a task for nothing, alive or not.
    Wake(usize),
    /// Sends into a channel without waiting.
    Send(usize),
    /// Receives from a channel.
    Recv(usize),
    /// Panics.
    Panic,
}

/// What was seen of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saw {
    /// It is over.
    Did(Op),
    /// A value came.
    Value(u32),
    /// Whether there was room.
    Sent(bool),
    /// How a task had ended.
    Ended(End),
    /// The task's future was dropped.
    Dropped,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Cancelled,
    Panicked,
}

/// One line of the record: when (in milliseconds), who, what.
pub(super) type Event = (u64, usize, Saw);

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Block {
    Nothing,
    Timer(u64, usize),
    Yielded,
    Handle(usize),
    Line,
}

struct Task {
    script: Vec<Op>,
    at: usize,
    block: Block,
    alive: bool,
    queued: bool,
    spawned: bool,
    /// Somebody may still take its handle.
    handle: bool,
    end: Option<End>,
    watcher: Option<usize>,
}

#[derive(Default)]
struct Channel {
    queue: VecDeque<u32>,
    /// Who waits, and whether a value is promised to him.
    line: Vec<(usize, bool)>,
    promised: usize,
}

/// The naive runtime.
pub(super) struct Model {
    tasks: Vec<Task>,
    ready: VecDeque<usize>,
    timers: BTreeMap<(u64, usize), usize>,
    armed: usize,
    now: u64,
    signals: Vec<(bool, Vec<usize>)>,
    channels: Vec<Channel>,
    aborts: Vec<usize>,
    /// What happened.
    pub(super) events: Vec<Event>,
    /// Polls of tasks.
    pub(super) polls: u64,
    /// The task that is polled now.
    polled: Option<usize>,
    /// It has woken itself.
    woke_itself: bool,
}

impl Model {
    /// Runs scripts. `first` are spawned before anything runs.
    pub(super) fn run(scripts: &[Vec<Op>], first: &[usize]) -> Self {
        let task = |script: &Vec<Op>| Task {
            script: script.clone(),
            at: 0,
            block: Block::Nothing,
            alive: false,
            queued: false,
            spawned: false,
            handle: false,
            end: None,
            watcher: None,
        };
        let mut model = Self {
            tasks: scripts.iter().map(task).collect(),
            ready: VecDeque::new(),
            timers: BTreeMap::new(),
            armed: 0,
            now: 0,
            signals: vec![(false, Vec::new()); SIGNALS],
            channels: (0..SIGNALS).map(|_| Channel::default()).collect(),
            aborts: Vec::new(),
            events: Vec::new(),
            polls: 0,
            polled: None,
            woke_itself: false,
        };
        for &task in first {
            model.spawn(task);
        }
        model.turn();
        model
    }

    /// How many futures are alive.
    pub(super) fn alive(&self) -> usize {
        self.tasks.iter().filter(|task| task.alive).count()
    }

    fn turn(&mut self) {
        loop {
            while let Some(task) = self.ready.pop_front() {
                if !self.tasks[task].alive {
                    continue; // It was aborted while it was in the list.
                }
                self.tasks[task].queued = false;
                self.polls += 1;
                self.polled = Some(task);
                self.poll(task);
                self.polled = None;
                if std::mem::take(&mut self.woke_itself) {
                    self.wake(task);
                }
                for victim in std::mem::take(&mut self.aborts) {
                    self.cancel(victim);
                }
            }
            let Some((&(deadline, _), _)) = self.timers.first_key_value() else {
                return;
            };
            self.now = deadline;
            while let Some(first) = self.timers.first_entry()
                && first.key().0 <= self.now
            {
                let task = first.remove();
                self.wake(task);
            }
        }
    }

    fn note(&mut self, task: usize, saw: Saw) {
        self.events.push((self.now, task, saw));
    }

    /// A task that wakes itself in its poll goes behind all that it wakes there.
    fn wake(&mut self, task: usize) {
        if self.polled == Some(task) {
            self.woke_itself = true;
            return;
        }
        let this = &mut self.tasks[task];
        if this.alive && !this.queued {
            this.queued = true;
            self.ready.push_back(task);
        }
    }

    fn spawn(&mut self, task: usize) {
        let this = &mut self.tasks[task];
        if !this.spawned {
            (this.spawned, this.alive, this.handle) = (true, true, true);
            self.wake(task);
        }
    }

    fn end(&mut self, task: usize, end: End) {
        self.note(task, Saw::Dropped);
        self.tasks[task].alive = false;
        self.tasks[task].end = Some(end);
        if let Some(watcher) = self.tasks[task].watcher.take() {
            self.wake(watcher);
        }
    }

    fn cancel(&mut self, task: usize) {
        if !self.tasks[task].alive {
            return;
        }
        match self.tasks[task].block {
            Block::Timer(deadline, order) => drop(self.timers.remove(&(deadline, order))),
            Block::Handle(other) => self.tasks[other].watcher = None,
            Block::Line => {
                for channel in 0..SIGNALS {
                    let this = &mut self.channels[channel];
                    if let Some(at) = this.line.iter().position(|place| place.0 == task) {
                        this.promised -= usize::from(this.line.remove(at).1);
                        self.settle(channel);
                    }
                }
            }
            Block::Nothing | Block::Yielded => {}
        }
        self.end(task, End::Cancelled);
    }

    /// Steps until the task waits or is over.
    fn poll(&mut self, task: usize) {
        loop {
            let Some(&op) = self.tasks[task].script.get(self.tasks[task].at) else {
                return self.end(task, End::Done);
            };
            if op == Op::Panic {
                return self.end(task, End::Panicked);
            }
            let Some(saw) = self.step(task, op) else {
                return;
            };
            self.tasks[task].block = Block::Nothing;
            self.tasks[task].at += 1;
            self.note(task, saw);
        }
    }

    /// Does a step, or says that it must wait.
    fn step(&mut self, task: usize, op: Op) -> Option<Saw> {
        match op {
            Op::Sleep(time) => return self.sleep(task, op, time),
            Op::Yield => {
                if self.tasks[task].block != Block::Yielded {
                    self.tasks[task].block = Block::Yielded;
                    self.wake(task);
                    return None;
                }
            }
            Op::Spawn(other) => self.spawn(other),
            Op::Abort(other) if self.tasks[other].handle => self.aborts.push(other),
            Op::Abort(_) | Op::Panic => {}
            Op::Join(other) => return self.join(task, op, other),
            Op::Set(signal) => {
                self.signals[signal].0 = true;
                for waiter in std::mem::take(&mut self.signals[signal].1) {
                    self.wake(waiter);
                }
            }
            Op::Wait(signal) => {
                let (set, waiters) = &mut self.signals[signal];
                if !std::mem::take(set) {
                    if !waiters.contains(&task) {
                        waiters.push(task);
                    }
                    return None;
                }
            }
            Op::Wake(other) => self.wake(other),
            Op::Send(channel) => {
                let value = value(task, self.tasks[task].at);
                let room = self.channels[channel].queue.len() < CAPACITY;
                if room {
                    self.channels[channel].queue.push_back(value);
                    self.settle(channel);
                }
                return Some(Saw::Sent(room));
            }
            Op::Recv(channel) => return self.receive(task, channel),
        }
        Some(Saw::Did(op))
    }

    fn sleep(&mut self, task: usize, op: Op, time: u64) -> Option<Saw> {
        let deadline = match self.tasks[task].block {
            Block::Timer(deadline, _) => deadline,
            _ if time == 0 => self.now,
            _ => {
                let (deadline, order) = (self.now + time, self.armed);
                self.armed += 1;
                self.timers.insert((deadline, order), task);
                self.tasks[task].block = Block::Timer(deadline, order);
                deadline
            }
        };
        (deadline <= self.now).then_some(Saw::Did(op))
    }

    fn join(&mut self, task: usize, op: Op, other: usize) -> Option<Saw> {
        if self.tasks[task].block != Block::Handle(other) {
            if !std::mem::take(&mut self.tasks[other].handle) {
                return Some(Saw::Did(op));
            }
            self.tasks[task].block = Block::Handle(other);
        }
        if self.tasks[other].end.is_none() {
            self.tasks[other].watcher = Some(task);
        }
        self.tasks[other].end.map(Saw::Ended)
    }

    fn receive(&mut self, task: usize, channel: usize) -> Option<Saw> {
        let this = &mut self.channels[channel];
        match this.line.iter().position(|place| place.0 == task) {
            Some(at) if this.line[at].1 => {
                this.line.remove(at);
                this.promised -= 1;
            }
            Some(_) => return None,
            None if this.queue.len() > this.promised => {}
            None => {
                this.line.push((task, false));
                self.tasks[task].block = Block::Line;
                return None;
            }
        }
        this.queue.pop_front().map(Saw::Value)
    }

    /// Promises values to those who wait longest.
    fn settle(&mut self, channel: usize) {
        loop {
            let this = &mut self.channels[channel];
            let free = this.queue.len() > this.promised;
            let Some(place) = this.line.iter_mut().find(|place| free && !place.1) else {
                return;
            };
            place.1 = true;
            this.promised += 1;
            let waiter = place.0;
            self.wake(waiter);
        }
    }
}

/// What a task sends in a step.
pub(super) fn value(task: usize, step: usize) -> u32 {
    (task * 100 + step) as u32
}
