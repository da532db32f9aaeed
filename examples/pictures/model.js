"use strict";
// What a recording says, as arrays that are quick to draw and to search.
// Times are nanoseconds since the recording began.
//
// A slice is a stretch of one task's life: ready, running or waiting. The slices
// of a task follow one another; `first[t] .. first[t + 1]` are those of task t.

const READY = 0, RUN = 1, WAIT = 2;
const WHY = { SPAWN: 0, TASK: 1, IO: 2, TIMER: 3, YIELD: 4, THREAD: 5, MOVED: 6, END: 7, CANCEL: 8 };
const STATE_NAME = ["ready", "running", "waiting"];
const ENDS = ["yielded", "went on to wait", "was done", "ended"];

/// Reads one run of the page's data.
function decode(run, place) {
  const events = run.events, count = events.length / 4;
  const n = run.tasks.length;
  const model = {
    name: run.name, place, n, theory: run.theory, leftOut: run.leftOut, aside: run.aside ?? null, events: count,
    label: run.tasks.map((task) => task[0]),
    site: run.tasks.map((task) => task[1]),
    weight: run.tasks.map((task) => task[2]),
    priority: run.tasks.map((task) => task[3]),
    group: run.tasks.map((task) => task[4]),
    born: new Float64Array(n).fill(NaN), done: new Float64Array(n).fill(NaN),
    cancelled: new Uint8Array(n),
    used: new Float64Array(n), queued: new Float64Array(n),
    worst: new Float64Array(n), worstSlice: new Int32Array(n).fill(-1), pollsOf: new Uint32Array(n),
    begin: 0, end: 0,
  };
  replay(model, events, count);
  sortByTask(model);
  return model;
}

/// A growing set of columns, one entry per slice or poll.
function columns(shape, size) {
  const table = { length: 0 };
  for (const [name, Kind] of Object.entries(shape)) table[name] = new Kind(size);
  return table;
}

/// Follows the events in order: slices, polls, the loop's waits, lengths of the queue.
function replay(model, events, count) {
  const { n } = model;
  // An event closes at most one slice, and the end closes one per task.
  const slices = columns({
    task: Uint32Array, state: Uint8Array, from: Float64Array, to: Float64Array,
    why: Uint8Array, by: Int32Array, seq: Uint32Array, seqEnd: Uint32Array, open: Uint8Array,
  }, count + n);
  const polls = columns({ slice: Uint32Array, seq: Uint32Array }, count);
  const idle = columns({ from: Float64Array, to: Float64Array }, count);
  // Per instant at which it changed: the longest and the last length of the queue.
  const queue = columns({ at: Float64Array, peak: Int32Array, now: Int32Array }, count + 1);
  const NONE = 255, state = new Uint8Array(n).fill(NONE);
  const since = new Float64Array(n), seqOf = new Uint32Array(n);
  const why = new Uint8Array(n), by = new Int32Array(n).fill(-1);
  let ready = 0, at = 0, waiting = -1, maxReady = 0;

  // A ready slice keeps why it began; a wait is told by what ended it.
  const close = (task, seq, reason, who, open) => {
    const i = slices.length++, wasReady = state[task] === READY;
    slices.task[i] = task;
    slices.state[i] = state[task];
    slices.from[i] = since[task];
    slices.to[i] = at;
    slices.why[i] = wasReady ? why[task] : reason;
    slices.by[i] = wasReady ? by[task] : who;
    slices.seq[i] = seqOf[task];
    slices.seqEnd[i] = seq;
    slices.open[i] = open ? 1 : 0;
    return i;
  };
  const enter = (task, next, seq) => { state[task] = next; since[task] = at; seqOf[task] = seq; };
  const countReady = (change) => {
    ready += change;
    maxReady = Math.max(maxReady, ready);
    let i = queue.length - 1;
    if (i < 0 || queue.at[i] !== at) { queue.at[++i] = at; queue.peak[i] = 0; queue.length++; }
    queue.peak[i] = Math.max(queue.peak[i], ready);
    queue.now[i] = ready;
  };

  for (let seq = 0; seq < count; seq++) {
    const kind = events[4 * seq], task = events[4 * seq + 2], argument = events[4 * seq + 3];
    at += events[4 * seq + 1];
    switch (kind) {
      case 1: {
        const reason = argument % 8, who = Math.floor(argument / 8) - 1;
        if (Number.isNaN(model.born[task])) model.born[task] = at;
        if (state[task] === READY) break; // Handed over again: it has been waiting all along.
        if (state[task] === WAIT) close(task, seq, reason, who);
        enter(task, READY, seq);
        why[task] = reason;
        by[task] = who;
        countReady(1);
        break;
      }
      case 2:
        if (state[task] === READY) { close(task, seq); countReady(-1); }
        if (Number.isNaN(model.born[task])) model.born[task] = at;
        enter(task, RUN, seq);
        break;
      case 3: {
        if (state[task] !== RUN) break;
        const i = polls.length++;
        polls.slice[i] = close(task, seq, argument, -1);
        polls.seq[i] = seqOf[task];
        state[task] = NONE;
        if (argument === 1) enter(task, WAIT, seq);
        if (argument >= 2) model.done[task] = at;
        break;
      }
      case 4:
        if (state[task] === READY) countReady(-1);
        if (state[task] !== NONE) close(task, seq, WHY.CANCEL, -1);
        state[task] = NONE;
        model.cancelled[task] = 1;
        model.done[task] = at;
        break;
      case 5: waiting = at; break;
      case 6:
        if (waiting < 0) break;
        idle.from[idle.length] = waiting;
        idle.to[idle.length++] = at;
        waiting = -1;
        break;
      case 7: break;
    }
  }
  model.end = at;
  for (let task = 0; task < n; task++) if (state[task] !== NONE) close(task, count, WHY.END, -1, true);
  Object.assign(model, { slices, polls, idle, queue, maxReady });
}

