// The timeline of one run: the loop above, a row per task below, drawn on canvases.
// Only what is in view is drawn; where many slices share a pixel, the pixel shows
// their shares of its time. The labels of the rows in view are elements.

const ROW = 20, AXIS = 22, LOOP = 24, QUEUE = 38, HEAD = AXIS + LOOP + QUEUE;
const MOST_ARROWS = 300;

/// The stretch of time in view, common to all runs of the page.
class View {
  constructor(end) {
    this.end = Math.max(end, 1);
    this.listeners = [];
    this.all();
  }
  all() { const pad = this.end * 0.01; this.show(-pad, this.end + pad); }
  show(from, to) {
    const pad = this.end * 0.01, span = Math.min(Math.max(to - from, 20), this.end + 2 * pad);
    from = Math.min(Math.max(from, -pad), this.end + pad - span);
    this.from = from;
    this.to = from + span;
    for (const listener of this.listeners) listener();
  }
  zoom(factor, about) {
    about = about ?? (this.from + this.to) / 2;
    this.show(about - (about - this.from) / factor, about + (this.to - about) / factor);
  }
  pan(share) { const by = share * (this.to - this.from); this.show(this.from + by, this.to + by); }
  /// Moves as little as possible to have this stretch in view, not too small to see.
  reveal(from, to) {
    const took = to - from, span = this.to - this.from;
    if (took > span * 0.9 || took < span / 400) {
      const wide = Math.max(took * 1.5, Math.min(span, took * 40), 20);
      this.show((from + to) / 2 - wide / 2, (from + to) / 2 + wide / 2);
    } else if (from < this.from || to > this.to) {
      this.show((from + to - span) / 2, (from + to + span) / 2);
    }
  }
}

function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/// Colours of the page, read again when the scheme changes.
const paint = {};
function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "panel", "line", "ink", "soft", "run", "run-ink", "ready", "ready-edge", "ready-ink", "wait", "wait-ink", "path", "pick", "a", "b", "band"]) {
    paint[name] = style.getPropertyValue("--" + name).trim();
  }
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  pen.strokeStyle = paint.wait;
  pen.lineWidth = 1.3;
  for (const shift of [-6, 0, 6]) { pen.moveTo(shift - 1, 7); pen.lineTo(shift + 7, -1); }
  pen.stroke();
  paint.hatch = pen.createPattern(tile, "repeat");
}

