// What the slices mean: why a task was late, what an outcome hung on, how long the
// tails are, who got more than their share, and who won.

/// Why the task of a ready slice had to wait: all that the loop did between its
/// becoming ready and its poll, in order, with runs of the same task as one line.
function whyLate(model, slice) {
  const { slices, polls, idle } = model;
  const from = slices.from[slice], to = slices.to[slice];
  const lines = [], perTask = new Map();
  // By sequence, not by time: under a virtual clock much happens at one instant.
  let i = lowerBound(polls.seq, slices.seq[slice], 0, polls.length), count = 0;
  for (; i < polls.length && polls.seq[i] < slices.seqEnd[slice]; i++) {
    const poll = polls.slice[i], task = slices.task[poll];
    const took = slices.to[poll] - slices.from[poll], last = lines[lines.length - 1];
    count++;
    perTask.set(task, (perTask.get(task) || 0) + took);
    if (last && last.task === task) {
      last.took += took;
      last.polls++;
      last.to = slices.to[poll];
    } else {
      lines.push({ task, took, polls: 1, from: slices.from[poll], to: slices.to[poll], slice: poll });
    }
  }
  let slept = 0;
  for (let k = lowerBound(idle.to, from, 0, idle.length); k < idle.length && idle.from[k] < to; k++) {
    const took = Math.min(to, idle.to[k]) - Math.max(from, idle.from[k]);
    if (took <= 0) continue;
    slept += took;
    lines.push({ task: -1, took, polls: 0, from: idle.from[k], to: idle.to[k] });
  }
  if (slept > 0) lines.sort((a, b) => a.from - b.from);
  const total = to - from, others = [...perTask].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const ran = others.reduce((sum, [, took]) => sum + took, 0);
  return { slice, total, lines, others, polls: count, slept, rest: Math.max(0, total - ran - slept) };
}

/// `whyLate` as a sentence or two.
function lateSentence(model, late) {
  const { slices } = model, task = slices.task[late.slice];
  const why = reasonText(model, slices.why[late.slice], slices.by[late.slice]);
  const start = `${model.label[task]} was ready at ${duration(slices.from[late.slice])} (${why})`;
  const until = slices.open[late.slice] ? "had not been polled when the recording ended, after" : "was polled after";
  if (late.polls === 0) {
    return late.total === 0 ? `${start} and was polled at once.` : `${start} and ${until} ${duration(late.total)}; no other task ran in between.`;
  }
  const [most, took] = late.others[0];
  const tasks = late.others.length === 1 && most === task ? "only itself" : plural(late.others.length, "task");
  return `${start} and ${until} ${duration(late.total)}. In between ran ${tasks} in ${plural(late.polls, "poll")}; longest ${model.label[most]} with ${duration(took)}` +
    (late.total > 0 ? ` (${percent(took / late.total)}).` : ".");
}

/// How long the loop had been polling without a wait when a wait ended.
function busyBefore(model, slice) {
  const { slices, idle } = model, at = slices.to[slice];
  const last = lowerBound(idle.to, at + 1e-9, 0, idle.length) - 1;
  return at - Math.max(slices.from[slice], last >= 0 ? idle.to[last] : 0);
}

/// What the end of `task` hung on, backwards through its wakes: a list of slices in
/// the order of time. While it waited for a task the path goes through that task;
/// while it waited for a timer or for I/O the path stays with it.
function criticalPath(model, task) {
  const { slices, first } = model, path = [];
  let i = first[task + 1] - 1;
  const start = first[task];
  if (i < start) return path;
  while (i >= 0 && path.length < slices.length) {
    path.push(i);
    const owner = slices.task[i];
    const before = i > first[owner] ? i - 1 : -1;
    if (slices.state[i] === READY && slices.by[i] >= 0 && slices.why[i] <= WHY.TASK) {
      i = pollBefore(model, slices.by[i], slices.seq[i]);
    } else {
      i = before;
    }
  }
  return path.reverse();
}

/// The last poll of `task` that began before the event `seq`; -1 if none did.
function pollBefore(model, task, seq) {
  const { slices, first } = model;
  let i = lowerBound(slices.seq, seq, first[task], first[task + 1]) - 1;
  while (i >= first[task] && slices.state[i] !== RUN) i--;
  return i >= first[task] ? i : -1;
}

/// The path's time by what it was spent on, and by task; and what ran instead while
/// the path's tasks were ready.
function pathCosts(model, path) {
  const { slices } = model, by = [0, 0, 0], perTask = new Map(), instead = new Map();
  for (const i of path) {
    const took = slices.to[i] - slices.from[i];
    by[slices.state[i]] += took;
    const cost = perTask.get(slices.task[i]) || [0, 0, 0];
    cost[slices.state[i]] += took;
    perTask.set(slices.task[i], cost);
    if (slices.state[i] !== READY) continue;
    for (const [task, ran] of whyLate(model, i).others) instead.set(task, (instead.get(task) || 0) + ran);
  }
  const sum = ([a, b, c]) => a + b + c;
  return { by, instead: [...instead].sort((a, b) => b[1] - a[1] || a[0] - b[0]), perTask: [...perTask].sort((a, b) => sum(b[1]) - sum(a[1]) || a[0] - b[0]) };
}

