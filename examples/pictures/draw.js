// What the timelines draw: axis, loop, queue, rows, wakes, paths.

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
    const label = words ? axisLabel(at, step) : "";
    if (label && x + 6 + pen.measureText(label).width < pen.canvas.clientWidth) pen.fillText(label, x + 4, AXIS / 2 + 1);
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
  for (let i = lowerBound(idle.to, view.from, 0, idle.length); i < idle.length && idle.from[i] < view.to; i++) {
    const a = Math.max(0, line.x(idle.from[i])), b = Math.min(width, line.x(idle.to[i]));
    pen.fillStyle = paint.hatch;
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
      ticks[Math.min(width, Math.floor(a))] = 1;
      spread(busy, a, b);
    }
  }
  pen.fillStyle = paint.run;
  for (let column = 0; column <= width; column++) {
    if (!ticks[column] && busy[column] === 0) continue;
    const tall = Math.max(3, Math.min(1, busy[column]) * height);
    pen.fillRect(column, y + height - tall, 1, tall);
  }
  drawQueue(line, pen, queue, AXIS + LOOP + QUEUE - 4, QUEUE - 8);
  if (line.late) drawLate(line, pen, AXIS, HEAD);
}

/// Adds the stretch `a .. b`, in pixels, to the pixels it covers.
function spread(columns, a, b) {
  for (let c = Math.floor(a); c < b && c < columns.length; c++) if (c >= 0) columns[c] += Math.min(b, c + 1) - Math.max(a, c);
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
  // Slices too narrow to draw add up to shares of their pixels.
  const run = new Float32Array(width + 1), ready = new Float32Array(width + 1), polled = new Uint8Array(width + 1);
  const end = first[task + 1];
  let narrow = false;
  for (let i = lowerBound(slices.to, view.from, first[task], end); i < end && slices.from[i] <= view.to; i++) {
    const a = line.x(slices.from[i]), b = line.x(slices.to[i]), state = slices.state[i];
    if (b - a >= 2) { drawSlice(line, pen, i, Math.max(-2, a), Math.min(width + 2, b), top); continue; }
    narrow = true;
    if (state === RUN) { spread(run, a, b); if (a >= 0) polled[Math.min(width, Math.floor(a))] = 1; } else if (state === READY) spread(ready, a, b);
  }
  for (let c = 0; narrow && c <= width; c++) {
    const tall = polled[c] || run[c] > 0.3 ? Math.max(4, Math.min(1, run[c]) * 14) : 0, pale = Math.min(1, run[c] + ready[c]) * 12;
    if (ready[c] > 0.05) { pen.fillStyle = paint.ready; pen.fillRect(c, top + 17 - pale, 1, pale); }
    if (tall) { pen.fillStyle = paint.run; pen.fillRect(c, top + 17 - tall, 1, tall); }
  }
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
  const seen = [], trunks = new Map();
  let inView = 0;
  for (let k = a; k < wakes.length && slices.from[wakes[k]] <= view.to; k++) {
    const i = wakes[k], target = line.rowOf[slices.task[i]], source = line.rowOf[slices.by[i]];
    if (target < 0 || source < 0 || (target < from && source < from) || (target >= to && source >= to)) continue;
    const mine = slices.task[i] === own || slices.by[i] === own;
    if (slices.why[i] === WHY.SPAWN && !mine) continue; // The rows' beginnings say it.
    inView++;
    if (mine ? seen.length < 2 * MOST_ARROWS : inView <= MOST_ARROWS) seen.push([i, source, target, mine]);
  }
  const crowded = inView > MOST_ARROWS;
  // Wakes by one poll share a trunk.
  for (const [i, source, target, mine] of seen) {
    if (crowded && !mine) continue;
    const x = Math.round(line.x(slices.from[i])), key = `${source} ${x} ${target > source}`;
    const trunk = trunks.get(key) || { x, source, targets: [], mine: false };
    trunk.targets.push(target);
    trunk.mine ||= mine;
    trunks.set(key, trunk);
  }
  for (const { x, source, targets, mine } of trunks.values()) {
    arrows(pen, x, line.rowY(source) + 10, targets.map((row) => line.rowY(row) + 10), mine ? paint.pick : paint.soft, mine, line.height);
  }
  return crowded ? inView : 0;
}

function arrows(pen, x, from, targets, colour, strong, height) {
  const down = targets[0] > from ? 1 : -1, far = down > 0 ? Math.max(...targets) : Math.min(...targets);
  const y0 = Math.min(Math.max(from + 7 * down, -9), height + 9), y1 = Math.min(Math.max(far - 7 * down, -9), height + 9);
  pen.globalAlpha = strong ? 1 : 0.6;
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = strong ? 1.5 : 1;
  pen.beginPath();
  pen.moveTo(x + 0.5, y0);
  pen.lineTo(x + 0.5, y1);
  pen.stroke();
  pen.beginPath();
  for (const target of targets) {
    const y = target - 7 * down;
    if (y < -9 || y > height + 9) continue;
    pen.moveTo(x + 0.5, y + 2 * down);
    pen.lineTo(x - 3, y - 4 * down);
    pen.lineTo(x + 4, y - 4 * down);
  }
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