/// Fits a canvas to its box and gives a pen in CSS pixels.
function penOf(canvas, height) {
  const width = canvas.clientWidth, scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

class Timeline {
  constructor(model, view, page) {
    Object.assign(this, { model, view, page, order: [], rowOf: new Int32Array(model.n), path: [], onPath: new Set(), late: null, hover: -1, frame: 0 });
    this.build();
    view.listeners.push(() => this.invalidate());
    new ResizeObserver(() => this.invalidate()).observe(this.scroller);
  }

  build() {
    const { model } = this, busy = model.end > 0 ? model.busy / model.end : 0;
    const badge = this.page.runs > 1 ? element("span", { class: model.place ? "badge b" : "badge", "aria-hidden": "true" }, "AB"[model.place] || model.place + 1) : null;
    const facts = [plural(model.n, "task"), plural(model.polls.length, "poll"), `${duration(model.end)} long`, `busy ${percent(busy)}`];
    if (model.leftOut) facts.push(`${plural(model.leftOut, "later event")} left out`);
    this.head = element("canvas", { "aria-hidden": "true" });
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.labels = element("div", { class: "labels", role: "list", "aria-label": "Tasks in view" });
    this.pane = element("div", { class: "pane" }, this.labels, this.canvas);
    this.spacer = element("div");
    this.scroller = element("div", {
      class: "scroller", tabindex: 0, role: "application", "aria-roledescription": "timeline",
      "aria-label": `${model.name}: timeline of ${plural(model.n, "task")}. Arrow keys move between slices and rows, Enter explains, slash searches.`,
    }, this.pane, this.spacer);
    const names = element("div", { class: "names" },
      element("span", { style: `top:3px` }, "time"),
      element("span", { style: `top:${AXIS + 3}px` }, "loop"),
      element("span", { style: `top:${AXIS + LOOP + 9}px` }, `ready, up to ${model.maxReady}`));
    this.note = element("p", { class: "note" });
    this.node = element("section", { class: "run", "aria-label": "Run " + model.name },
      element("header", {}, element("h2", {}, badge, model.name), element("p", { class: "facts" }, facts.join(" · "))),
      element("div", { class: "frame" }, element("div", { class: "lanes" }, names, this.head), this.scroller), this.note);
    this.scroller.addEventListener("scroll", () => { this.page.scrolled(this); this.invalidate(); });
    attachMouse(this);
    attachKeys(this);
  }

  /// Which tasks have rows, from the top.
  setOrder(order) {
    this.order = order;
    this.rowOf.fill(-1);
    order.forEach((task, row) => { this.rowOf[task] = row; });
    const most = this.page.runs > 1 ? 14 : 24;
    this.height = Math.max(3, Math.min(order.length, most)) * ROW + 2;
    this.scroller.style.height = this.pane.style.height = this.labels.style.height = this.canvas.style.height = this.height + "px";
    this.spacer.style.height = Math.max(0, order.length * ROW - this.height) + "px";
    this.invalidate();
  }

  invalidate() {
    if (!this.frame) this.frame = requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  x(time) { return (time - this.view.from) * this.scale; }
  time(x) { return this.view.from + x / this.scale; }
  rowY(row) { return row * ROW - this.top; }

  draw() {
    this.width = this.canvas.clientWidth;
    if (!this.width) return;
    this.top = this.scroller.scrollTop;
    this.scale = this.width / (this.view.to - this.view.from);
    drawHead(this, penOf(this.head, HEAD));
    const pen = penOf(this.canvas, this.height);
    const from = Math.max(0, Math.floor(this.top / ROW)), to = Math.min(this.order.length, Math.ceil((this.top + this.height) / ROW));
    drawTicks(this, pen, 0, this.height, false);
    for (let row = from; row < to; row++) drawRow(this, pen, this.order[row], this.rowY(row));
    this.drawOverlays(pen, from, to);
    this.drawLabels(from, to);
  }

  drawOverlays(pen, from, to) {
    if (this.late) drawLate(this, pen, 0, this.height);
    let hidden = 0;
    if (this.page.arrows) hidden = drawWakes(this, pen, from, to);
    if (this.path.length) drawPath(this, pen);
    const pick = this.page.pickOf(this);
    if (pick >= 0) outline(this, pen, pick);
    this.note.textContent = hidden ? `${plural(hidden, "wake")} in view: too many arrows. Zoom in, or select a task to see its own.` : "";
  }

  drawLabels(from, to) {
    const { model, page } = this, pick = page.pickOf(this), current = pick >= 0 ? model.slices.task[pick] : -1;
    const nodes = [];
    for (let row = from; row < to; row++) {
      const task = this.order[row], node = this.labels.children[row - from] || this.labels.appendChild(element("div", { role: "listitem" }));
      const label = model.label[task];
      if (node.textContent !== label) node.textContent = label;
      node.title = `${label}, ${model.site[task]}`;
      node.dataset.task = task;
      node.className = task === current ? "current" : page.matches(label) ? "match" : "";
      node.style.top = this.rowY(row) + "px";
      nodes.push(node);
    }
    while (this.labels.children.length > nodes.length) this.labels.lastChild.remove();
  }

  /// Scrolls as little as possible to have a task's row in view.
  revealRow(task) {
    const row = this.rowOf[task];
    if (row < 0) return;
    if (row * ROW < this.scroller.scrollTop + ROW) this.scroller.scrollTop = Math.max(0, row * ROW - 2 * ROW);
    else if ((row + 2) * ROW > this.scroller.scrollTop + this.height) this.scroller.scrollTop = (row + 3) * ROW - this.height;
  }

  /// The slice under a point of the canvas: what ran is easier to hit than what did not.
  hit(x, y) {
    const task = this.order[Math.floor((y + this.top) / ROW)];
    if (task === undefined) return -1;
    const { slices, first } = this.model, near = 3 / this.scale, at = this.time(x);
    let best = -1;
    let i = Math.max(first[task], lowerBound(slices.to, at - near, first[task], first[task + 1]));
    for (let looked = 0; i < first[task + 1] && slices.from[i] <= at + near && looked < 500; i++, looked++) {
      const covers = slices.from[i] <= at && at <= slices.to[i];
      const narrow = slices.to[i] - slices.from[i] < 2 * near;
      if (best < 0 || (covers && !(slices.state[best] === RUN && slices.to[best] - slices.from[best] < 2 * near)) || (narrow && slices.state[i] === RUN)) best = i;
    }
    return best;
  }
}

/// Round times, and lines through them.
function drawTicks(line, pen, top, bottom, words) {
  const span = line.view.to - line.view.from, wanted = span / Math.max(2, line.width / 110);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = Math.max(1, [1, 2, 5, 10].find((round) => round * power >= wanted) * power);
  pen.strokeStyle = paint.line;
  pen.fillStyle = paint.soft;
  pen.lineWidth = 1;
  pen.font = "11.5px system-ui, sans-serif";
  pen.textBaseline = "middle";
  for (let at = Math.max(0, Math.ceil(line.view.from / step) * step); at <= Math.min(line.view.to, line.view.end); at += step) {
    const x = Math.round(line.x(at)) + 0.5;
    pen.beginPath();
    pen.moveTo(x, top);
    pen.lineTo(x, bottom);
    pen.stroke();
    if (words) pen.fillText(axisLabel(at, step), x + 4, AXIS / 2 + 1);
  }
}

/// A time with as many digits as its neighbours need.
function axisLabel(at, step) {
  if (at === 0) return "0";
  const [unit, size] = [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]].find(([, size]) => at >= size) || ["ns", 1];
  const digits = Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9));
  return (at / size).toFixed(digits) + "\u202f" + unit;
}

