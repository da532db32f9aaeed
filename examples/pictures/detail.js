// The panel beside the timelines: what is selected, and why it was late.

const MOST_LINES = 400;

/// What a slice is, in a sentence.
function sliceSentence(model, i) {
  const { slices } = model, took = duration(slices.to[i] - slices.from[i]), at = duration(slices.from[i]);
  if (slices.state[i] === RUN) return `ran ${took} from ${at}, then ${ENDS[slices.why[i]] || "was still running"}`;
  const why = reasonText(model, slices.why[i], slices.by[i]);
  if (slices.state[i] === READY) return `ready for ${took} from ${at}: ${why}` + (slices.open[i] ? "; never polled again" : "");
  return slices.open[i] ? `waiting since ${at}; the recording ended first` : `waited ${took} from ${at}, until ${why}`;
}

/// The same, and for a wait that the loop itself ended what it did meanwhile: the
/// events do not say when a timer or a source was due, only when the loop saw it.
function waitSentence(model, i) {
  const { slices } = model, busy = busyBefore(model, i), why = slices.why[i];
  const words = `${model.label[slices.task[i]]} ${sliceSentence(model, i)}.`;
  if (slices.state[i] !== WAIT || busy <= 0 || ![WHY.IO, WHY.TIMER, WHY.THREAD].includes(why)) return words;
  return `${words} The loop had been polling other tasks for the last ${duration(busy)} of it: what was due in that time may have been noticed late.`;
}

function pathSentence(model, path) {
  if (!path.length) return "No path.";
  const { by, perTask } = pathCosts(model, path), { slices } = model, last = path[path.length - 1];
  const total = slices.to[last] - slices.from[path[0]];
  return `Critical path to the end of ${model.label[slices.task[last]]}: ${duration(total)}, of which ${duration(by[RUN])} running, ${duration(by[READY])} ready and not polled, ${duration(by[WAIT])} waiting; through ${plural(perTask.length, "task")}.`;
}

/// The elements of the panel.
function detail(page) {
  const paths = page.lines.filter((line) => line.path.length).flatMap((line) => pathPart(page, line));
  if (!page.pick) return paths.length ? paths : invitation(page);
  const { line, slice } = page.pick, { model } = line, { slices } = model, task = slices.task[slice];
  return [...taskPart(page, line, task), ...slicePart(page, line, slice), ...(line.late ? latePart(page, line) : []), ...paths];
}

function invitation(page) {
  const nodes = [element("h2", {}, "Longest waits for a turn"), element("p", { class: "site" }, "Select a slice to ask why it was late. Arrow keys move, Enter asks.")];
  for (const line of page.lines) {
    const { model } = line, tasks = worstTasks(model, page.runs > 1 ? 5 : 10);
    if (page.runs > 1) nodes.push(element("h3", {}, model.name));
    if (!tasks.length) nodes.push(element("p", {}, "No task waited: each was polled as soon as it was ready."));
    nodes.push(bars(tasks.map((task) => ({ words: model.label[task], took: model.worst[task], act: () => page.selectTask(line, task) }))));
  }
  return nodes;
}

function taskPart(page, line, task) {
  const { model } = line, facts = [["task", `${task}` + (page.runs > 1 ? ` of ${model.name}` : "")]];
  if (model.weight[task] !== 1) facts.push(["weight", model.weight[task]]);
  if (model.priority[task]) facts.push(["priority", model.priority[task]]);
  if (model.group[task]) facts.push(["group", model.group[task]]);
  const life = model.done[task] - model.born[task];
  facts.push(["polls", model.pollsOf[task].toLocaleString("en")], ["running", duration(model.used[task])], ["ready, not polled", duration(model.queued[task])],
    ["spawned to " + (model.cancelled[task] ? "cancelled" : "done"), life >= 0 ? duration(life) : "not done"]);
  for (const other of page.lines) {
    const twin = other === line ? -1 : other.model.label.indexOf(model.label[task]);
    const there = twin >= 0 ? other.model.done[twin] - other.model.born[twin] : NaN;
    if (there >= 0) facts.push([`the same in ${other.model.name}`, duration(there)]);
  }
  return [element("h2", {}, model.label[task]), element("div", { class: "site" }, "spawned at " + model.site[task]),
    element("dl", {}, ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]))];
}

function slicePart(page, line, slice) {
  const { model } = line, { slices } = model, state = slices.state[slice], button = (words, act) => element("button", { type: "button", onclick: act }, words);
  const actions = [];
  if (!line.late && waitBefore(model, slice) >= 0) actions.push(button("Why was this late?", () => page.explain()));
  const ready = waitBefore(model, slice);
  if (ready >= 0 && slices.by[ready] >= 0 && slices.why[ready] <= WHY.TASK) {
    const waker = pollBefore(model, slices.by[ready], slices.seq[ready]);
    if (waker >= 0) actions.push(button("Go to who woke it", () => page.select(line, waker, { reveal: true })));
  }
  if (!line.path.length) actions.push(button("Critical path", () => page.togglePath()));
  const words = waitSentence(model, slice).slice(model.label[slices.task[slice]].length);
  return [element("p", {}, element("span", { class: "state s" + state }, STATE_NAME[state]), words), element("div", { class: "actions" }, ...actions)];
}

/// What ran instead, in order.
function latePart(page, line) {
  const { model, late } = line;
  const lines = late.lines.slice(0, MOST_LINES).map(({ task, took, polls, slice }) => task < 0
    ? { words: "the loop waited", took, idle: true }
    : { words: model.label[task] + (polls > 1 ? `, ${polls} polls` : ""), took, act: () => page.select(line, slice, { reveal: true }) });
  const nodes = [element("h3", {}, "Why was this late?"), element("p", { id: "why" }, lateSentence(model, late))];
  if (lines.length) nodes.push(element("h3", {}, "What ran instead, in order"), bars(lines, "instead"));
  if (late.lines.length > MOST_LINES) nodes.push(element("p", { class: "site" }, `and ${plural(late.lines.length - MOST_LINES, "more entry").replace("entrys", "entries")}`));
  if (late.rest > 0) nodes.push(element("p", { class: "site" }, `${duration(late.rest)} more went to the loop itself.`));
  return nodes;
}

function pathPart(page, line) {
  const { model, path } = line, { perTask, instead } = pathCosts(model, path);
  const rows = perTask.slice(0, 12).map(([task, [ready, run, wait]]) => ({
    words: model.label[task], took: ready + run + wait, act: () => page.selectTask(line, task),
  }));
  return [element("h3", {}, "Critical path" + (page.runs > 1 ? ", " + model.name : "")), element("p", { class: "path-words" }, pathSentence(model, path)), bars(rows),
    ...(instead.length ? [element("p", { class: "site" }, "What ran while its tasks were ready:"), bars(instead.slice(0, 8).map(([task, took]) => ({ words: model.label[task], took, act: () => page.selectTask(line, task) })))] : [])];
}

/// A list with durations as words and as bars.
function bars(lines, id) {
  const most = Math.max(...lines.map(({ took }) => took), 1);
  return element("ol", { class: "ran", id }, ...lines.map(({ words, took, act, idle }) => element("li", { class: idle ? "idle" : null },
    act ? element("button", { type: "button", onclick: act, title: words }, words) : element("span", {}, words),
    element("span", {}, duration(took)), element("i", { style: `width:${(100 * took / most).toFixed(1)}%` }))));
}
