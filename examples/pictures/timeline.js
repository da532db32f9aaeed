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
      element("span", { style: `top:${AXIS + LOOP + 9}px` }, `ready ≤ ${model.maxReady.toLocaleString("en")}`));
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
    const nodes = [], twin = page.pick && pick < 0 ? page.pick.line.model.label[page.pick.line.model.slices.task[page.pick.slice]] : null;
    for (let row = from; row < to; row++) {
      const task = this.order[row], node = this.labels.children[row - from] || this.labels.appendChild(element("div", { role: "listitem" }));
      const label = model.label[task];
      if (node.textContent !== label) node.textContent = label;
      node.title = `${label}, ${model.site[task]}`;
      node.dataset.task = task;
      node.className = task === current || label === twin ? "current" : page.matches(label) ? "match" : "";
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
