// The page: reads the data, puts the parts together, keeps the selection.

class Page {
  constructor(content) {
    this.summary = content.summary;
    this.models = content.runs.map(decode);
    this.runs = this.models.length;
    this.arrows = true;
    this.query = "";
    this.pick = null;
    this.view = new View(Math.max(...this.models.map((model) => model.end), 1));
    readColours();
    this.writeHead();
    this.lines = this.models.map((model) => new Timeline(model, this.view, this));
    get("timelines").append(...this.lines.map((line) => line.node));
    get("layout").hidden = this.runs < 2;
    this.overview = new Overview(this);
    this.setOrder("born");
    this.beginWhereItMatters();
    this.writeDetail();
    this.drawCharts();
    attachPage(this);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); this.redraw(); });
  }

  writeHead() {
    const { title, claim, command, columns, rows } = this.summary;
    document.querySelector("h1").textContent = title;
    document.querySelector(".claim").textContent = claim;
    document.querySelector(".command").hidden = !command;
    document.querySelector(".command code").textContent = command;
    get("summary").append(table(["", ...columns], rows.map(([label, values]) => [label, ...values])));
  }

  drawCharts() {
    const [a, b] = this.models, charts = get("charts");
    if (this.runs === 2) charts.append(duelChart(a, b));
    charts.append(
      tailChart(this.models, "ready", "From ready to polled", "The share of polls that began later than t after their task was ready."),
      tailChart(this.models, "life", "From spawned to done", "The share of tasks that took longer than t."),
      shareChart(this.models.slice(0, 2)));
  }

  /// Rows in the order of the first run; the others follow by name.
  setOrder(by) {
    const [model] = this.models, all = [...model.label.keys()], last = (x) => Number.isNaN(x) ? Infinity : x;
    const key = { born: (task) => task, worst: (task) => -model.worst[task], queued: (task) => -model.queued[task], used: (task) => -model.used[task], done: (task) => last(model.done[task]) }[by];
    const order = all.sort((x, y) => key(x) - key(y) || x - y), place = new Map(order.map((task, row) => [model.label[task], row]));
    for (const line of this.lines) {
      const row = (task) => place.get(line.model.label[task]) ?? Infinity;
      line.setOrder(line.model === model ? order : [...line.model.label.keys()].sort((x, y) => row(x) - row(y) || x - y));
    }
    if (this.pick) this.pick.line.revealRow(this.pick.line.model.slices.task[this.pick.slice]);
  }

  /// A long run of many short tasks says little as a whole: begin at the longest wait.
  beginWhereItMatters() {
    const [line] = this.lines, { model } = line, usual = quantile(latencies(model, "life"), 0.9);
    const task = worstTasks(model, 1)[0], slice = task === undefined ? -1 : model.worstSlice[task];
    if (slice < 0 || model.n < 40 || !(usual * 20 < model.end)) return;
    const from = model.slices.from[slice], to = model.slices.to[slice], room = Math.max(to - from, 3 * usual);
    this.view.show(Math.max(from - room, -0.01 * model.end), to + room);
    line.revealRow(task);
  }

  redraw() {
    for (const line of this.lines) line.invalidate();
    this.overview.invalidate();
  }

  pickOf(line) { return this.pick && this.pick.line === line ? this.pick.slice : -1; }
  matches(label) { return this.query !== "" && label.toLowerCase().includes(this.query); }

  /// Rows of the runs stay beside each other.
  scrolled(from) {
    for (const line of this.lines) if (line !== from && line.scroller.scrollTop !== from.scroller.scrollTop) line.scroller.scrollTop = from.scroller.scrollTop;
  }

  select(line, slice, { explain = false, reveal = false } = {}) {
    this.pick = { line, slice };
    for (const other of this.lines) other.late = null;
    const { slices } = line.model, task = slices.task[slice];
    if (reveal) { this.view.reveal(slices.from[slice], slices.to[slice]); line.revealRow(task); }
    if (explain) this.explain(); else this.say(`${line.model.label[task]}: ${sliceSentence(line.model, slice)}`);
    this.writeDetail();
    this.redraw();
  }

  /// A task stands for its longest wait for a turn.
  selectTask(line, task) {
    const worst = line.model.worstSlice[task];
    const slice = worst >= 0 ? worst : line.model.first[task];
    if (slice < line.model.first[task + 1]) this.select(line, slice, { explain: true, reveal: true });
  }

  /// Why the selected slice, or the wait before the selected poll, was late.
  explain() {
    if (!this.pick) return;
    const { line, slice } = this.pick, ready = waitBefore(line.model, slice);
    line.late = ready >= 0 ? whyLate(line.model, ready) : null;
    this.say(line.late ? lateSentence(line.model, line.late) : waitSentence(line.model, slice));
    this.writeDetail();
    this.redraw();
  }

  clear() {
    for (const line of this.lines) { line.late = null; line.path = []; }
    this.pick = null;
    this.showPathState();
    this.writeDetail();
    this.say("Nothing is selected.");
    this.redraw();
  }

  /// Shows the critical path of the selected task, else of each run's last one; or hides it.
  togglePath() {
    if (this.lines.some((line) => line.path.length)) {
      for (const line of this.lines) line.path = [];
    } else {
      for (const line of this.lines) {
        const pick = this.pickOf(line);
        if (this.pick && pick < 0) continue;
        line.path = criticalPath(line.model, pick >= 0 ? line.model.slices.task[pick] : lastToEnd(line.model));
        line.late = null;
        if (line.path.length) line.revealRow(line.model.slices.task[line.path[line.path.length - 1]]);
        this.say(pathSentence(line.model, line.path));
      }
    }
    this.showPathState();
    this.writeDetail();
    this.redraw();
  }

  showPathState() {
    const on = this.lines.some((line) => line.path.length > 0);
    get("path").setAttribute("aria-pressed", on);
    document.querySelector(".on-path").hidden = !on;
  }

  /// The longest wait for a turn of all, or of the run that is in use.
  goToLatest() {
    const line = this.pick ? this.pick.line : this.lines[0], task = worstTasks(line.model, 1)[0];
    if (task !== undefined) this.selectTask(line, task);
  }

  /// The next task whose name or place of spawn has the words sought.
  search(query, step) {
    this.query = query.trim().toLowerCase();
    const line = this.pick ? this.pick.line : this.lines[0], { model } = line;
    const found = this.query === "" ? [] : line.order.filter((task) => this.matches(model.label[task]) || model.site[task].toLowerCase().includes(this.query));
    get("found").textContent = this.query === "" ? "" : found.length ? plural(found.length, "task") : "no task";
    if (step && found.length) {
      const row = this.pick ? line.rowOf[model.slices.task[this.pick.slice]] : -1;
      const next = step > 0 ? found.find((task) => line.rowOf[task] > row) ?? found[0] : found.findLast((task) => line.rowOf[task] < row) ?? found[found.length - 1];
      get("found").textContent = `${found.indexOf(next) + 1} of ${plural(found.length, "task")}`;
      this.selectTask(line, next);
    }
    this.redraw();
    return found.length;
  }

  say(words) { get("live").textContent = words; }
  writeDetail() { get("detail").replaceChildren(...detail(this)); }

  showTip(line, slice, x, y) {
    const tip = get("tip"), { model } = line, task = model.slices.task[slice];
    tip.replaceChildren(element("b", {}, model.label[task]), document.createTextNode(sliceSentence(model, slice)), element("span", {}, model.site[task]));
    tip.hidden = false;
    tip.style.left = Math.max(6, Math.min(x + 14, innerWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = (y + 18 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 10 : y + 18) + "px";
  }
  hideTip() { get("tip").hidden = true; }
}

function get(id) { return document.getElementById(id); }

/// The tasks with the longest single waits for a turn.
function worstTasks(model, count) {
  return countedTasks(model).filter((task) => model.worst[task] > 0).sort((a, b) => model.worst[b] - model.worst[a] || a - b).slice(0, count);
}

/// The task with the last poll.
function lastToEnd(model) {
  return model.polls.length ? model.slices.task[model.polls.slice[model.polls.length - 1]] : 0;
}

/// The ready slice that a question about `slice` is about; -1 if there is none.
function waitBefore(model, slice) {
  const { slices, first } = model;
  if (slices.state[slice] === READY) return slice;
  const before = slice - 1;
  return slices.state[slice] === RUN && before >= first[slices.task[slice]] && slices.state[before] === READY ? before : -1;
}

/// The whole page is one strip: what part of it the timelines show.
class Overview {
  constructor(page) {
    this.page = page;
    this.canvas = element("canvas", { "aria-hidden": "true", title: "Drag to choose a stretch of time" });
    get("overview").append(this.canvas);
    page.view.listeners.push(() => this.invalidate());
    new ResizeObserver(() => this.invalidate()).observe(this.canvas);
    this.attach();
  }
  invalidate() { if (!this.frame) this.frame = requestAnimationFrame(() => { this.frame = 0; this.draw(); }); }
  draw() {
    const pen = penOf(this.canvas, 46), width = this.canvas.clientWidth, { view, models } = this.page, tall = 46 / models.length;
    const whole = { view: { from: 0, to: view.end, end: view.end }, width, scale: width / view.end, x(time) { return time * this.scale; } };
    models.forEach((model, k) => {
      whole.model = model;
      drawQueue(whole, pen, model.queue, (k + 1) * tall - 5, tall - 9);
      const busy = busyShares(model, width, view.end);
      pen.fillStyle = paint.run;
      for (let x = 0; x < width; x++) if (busy[x] > 0) { pen.globalAlpha = 0.25 + 0.75 * Math.min(1, busy[x]); pen.fillRect(x, (k + 1) * tall - 4, 1, 3); }
      pen.globalAlpha = 1;
    });
    const a = Math.max(0, view.from * whole.scale), b = Math.min(width, view.to * whole.scale);
    pen.fillStyle = paint.paper;
    pen.globalAlpha = 0.7;
    pen.fillRect(0, 0, a, 46);
    pen.fillRect(b, 0, width - b, 46);
    pen.globalAlpha = 1;
    pen.strokeStyle = paint.pick;
    pen.lineWidth = 1.5;
    pen.strokeRect(a + 0.75, 0.75, Math.max(3, b - a - 1.5), 44.5);
  }
  attach() {
    const { canvas } = this, { view } = this.page;
    const time = (event) => { const box = canvas.getBoundingClientRect(); return (event.clientX - box.left) / box.width * view.end; };
    let start = null;
    canvas.addEventListener("pointerdown", (event) => { start = time(event); canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      if (start === null || Math.abs(time(event) - start) < view.end / 200) return;
      view.show(Math.min(start, time(event)), Math.max(start, time(event)));
    });
    canvas.addEventListener("pointerup", (event) => {
      if (start !== null && Math.abs(time(event) - start) < view.end / 200) { const half = (view.to - view.from) / 2; view.show(start - half, start + half); }
      start = null;
    });
    canvas.addEventListener("dblclick", () => view.all());
  }
}

/// Per pixel of the whole run, the share of its time in which the loop polled.
function busyShares(model, width, end) {
  if (model.busyCache?.length === width) return model.busyCache;
  const shares = new Float32Array(width), { slices, polls } = model, scale = width / end;
  for (let k = 0; k < polls.length; k++) {
    const i = polls.slice[k], a = slices.from[i] * scale, b = slices.to[i] * scale;
    for (let x = Math.floor(a); x < b && x < width; x++) shares[x] += Math.min(b, x + 1) - Math.max(a, x);
  }
  return (model.busyCache = shares);
}

/// Buttons, search and the keys that need no timeline.
function attachPage(page) {
  const { view } = page, on = (id, act) => get(id).addEventListener("click", act);
  on("zoom-in", () => zoomAtPick(page, 1.6));
  on("zoom-out", () => zoomAtPick(page, 1 / 1.6));
  on("fit", () => view.all());
  on("latest", () => page.goToLatest());
  on("path", () => page.togglePath());
  on("arrows", () => { page.arrows = !page.arrows; get("arrows").setAttribute("aria-pressed", page.arrows); page.redraw(); });
  on("layout", () => get("layout").setAttribute("aria-pressed", get("timelines").classList.toggle("beside")));
  on("help", () => { const open = get("keys").hidden; get("keys").hidden = !open; get("help").setAttribute("aria-expanded", open); });
  get("order").addEventListener("change", (event) => page.setOrder(event.target.value));
  const search = get("search");
  search.addEventListener("input", () => page.search(search.value, 0));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") page.search(search.value, event.shiftKey ? -1 : 1);
    if (event.key === "Escape") { search.value = ""; page.search("", 0); (page.pick ? page.pick.line : page.lines[0]).scroller.focus(); }
  });
  const keys = { "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", "0": "fit", l: "latest", c: "path", w: "arrows", s: "layout", "?": "help" };
  document.addEventListener("keydown", () => page.hideTip(), true);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName)) return;
    if (event.key === "/") { event.preventDefault(); search.focus(); search.select(); }
    else if (event.key === "Escape") page.clear();
    else if (keys[event.key] && !get(keys[event.key]).hidden) { event.preventDefault(); get(keys[event.key]).click(); }
  });
}