/// The axis, the loop's own lane and the length of the queue.
function drawHead(line, pen) {
  const { model, view, width } = line, { slices, polls, idle, queue } = model;
  drawTicks(line, pen, 0, HEAD, true);
  const y = AXIS + 4, height = LOOP - 8;
  pen.fillStyle = paint.hatch;
  for (let i = lowerBound(idle.to, view.from, 0, idle.length); i < idle.length && idle.from[i] < view.to; i++) {
    const a = Math.max(0, line.x(idle.from[i])), b = Math.min(width, line.x(idle.to[i]));
    if (b - a >= 1) pen.fillRect(a, y + 3, b - a, height - 6);
    if (b - a > 60) note(pen, "waiting " + duration(idle.to[i] - idle.from[i]), a, b, y + height / 2, paint["wait-ink"], paint.paper);
  }
  // One column per pixel: the share of its time in which the loop polled.
  const busy = new Float32Array(width + 1), ticks = new Uint8Array(width + 1);
  const start = Math.max(0, firstPoll(model, view.from) - 1);
  pen.fillStyle = paint.run;
  let texts = 0;
  for (let k = start; k < polls.length; k++) {
    const i = polls.slice[k];
    if (slices.from[i] > view.to) break;
    if (slices.to[i] < view.from) continue;
    const a = Math.max(0, line.x(slices.from[i])), b = Math.min(width, line.x(slices.to[i]));
    if (b - a >= 2) {
      pen.fillStyle = paint.run;
      pen.fillRect(a, y, b - a - (b - a > 4 ? 0.6 : 0), height);
      if (b - a > 46 && texts++ < 200) note(pen, model.label[slices.task[i]], a, b, y + height / 2, paint["run-ink"]);
    } else {
      const column = Math.min(width, Math.floor(a));
      busy[column] += b - a;
      ticks[column] = 1;
    }
  }
  pen.fillStyle = paint.run;
  for (let column = 0; column <= width; column++) {
    if (!ticks[column]) continue;
    const tall = Math.max(3, Math.min(1, busy[column]) * height);
    pen.fillRect(column, y + height - tall, 1, tall);
  }
  drawQueue(line, pen, queue, AXIS + LOOP + QUEUE - 4, QUEUE - 8);
}

/// The number of the first poll that ends at or after `time`.
function firstPoll(model, time) {
  let from = 0, to = model.polls.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (model.slices.to[model.polls.slice[middle]] < time) from = middle + 1; else to = middle;
  }
  return from;
}

/// How many tasks were ready: per pixel the most.
function drawQueue(line, pen, queue, base, tall) {
  const { view, model, width } = line;
  if (!queue.length || !model.maxReady) return;
  const peak = new Float32Array(width + 2).fill(-1);
  let i = Math.max(0, lowerBound(queue.at, view.from, 0, queue.length) - 1), now = 0;
  const height = (value) => value / model.maxReady * tall;
  let last = 0;
  for (; i < queue.length && queue.at[i] <= view.to; i++) {
    const column = Math.min(width, Math.max(0, Math.floor(line.x(queue.at[i]))));
    for (let c = last + 1; c < column; c++) peak[c] = Math.max(peak[c], now);
    peak[column] = Math.max(peak[column], queue.peak[i], queue.now[i]);
    now = queue.now[i];
    last = column;
  }
  const end = Math.min(width, Math.floor(line.x(model.end)));
  for (let c = last + 1; c <= end; c++) peak[c] = now;
  pen.beginPath();
  pen.moveTo(0, base);
  for (let c = 0; c <= end; c++) { const h = height(Math.max(0, peak[c])); pen.lineTo(c, base - h); pen.lineTo(c + 1, base - h); }
  pen.lineTo(Math.max(0, end + 1), base);
  pen.closePath();
  pen.fillStyle = paint.ready;
  pen.fill();
  pen.strokeStyle = paint["ready-edge"];
  pen.lineWidth = 1;
  pen.stroke();
}

