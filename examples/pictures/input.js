// Mouse and keyboard of the timelines.

function attachMouse(line) {
  const { page, view } = line;
  for (const surface of [line.canvas, line.head]) {
    const inRows = surface === line.canvas;
    const place = (event) => { const box = surface.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    surface.addEventListener("wheel", (event) => {
      const [x] = place(event);
      if (event.ctrlKey || event.metaKey || event.altKey) {
        event.preventDefault();
        view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0025)), line.time(x));
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        view.pan((event.deltaX || event.deltaY) / 800);
      }
    }, { passive: false });
    let drag = null;
    surface.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      drag = { x: event.clientX, y: event.clientY, from: view.from, to: view.to, top: line.scroller.scrollTop, moved: false };
      surface.setPointerCapture(event.pointerId);
    });
    surface.addEventListener("pointermove", (event) => {
      const [x, y] = place(event);
      if (!drag) return hover(line, event, inRows ? line.hit(x, y) : pollAt(line, x, y));
      const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
      if (!drag.moved && Math.hypot(dx, dy) < 4) return;
      drag.moved = true;
      page.hideTip();
      surface.style.cursor = "grabbing";
      const shift = dx / line.scale;
      view.show(drag.from - shift, drag.to - shift);
      if (inRows) line.scroller.scrollTop = drag.top - dy;
    });
    const release = (event) => {
      const was = drag, [x, y] = place(event);
      drag = null;
      surface.style.cursor = "";
      if (!was || was.moved || event.type === "pointercancel") return;
      const slice = inRows ? line.hit(x, y) : pollAt(line, x, y);
      line.scroller.focus({ preventScroll: true });
      page.hideTip();
      if (slice >= 0) page.select(line, slice, { explain: true, reveal: !inRows }); else page.clear();
    };
    surface.addEventListener("pointerup", release);
    surface.addEventListener("pointercancel", release);
    surface.addEventListener("pointerleave", () => { page.hideTip(); line.hover = -1; line.invalidate(); });
    surface.addEventListener("dblclick", (event) => view.zoom(event.shiftKey ? 1 / 3 : 3, line.time(place(event)[0])));
  }
  line.labels.addEventListener("click", (event) => {
    const task = Number(event.target.dataset?.task ?? -1);
    if (task >= 0) page.selectTask(line, task);
  });
}

/// The poll under a point of the loop's lane.
function pollAt(line, x, y) {
  if (y < AXIS || y > AXIS + LOOP) return -1;
  const { model } = line, k = firstPoll(model, line.time(x) - 1 / line.scale);
  if (k >= model.polls.length) return -1;
  const slice = model.polls.slice[k];
  return model.slices.from[slice] <= line.time(x) + 2 / line.scale ? slice : -1;
}

function hover(line, event, slice) {
  const task = slice >= 0 ? line.model.slices.task[slice] : -1;
  if (task !== line.hover) { line.hover = task; line.invalidate(); }
  if (slice >= 0) line.page.showTip(line, slice, event.clientX, event.clientY); else line.page.hideTip();
}

/// Keys that need a timeline: the one with the focus.
function attachKeys(line) {
  line.scroller.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = event.shiftKey ? 0 : 1;
    const action = {
      ArrowLeft: () => event.shiftKey ? line.view.pan(-0.2) : stepSlice(line, -1),
      ArrowRight: () => event.shiftKey ? line.view.pan(0.2) : stepSlice(line, 1),
      ArrowUp: () => rows ? stepRow(line, -1) : (line.scroller.scrollTop -= 3 * ROW),
      ArrowDown: () => rows ? stepRow(line, 1) : (line.scroller.scrollTop += 3 * ROW),
      PageUp: () => stepRow(line, -Math.floor(line.height / ROW)),
      PageDown: () => stepRow(line, Math.floor(line.height / ROW)),
      Home: () => edgeSlice(line, 0),
      End: () => edgeSlice(line, 1),
      Enter: () => line.page.explain(),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });
}

/// The selected slice, or one in the middle of the first row in view.
function selected(line) {
  const pick = line.page.pickOf(line);
  if (pick >= 0) return pick;
  const task = line.order[Math.floor(line.scroller.scrollTop / ROW)];
  return task === undefined ? -1 : sliceAt(line.model, task, (line.view.from + line.view.to) / 2);
}

function stepSlice(line, by) {
  const had = line.page.pickOf(line) >= 0, pick = selected(line);
  if (pick < 0) return;
  const task = line.model.slices.task[pick], next = had ? pick + by : pick;
  if (next >= line.model.first[task] && next < line.model.first[task + 1]) line.page.select(line, next, { reveal: true });
}

function stepRow(line, by) {
  const had = line.page.pickOf(line) >= 0, pick = selected(line);
  if (pick < 0) return;
  const { slices } = line.model, row = line.rowOf[slices.task[pick]];
  const to = Math.min(line.order.length - 1, Math.max(0, had ? row + by : row));
  const middle = Math.min(line.view.to, Math.max(line.view.from, (slices.from[pick] + slices.to[pick]) / 2));
  const next = sliceAt(line.model, line.order[to], middle);
  if (next >= 0) line.page.select(line, next, { reveal: true });
}

function edgeSlice(line, last) {
  const pick = selected(line);
  if (pick < 0) return;
  const task = line.model.slices.task[pick];
  line.page.select(line, last ? line.model.first[task + 1] - 1 : line.model.first[task], { reveal: true });
}