function zoomAtPick(page, factor) {
  const { view, pick } = page;
  if (!pick) return view.zoom(factor);
  const { slices } = pick.line.model, middle = (slices.from[pick.slice] + slices.to[pick.slice]) / 2;
  view.zoom(factor, middle >= view.from && middle <= view.to ? middle : undefined);
}

addEventListener("error", (event) => {
  if (window.viewer) return;
  document.body.prepend(element("p", { role: "alert" }, "This page could not be drawn: " + event.message));
});
const page = new Page(JSON.parse(get("content").textContent));

/// For tests and for the curious: the page from the console.
window.viewer = {
  page,
  /// Milliseconds from the beginning of the page to its first picture.
  drawn: 0,
  /// Where on the screen the longest wait for a turn of a task is.
  locate(run, label) {
    const line = page.lines[run], { model } = line, task = model.label.indexOf(label), slice = model.worstSlice[task];
    page.view.reveal(model.slices.from[slice], model.slices.to[slice]);
    line.revealRow(task);
    line.draw();
    const box = line.canvas.getBoundingClientRect();
    return { x: box.left + line.x((model.slices.from[slice] + model.slices.to[slice]) / 2), y: box.top + line.rowY(line.rowOf[task]) + ROW / 2 };
  },
  /// Milliseconds to draw everything once.
  frame() {
    const began = performance.now();
    for (const line of page.lines) line.draw();
    page.overview.draw();
    return performance.now() - began;
  },
};
window.viewer.frame();
window.viewer.drawn = performance.now();