/// Words inside a bar, if they fit; with `behind` they are set off from what they cross.
function note(pen, words, a, b, y, colour, behind) {
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const width = pen.measureText(words).width;
  if (width + 8 > b - a) return;
  if (behind) { pen.fillStyle = behind; pen.fillRect(a + 3, y - 7, width + 5, 14); }
  pen.fillStyle = colour;
  pen.fillText(words, a + 5, y + 0.5);
}

/// One task's row.
function drawRow(line, pen, task, top) {
  const { model, view, width } = line, { slices, first } = model;
  if (line.rowOf[task] % 2) { pen.fillStyle = paint.band; pen.fillRect(0, top, width, ROW); }
  let column = -1, run = 0, ready = 0, polled = false;
  const flush = () => {
    if (column < 0) return;
    const tall = polled ? Math.max(3, Math.min(1, run) * 14) : 0, pale = Math.min(1, run + ready) * 14;
    if (ready > 0.02) { pen.fillStyle = paint.ready; pen.fillRect(column, top + 17 - Math.max(pale, 2), 1, Math.max(pale, 2)); }
    if (tall) { pen.fillStyle = paint.run; pen.fillRect(column, top + 17 - tall, 1, tall); }
    column = -1;
    run = ready = 0;
    polled = false;
  };
  const end = first[task + 1];
  for (let i = lowerBound(slices.to, view.from, first[task], end); i < end && slices.from[i] <= view.to; i++) {
    const a = line.x(slices.from[i]), b = line.x(slices.to[i]), state = slices.state[i];
    if (b - a >= 2) {
      flush();
      drawSlice(line, pen, i, Math.max(-2, a), Math.min(width + 2, b), top);
      continue;
    }
    const at = Math.floor(a);
    if (at !== column) { flush(); column = at; }
    if (state === RUN) { run += b - a; polled = true; } else if (state === READY) ready += b - a;
  }
  flush();
}

function drawSlice(line, pen, i, a, b, top) {
  const { model } = line, { slices } = model, took = slices.to[i] - slices.from[i];
  if (slices.state[i] === RUN) {
    pen.fillStyle = paint.run;
    pen.fillRect(a, top + 3, Math.max(1, b - a - (b - a > 4 ? 0.6 : 0)), 14);
    if (b - a > 34) note(pen, duration(took), a, b, top + 10, paint["run-ink"]);
  } else if (slices.state[i] === READY) {
    pen.fillStyle = paint.ready;
    pen.fillRect(a, top + 5, b - a, 12);
    pen.fillStyle = paint["ready-edge"];
    pen.fillRect(a, top + 15.4, b - a, 1.6);
    if (b - a > 34) note(pen, duration(took), a, b, top + 10, paint["ready-ink"]);
  } else {
    pen.fillStyle = paint.hatch;
    pen.fillRect(a, top + 7, b - a, 7);
    const words = waitText(model, slices.why[i], slices.by[i]);
    if (b - a > 40 && words) note(pen, words + (took ? ", " + duration(took) : ""), a, b, top + 10, paint["wait-ink"], paint.paper);
  }
}

/// All but the stretch in question steps back.
function drawLate(line, pen, top, bottom) {
  const { slices } = line.model, a = line.x(slices.from[line.late.slice]), b = line.x(slices.to[line.late.slice]);
  pen.globalAlpha = 0.62;
  pen.fillStyle = paint.paper;
  pen.fillRect(0, top, Math.max(0, a), bottom - top);
  pen.fillRect(Math.min(line.width, b), top, line.width, bottom - top);
  pen.globalAlpha = 1;
  pen.strokeStyle = paint.pick;
  pen.setLineDash([3, 3]);
  pen.lineWidth = 1;
  for (const x of [a, b]) { pen.beginPath(); pen.moveTo(Math.round(x) + 0.5, top); pen.lineTo(Math.round(x) + 0.5, bottom); pen.stroke(); }
  pen.setLineDash([]);
}