/// Puts the slices in the order of tasks, and sums up each task.
function sortByTask(model) {
  const { slices: old, n } = model;
  const first = new Uint32Array(n + 1);
  for (let i = 0; i < old.length; i++) first[old.task[i] + 1]++;
  for (let task = 0; task < n; task++) first[task + 1] += first[task];
  const next = first.slice(), moved = new Uint32Array(old.length);
  const table = { length: old.length };
  for (const [name, column] of Object.entries(old)) {
    if (name !== "length") table[name] = new column.constructor(old.length);
  }
  const names = Object.keys(table).filter((name) => name !== "length");
  for (let i = 0; i < old.length; i++) {
    const to = next[old.task[i]]++;
    moved[i] = to;
    for (const name of names) table[name][to] = old[name][i];
  }
  for (let i = 0; i < model.polls.length; i++) model.polls.slice[i] = moved[model.polls.slice[i]];
  model.slices = table;
  model.first = first;
  model.busy = 0;
  for (let i = 0; i < table.length; i++) {
    const task = table.task[i], took = table.to[i] - table.from[i];
    if (table.state[i] === RUN) {
      model.used[task] += took;
      model.busy += took;
      model.pollsOf[task]++;
    } else if (table.state[i] === READY) {
      model.queued[task] += took;
      if (took > model.worst[task] || model.worstSlice[task] < 0) {
        model.worst[task] = took;
        model.worstSlice[task] = i;
      }
    }
  }
  model.waited = 0;
  for (let i = 0; i < model.idle.length; i++) model.waited += model.idle.to[i] - model.idle.from[i];
  collectWakes(model);
}

/// The wakes of tasks by tasks, in the order of time: the ready slices they began.
function collectWakes(model) {
  const { slices } = model, wakes = [];
  for (let i = 0; i < slices.length; i++) {
    if (slices.state[i] === READY && slices.why[i] <= WHY.TASK && slices.by[i] >= 0) wakes.push(i);
  }
  wakes.sort((a, b) => slices.seq[a] - slices.seq[b]);
  model.wakes = Uint32Array.from(wakes);
}

/// The first place in `from .. to` where `column` is at least `value`.
function lowerBound(column, value, from, to) {
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (column[middle] < value) from = middle + 1; else to = middle;
  }
  return from;
}

/// The slice of `task` that covers `at`, or the nearest one; -1 where it has none.
function sliceAt(model, task, at) {
  const a = model.first[task], b = model.first[task + 1];
  if (a === b) return -1;
  return Math.max(a, lowerBound(model.slices.from, at + 1e-9, a, b) - 1);
}

/// `1.5 ms`: three digits are enough to compare by eye.
function duration(nanos) {
  if (nanos === 0) return "0";
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) {
    if (Math.abs(nanos) >= size * 0.9995) return trim(nanos / size) + "\u202f" + unit;
  }
  return trim(nanos) + "\u202fns";
}

function trim(value) {
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}

function percent(share) {
  const value = 100 * share;
  return (value > 0 && value < 0.1 ? "< 0.1" : value.toFixed(1)) + "\u202f%";
}

function plural(count, word) {
  return count.toLocaleString("en") + " " + word + (count === 1 ? "" : "s");
}

/// In words why a task became runnable.
function reasonText(model, why, by) {
  const who = by >= 0 ? model.label[by] : null;
  switch (why) {
    case WHY.SPAWN: return who ? "spawned by " + who : "spawned";
    case WHY.TASK: return who ? "woken by " + who : "woken by another task";
    case WHY.IO: return "its I/O was ready";
    case WHY.TIMER: return "its timer was due";
    case WHY.YIELD: return "it yielded";
    case WHY.THREAD: return "woken by another thread";
    case WHY.MOVED: return "handed over by the loop";
    case WHY.CANCEL: return "cancelled";
    default: return "the recording ended";
  }
}

/// In a word or two what a wait was for, as its end told.
function waitText(model, why, by) {
  switch (why) {
    case WHY.TASK: return by >= 0 ? "for " + model.label[by] : "for a task";
    case WHY.IO: return "for I/O";
    case WHY.TIMER: return "for a timer";
    case WHY.THREAD: return "for a thread";
    case WHY.CANCEL: return "until cancelled";
    case WHY.END: return "for ever";
    default: return "";
  }
}