/// The tasks that are part of the load, and not of what brings it.
function countedTasks(model) {
  return [...model.label.keys()].filter((task) => model.group[task] !== model.aside);
}

/// All waits for a turn, or all lives, in ascending order.
function latencies(model, of) {
  const values = [], counts = (task) => model.group[task] !== model.aside;
  if (of === "ready") {
    const { slices } = model;
    for (let i = 0; i < slices.length; i++) {
      if (slices.state[i] === READY && !slices.open[i] && counts(slices.task[i])) values.push(slices.to[i] - slices.from[i]);
    }
  } else {
    for (const task of countedTasks(model)) {
      const life = model.done[task] - model.born[task];
      if (life >= 0 && !model.cancelled[task]) values.push(life);
    }
  }
  return Float64Array.from(values).sort();
}

/// The smallest value that at least the share `q` does not exceed.
function quantile(sorted, q) {
  if (sorted.length === 0) return NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
}

/// Steps of P(X > x) for the positive values, at most a few hundred of them.
function tail(sorted) {
  const points = [], n = sorted.length;
  let last = -Infinity;
  const zeros = lowerBound(sorted, Number.MIN_VALUE, 0, n);
  for (let i = zeros; i < n; i++) {
    if (i + 1 < n && sorted[i + 1] === sorted[i]) continue;
    const x = Math.log(sorted[i]), rest = n - i - 1;
    // Dense where it is steep: the last hundred values always, the others by distance.
    if (x - last < 0.01 && rest > 100) continue;
    last = x;
    points.push([sorted[i], rest / n]);
  }
  return { points, zeros, n };
}

/// The service that each task was entitled to by its weight: at every moment the
/// running time goes to all runnable tasks in proportion to weight, as in generalised
/// processor sharing (Parekh, Gallager 1993). Used and entitled have the same sum.
function entitlements(model) {
  const { slices, n } = model, fair = new Float64Array(n), since = new Float64Array(n);
  const marks = [];
  for (let i = 0; i < slices.length; i++) if (slices.state[i] !== WAIT) marks.push(i);
  const begins = marks.slice().sort((a, b) => slices.seq[a] - slices.seq[b]);
  const ends = marks.sort((a, b) => slices.seqEnd[a] - slices.seqEnd[b] || a - b);
  let weight = 0, perWeight = 0, at = 0, e = 0, running = 0;
  const pass = (to) => {
    if (running > 0 && weight > 0) perWeight += (to - at) / weight;
    at = to;
  };
  const leave = () => {
    const i = ends[e++], task = slices.task[i];
    pass(slices.to[i]);
    if (slices.state[i] === RUN) running--;
    fair[task] += (perWeight - since[task]) * model.weight[task];
    weight -= model.weight[task];
  };
  for (const i of begins) {
    while (e < ends.length && slices.seqEnd[ends[e]] <= slices.seq[i]) leave();
    pass(slices.from[i]);
    const task = slices.task[i];
    if (slices.state[i] === RUN) running++;
    weight += model.weight[task];
    since[task] = perWeight;
  }
  while (e < ends.length) leave();
  return fair;
}

/// The integral of unfinished work over time, in square nanoseconds: each burst, from
/// its becoming ready to its next wait, counts what it has yet to run. Policies that
/// never idle move it around; they cannot change it (Kleinrock's conservation law).
function unfinishedWork(model) {
  const { slices, first, n } = model;
  let total = 0;
  for (let task = 0; task < n; task++) {
    let left = 0;
    for (let i = first[task + 1] - 1; i >= first[task]; i--) {
      const took = slices.to[i] - slices.from[i];
      if (slices.state[i] === WAIT) left = 0;
      else if (slices.state[i] === READY) total += left * took;
      else { total += (left + took / 2) * took; left += took; }
    }
  }
  return total;
}

/// Who won and who paid when the second run replaced the first: per task of the same
/// label the difference of its life.
function duel(a, b) {
  const there = new Map(b.label.map((label, task) => [label, task]));
  const pairs = [];
  for (const task of countedTasks(a)) {
    const other = there.get(a.label[task]);
    if (other === undefined) continue;
    const before = a.done[task] - a.born[task], after = b.done[other] - b.born[other];
    if (before >= 0 && after >= 0) pairs.push({ task, other, before, after, change: after - before });
  }
  pairs.sort((x, y) => x.change - y.change || x.task - y.task);
  const won = pairs.filter((pair) => pair.change < 0), paid = pairs.filter((pair) => pair.change > 0);
  return { pairs, won, paid, equal: pairs.length - won.length - paid.length };
}