/// Arrows from who woke to who was woken. Returns how many were too many.
function drawWakes(line, pen, from, to) {
  const { model, view } = line, { slices, wakes } = model;
  const pick = line.page.pickOf(line), own = line.hover >= 0 ? line.hover : pick >= 0 ? slices.task[pick] : -1;
  let a = 0, b = wakes.length;
  while (a < b) { const middle = (a + b) >>> 1; if (slices.from[wakes[middle]] < view.from) a = middle + 1; else b = middle; }
  const seen = [];
  let inView = 0;
  for (let k = a; k < wakes.length && slices.from[wakes[k]] <= view.to; k++) {
    const i = wakes[k], target = line.rowOf[slices.task[i]], source = line.rowOf[slices.by[i]];
    if (target < 0 || source < 0 || (target < from && source < from) || (target >= to && source >= to)) continue;
    inView++;
    const mine = slices.task[i] === own || slices.by[i] === own;
    if (mine ? seen.length < 2 * MOST_ARROWS : inView <= MOST_ARROWS) seen.push([i, source, target, mine]);
  }
  const crowded = inView > MOST_ARROWS;
  for (const [i, source, target, mine] of seen) {
    if (!crowded || mine) arrow(pen, line.x(slices.from[i]), line.rowY(source) + 10, line.rowY(target) + 10, mine ? paint.pick : paint.soft, mine);
  }
  return crowded ? inView : 0;
}

function arrow(pen, x, y0, y1, colour, strong) {
  const down = y1 > y0 ? 1 : -1, bow = Math.min(14, 3 + Math.abs(y1 - y0) / 12);
  y0 += 7 * down;
  y1 -= 7 * down;
  pen.globalAlpha = strong ? 1 : 0.55;
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = strong ? 1.5 : 1;
  pen.beginPath();
  pen.moveTo(x, y0);
  pen.quadraticCurveTo(x + bow, (y0 + y1) / 2, x, y1);
  pen.stroke();
  pen.beginPath();
  pen.moveTo(x, y1 + 1.5 * down);
  pen.lineTo(x - 2.5, y1 - 5 * down);
  pen.lineTo(x + 4, y1 - 4 * down);
  pen.fill();
  pen.globalAlpha = 1;
}

/// The critical path: its slices framed, joined by the wakes it went through.
function drawPath(line, pen) {
  const { model, view, path } = line, { slices } = model;
  let a = 0, b = path.length;
  while (a < b) { const middle = (a + b) >>> 1; if (slices.to[path[middle]] < view.from) a = middle + 1; else b = middle; }
  pen.strokeStyle = paint.path;
  pen.lineWidth = 2;
  pen.beginPath();
  let lastX = -9, lastRow = -1;
  for (let k = a; k < path.length && slices.from[path[k]] <= view.to; k++) {
    const i = path[k], row = line.rowOf[slices.task[i]];
    const x0 = Math.max(-4, line.x(slices.from[i])), x1 = Math.min(line.width + 4, line.x(slices.to[i]));
    if (row < 0 || (row === lastRow && x1 - lastX < 1)) continue;
    const y = line.rowY(row), before = k > 0 ? line.rowOf[slices.task[path[k - 1]]] : -1;
    if (y > -ROW && y < line.height) pen.rect(x0, y + 2, Math.max(1, x1 - x0), 16);
    if (before >= 0 && before !== row) {
      const y0 = Math.min(Math.max(line.rowY(before) + 10, -20), line.height + 20);
      pen.moveTo(x0, y0);
      pen.lineTo(x0, Math.min(Math.max(y + 10, -20), line.height + 20));
    }
    lastX = x1;
    lastRow = row;
  }
  pen.stroke();
}

function outline(line, pen, i) {
  const { slices } = line.model, y = line.rowY(line.rowOf[slices.task[i]]);
  const a = Math.max(-4, line.x(slices.from[i])), b = Math.min(line.width + 4, line.x(slices.to[i]));
  pen.strokeStyle = paint.paper;
  pen.lineWidth = 4;
  pen.strokeRect(a - 2, y + 1, Math.max(5, b - a + 4), 18);
  pen.strokeStyle = paint.pick;
  pen.lineWidth = 2;
  pen.strokeRect(a - 2, y + 1, Math.max(5, b - a + 4), 18);
}
