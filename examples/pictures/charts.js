// The charts below the timelines: tails of latency, shares, who won and who paid.
// Runs differ by mark (disc, square) as well as by colour; numbers stand beside.

function shape(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children.filter((child) => child != null));
  return node;
}

function figure(title, words, ...content) {
  return element("figure", {}, element("figcaption", {}, element("h2", {}, title), ...words.map((line) => element("p", {}, line))), ...content);
}

function table(heads, rows) {
  const row = (cells, tag) => element("tr", {}, ...cells.map((cell, i) => element(i === 0 && tag === "td" ? "th" : tag, { scope: tag === "th" ? "col" : i === 0 ? "row" : null }, String(cell))));
  const head = heads.some((head) => head) ? element("thead", {}, row(heads, "th")) : null;
  return element("table", {}, head, element("tbody", {}, ...rows.map((cells) => row(cells, "td"))));
}

/// The mark of a run: a disc for the first, a square for the second.
function mark(place, x, y, size) {
  const r = size || 4.5, common = { fill: "currentColor", class: place ? "b" : "a" };
  return place ? shape("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, ...common }) : shape("circle", { cx: x, cy: y, r: r * 1.1, ...common });
}

/// P(latency > t) on logarithmic scales, with what theory says dashed.
function tailChart(models, of, title, about) {
  const tails = models.map((model) => ({ model, sorted: latencies(model, of) })).map((entry) => ({ ...entry, ...tail(entry.sorted) }));
  const theory = models.flatMap((model) => model.theory.filter((curve) => curve.of === of).map((curve) => ({ ...curve, place: model.place, points: curve.points.map(([x, p]) => [x * 1e9, p]).filter(([x, p]) => x > 0 && p > 0) })));
  const quantiles = table(["", "p50", "p90", "p99", "p99.9", "longest", "mean"], tails.map(({ model, sorted }) => [
    model.name, ...[0.5, 0.9, 0.99, 0.999, 1].map((q) => sorted.length ? duration(quantile(sorted, q)) : "–"),
    sorted.length ? duration(sorted.reduce((a, b) => a + b, 0) / sorted.length) : "–",
  ]));
  const words = [about];
  for (const { model, zeros, n } of tails) if (zeros) words.push(`${model.name}: ${percent(zeros / n)} were 0 and have no place on this scale.`);
  const xs = tails.flatMap(({ points }) => points.map(([x]) => x));
  if (!xs.length) return figure(title, [about, "Every value is 0."], quantiles);
  const x0 = Math.min(...xs) / 1.3, x1 = Math.max(Math.max(...xs) * 1.25, x0 * 4), y0 = 0.6 / Math.max(...tails.map(({ n }) => n || 1));
  const plot = logPlot(x0, x1, Math.min(y0, 0.06), title);
  for (const { model, points, zeros, n } of tails) {
    if (!points.length) continue;
    let path = `M${plot.x(x0)},${plot.y((n - zeros) / n)}`;
    for (const [x, p] of points) path += `H${plot.x(x).toFixed(1)}V${plot.y(Math.max(p, plot.low)).toFixed(1)}`;
    const kind = model.place ? "b" : "a";
    plot.svg.append(shape("path", { d: path, fill: "none", stroke: "currentColor", "stroke-width": 2, class: kind }));
    const every = Math.max(1, Math.floor(points.length / 7));
    for (let i = Math.floor(every / 2); i < points.length; i += every) if (points[i][1] > plot.low) plot.svg.append(mark(model.place, plot.x(points[i][0]), plot.y(points[i][1]), 3.6));
  }
  for (const curve of theory) drawTheory(plot, curve, x0, x1);
  plot.svg.append(...legend([...tails.map(({ model }) => ({ place: model.place, words: model.name })), ...theory.map(({ label }) => ({ dashed: true, words: label }))], 12));
  return figure(title, words, plot.svg, quantiles);
}

/// Axes, grid and scales.
function logPlot(x0, x1, low, title) {
  const W = 600, H = 300, left = 52, right = 12, top = 26, bottom = 34;
  const x = (value) => left + (Math.log(value / x0) / Math.log(x1 / x0)) * (W - left - right);
  const y = (value) => top + (Math.log(value) / Math.log(low)) * (H - top - bottom);
  const svg = shape("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title + ", logarithmic scales; the table below has the numbers" });
  for (let p = 1; p >= low; p /= 10) {
    svg.append(shape("line", { x1: left, x2: W - right, y1: y(p), y2: y(p), class: "grid" }), shape("text", { x: left - 8, y: y(p) + 4, "text-anchor": "end" }, (100 * p >= 1 ? String(100 * p) : (100 * p).toPrecision(1)) + "\u202f%"));
  }
  const decades = Math.log10(x1 / x0), rounds = decades > 3.5 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 3, 5, 7];
  for (let power = 10 ** Math.floor(Math.log10(x0)); power <= x1; power *= 10) {
    for (const round of rounds) {
      const at = round * power;
      if (at < x0 || at > x1) continue;
      svg.append(shape("line", { x1: x(at), x2: x(at), y1: top, y2: H - bottom, class: "grid" }), shape("text", { x: x(at), y: H - bottom + 17, "text-anchor": "middle" }, duration(at)));
    }
  }
  svg.append(shape("line", { x1: left, x2: W - right, y1: H - bottom, y2: H - bottom, class: "axis" }));
  return { svg, x, y, low };
}

function drawTheory(plot, curve, x0, x1) {
  const end = curve.points.findIndex(([, p]) => p < plot.low), above = end < 0 ? curve.points : curve.points.slice(0, end + 1);
  const inside = above.filter(([x]) => x >= x0 && x <= x1).map(([x, p]) => [x, Math.max(p, plot.low)]);
  if (inside.length < 2) return;
  const d = "M" + inside.map(([x, p]) => `${plot.x(x).toFixed(1)},${plot.y(p).toFixed(1)}`).join("L");
  plot.svg.append(shape("path", { d, class: "theory" }));
}

/// One line of names with their marks.
function legend(entries, y) {
  const nodes = [];
  let x = 58;
  for (const { place, dashed, words } of entries) {
    if (dashed) nodes.push(shape("line", { x1: x - 8, x2: x + 14, y1: y, y2: y, class: "theory" }));
    else nodes.push(mark(place, x, y));
    nodes.push(shape("text", { x: x + (dashed ? 20 : 11), y: y + 4, class: "strong" }, words));
    x += (dashed ? 46 : 36) + words.length * 6.6;
  }
  return nodes;
}

/// Running time against what weights entitle to.
function shareChart(models) {
  const named = models.map((model) => {
    const fair = entitlements(model), tasks = countedTasks(model), grouped = new Set(tasks.map((task) => model.group[task])).size > 1, sums = new Map();
    for (const task of tasks) {
      const key = grouped ? "group " + model.group[task] : model.label[task];
      const sum = sums.get(key) || { used: 0, fair: 0 };
      sum.used += model.used[task];
      sum.fair += fair[task];
      sums.set(key, sum);
    }
    return { model, sums, busy: model.busy || 1 };
  });
  const most = new Map();
  for (const { sums, busy } of named) for (const [key, { used, fair }] of sums) most.set(key, Math.max(most.get(key) || 0, used / busy, fair / busy));
  const order = [...most].sort((a, b) => b[1] - a[1]).map(([key]) => key), shown = order.slice(0, models.length > 1 ? 9 : 14), rest = order.slice(shown.length);
  const rows = shown.map((key) => ({ key, values: named.map(({ sums, busy }) => ({ used: (sums.get(key)?.used || 0) / busy, fair: (sums.get(key)?.fair || 0) / busy })) }));
  if (rest.length) {
    rows.push({ key: plural(rest.length, "other"), summed: true, values: named.map(({ sums, busy }) => {
      const sum = { used: 0, fair: 0 };
      for (const key of rest) { sum.used += (sums.get(key)?.used || 0) / busy; sum.fair += (sums.get(key)?.fair || 0) / busy; }
      return sum;
    }) });
  }
  const about = "Bar: share of the running time. Diamond: the share that its weight entitles it to while it was runnable. A task that leaves early needs no more, so few are far apart when all of them finish.";
  const node = figure("Share against entitlement", [about], shareRows(models, rows));
  node.classList.add("wide");
  return node;
}

function shareRows(models, rows) {
  const W = 1240, left = 150, right = 130, bar = models.length > 1 ? 9 : 12, step = models.length * (bar + 2) + 8;
  const top = models.length > 1 ? 26 : 4, H = top + rows.length * step + 4, scale = (W - left - right) / Math.max(...rows.filter(({ summed }) => !summed).flatMap(({ values }) => values.flatMap(({ used, fair }) => [used, fair])), 1e-9);
  const svg = shape("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "Share of running time and entitlement: " + rows.map(({ key, values }) => `${key} ${values.map(({ used, fair }) => `${percent(used)}, due ${percent(fair)}`).join(", ")}`).join("; ") });
  rows.forEach(({ key, values, summed }, i) => {
    const y = top + i * step;
    svg.append(shape("text", { x: left - 10, y: y + step / 2, "text-anchor": "end", class: "strong" }, key.length > 18 ? key.slice(0, 17) + "…" : key));
    values.forEach(({ used, fair }, k) => {
      const at = y + k * (bar + 2), middle = at + bar / 2, x = left + fair * scale;
      // The others together would leave no room for each: a number must do.
      if (!summed) svg.append(shape("rect", { x: left, y: at, width: Math.max(1, used * scale), height: bar, fill: "currentColor", class: k ? "b" : "a", opacity: 0.75 }),
        shape("path", { d: `M${x - 5},${middle}l5,-5l5,5l-5,5z`, fill: "var(--paper)", stroke: "var(--ink)", "stroke-width": 1.5 }));
      svg.append(shape("text", { x: W - right + 14, y: middle + 4 }, `${percent(used)}, due ${percent(fair)}`));
    });
  });
  svg.append(shape("line", { x1: left, x2: left, y1: top - 4, y2: H, class: "axis" }));
  if (models.length > 1) svg.append(...legend(models.map((model) => ({ place: model.place, words: model.name })), 10));
  return svg;
}

/// Who won and who paid when the second policy took the place of the first.
function duelChart(a, b) {
  const result = duel(a, b), { pairs, won, paid, equal } = result;
  const title = `Who won and who paid: ${b.name} in place of ${a.name}`;
  if (!pairs.length) return figure(title, ["No task of one name ended in both runs."]);
  const middle = (list) => list.length ? duration(Math.abs(list[Math.floor(list.length / 2)].change)) : "0";
  const worst = paid[paid.length - 1];
  const half = (list) => list.length > 1 ? ` (half of them at least ${middle(list)})` : "";
  const words = `Of ${plural(pairs.length, "task")} ${won.length} won${half(won)}, ${paid.length} paid${half(paid)}` +
    (worst ? `, most of all ${a.label[worst.task]} with ${duration(worst.change)}` : "") + `, ${equal} saw no difference.`;
  const left = unfinishedWork(a), right = unfinishedWork(b), same = Math.abs(left - right) <= 1e-6 * Math.max(left, right);
  const square = (value) => value < 1e9 ? trim(value / 1e6) + "\u202fµs²" : trim(value / 1e12) + "\u202fms²";
  const law = `Unfinished work summed over time: ${a.name} ${square(left)}, ${b.name} ${square(right)}. ` + (same ? "Conserved: neither order makes work vanish, it only moves the waiting around." : "They differ, so the two runs did not get the same work at the same moments.");
  const picked = [...won.slice(0, 10), ...paid.slice(-10)];
  const node = figure(title, [words, law], dumbbells(a, b, picked, pairs.length), profile(pairs));
  node.classList.add("wide");
  node.id = "duel";
  return node;
}

function dumbbells(a, b, pairs, all) {
  const W = 1240, left = 150, right = 130, step = 20, top = 28, H = top + pairs.length * step + 26;
  const scale = (W - left - right) / Math.max(...pairs.flatMap(({ before, after }) => [before, after]), 1);
  const svg = shape("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "From spawned to done: " + pairs.map(({ task, before, after }) => `${a.label[task]} from ${duration(before)} to ${duration(after)}`).join("; ") });
  pairs.forEach(({ task, before, after, change }, i) => {
    const y = top + i * step + 8, x0 = left + before * scale, x1 = left + after * scale;
    svg.append(shape("line", { x1: left, x2: W - right, y1: y, y2: y, class: "grid" }),
      shape("text", { x: left - 12, y: y + 4, "text-anchor": "end", class: "strong" }, a.label[task].slice(0, 20)),
      shape("line", { x1: x0, x2: x1, y1: y, y2: y, stroke: "var(--ink)", "stroke-width": 2.2 }),
      mark(0, x0, y), mark(1, x1, y),
      shape("text", { x: W - right + 14, y: y + 4, class: change > 0 ? "strong" : "" }, (change > 0 ? "paid " : "won ") + duration(Math.abs(change))));
  });
  const whole = (W - left - right) / scale, power = 10 ** Math.floor(Math.log10(whole / 4)), tick = [1, 2, 5, 10].find((round) => round * power >= whole / 6) * power;
  for (let at = 0; at <= whole; at += tick) {
    const x = left + at * scale;
    svg.prepend(shape("line", { x1: x, x2: x, y1: top - 6, y2: H - 22, class: "grid" }));
    svg.append(shape("text", { x, y: H - 6, "text-anchor": "middle" }, duration(at)));
  }
  svg.append(shape("line", { x1: left, x2: left, y1: top - 6, y2: H - 22, class: "axis" }), shape("text", { x: W - right + 14, y: H - 6 }, "spawned to done"),
    ...legend([{ place: 0, words: a.name }, { place: 1, words: b.name }], 10));
  if (pairs.length < all) svg.append(shape("text", { x: 330, y: 14 }, `the ${pairs.filter(({ change }) => change < 0).length} that won most and the ${pairs.filter(({ change }) => change > 0).length} that paid most`));
  return svg;
}

/// The change of every task, in ascending order.
function profile(pairs) {
  const W = 1240, H = 150, left = 150, right = 130, top = 12, base = 122, width = (W - left - right) / pairs.length;
  const low = Math.min(0, pairs[0].change), high = Math.max(0, pairs[pairs.length - 1].change);
  const y = (change) => base - ((change - low) / (high - low || 1)) * (base - top), zero = y(0);
  let path = `M${left},${zero}`;
  pairs.forEach(({ change }, i) => { path += `V${y(change).toFixed(1)}H${(left + (i + 1) * width).toFixed(1)}`; });
  const svg = shape("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "The change of every task, in ascending order" },
    shape("path", { d: path + `V${zero}Z`, fill: "currentColor", class: "b", opacity: 0.75 }),
    shape("line", { x1: left, x2: W - right, y1: zero, y2: zero, class: "axis" }),
    shape("text", { x: left - 12, y: zero + 4, "text-anchor": "end" }, "no difference"),
    shape("text", { x: left, y: H - 6 }, "every task, from who won most to who paid most"));
  if (high > 0) svg.append(shape("text", { x: W - right + 14, y: y(high) + 4, class: "strong" }, "paid " + duration(high)));
  if (low < 0) svg.append(shape("text", { x: left - 12, y: y(low) + 4, "text-anchor": "end", class: "strong" }, "won " + duration(-low)));
  return svg;
}
