// What stands around the rows: the axis, the names, and the overview of the whole history.

function stepOf(t) {
  const unit = t.view.byOrder || !t.data.timed ? 1 : 1e9 / t.data.unit;
  const step = roundStep((t.view.to - t.view.from) / unit, Math.max(2, (t.right - t.left) / 105)) * unit;
  return { unit, step: t.view.byOrder || !t.data.timed ? Math.max(1, step) : step };
}

function drawGrid(g, t) {
  const { step } = stepOf(t);
  g.fillStyle = t.paint.line;
  for (let at = Math.max(0, Math.ceil(t.view.from / step) * step); at <= Math.min(t.view.to, t.view.length); at += step) g.fillRect(Math.round(t.left + (at - t.view.from) * t.scale), HEAD, 1, t.bottom);
}

function drawAxis(g, t) {
  const { view, paint, left, right } = t;
  g.fillStyle = paint.panel;
  g.fillRect(0, OVERVIEW, right, AXIS);
  g.fillStyle = paint.soft;
  const { unit, step } = stepOf(t);
  const digits = Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9));
  const timed = !view.byOrder && t.data.timed;
  for (let at = Math.max(0, Math.ceil(view.from / step) * step); at <= Math.min(view.to, view.length); at += step) {
    const x = Math.round(left + (at - view.from) * t.scale);
    if (x < left || x > right - 30) continue;
    g.fillRect(x, HEAD - 5, 1, 5);
    g.fillText(timed ? `${(at / unit).toFixed(Math.min(6, digits))}s` : `#${Math.round(at)}`, x + 3, HEAD - 7);
  }
  g.fillStyle = paint.panel;
  g.fillRect(0, OVERVIEW, left - 1, AXIS);
  g.fillStyle = paint.soft;
  drawInside(g, timed ? 'time' : 'order of events', 6, left, HEAD - 7, paint.soft);
  if (t.cursor === undefined) return;
  const x = left + (view.x(t.cursor) - view.from) * t.scale;
  if (x < left || x > right) return;
  g.fillStyle = paint.pick;
  g.fillRect(x, HEAD - 6, 1.5, t.bottom);
}

// The lanes of one client bear its name once.
function drawNames(g, t, region) {
  const { paint, left, right } = t;
  g.fillStyle = paint.paper;
  g.fillRect(0, region.top, left - 1, region.height);
  let before = null;
  for (const row of t.inSight(region)) {
    const y = region.top + row.top - region.scroll;
    if (before?.kind !== row.kind || (row.kind === 'lane' && before.name !== row.name) || row.kind === 'part') {
      g.fillStyle = paint.line;
      g.fillRect(0, Math.round(y), right, 1);
    }
    if (before?.name !== row.name || before.kind !== row.kind) drawInside(g, row.name, 6, left - 4, y + 12, row.kind === 'lane' ? paint.ink : paint.soft);
    before = row;
  }
}

// The whole history in little: how much was going on, what did not go well, the faults, and the part that is in sight.
function drawOverview(g, t) {
  const { view, paint, left, right } = t;
  const width = right - left;
  if (width < 10) return;
  const key = `${width} ${view.byOrder} ${window.devicePixelRatio}`;
  if (t.overview?.key !== key) t.overview = { key, image: paintOverview(t, width) };
  g.fillStyle = paint.paper;
  g.fillRect(0, 0, right, OVERVIEW);
  g.drawImage(t.overview.image, left, 0, width, OVERVIEW);
  const x = (at) => left + (at / view.length) * width;
  for (const [ops, colour, height] of [[t.hits ?? [], paint.hw, 6], [t.marked, paint.bad, OVERVIEW], [t.picked < 0 ? [] : [t.picked], paint.pick, OVERVIEW]]) {
    g.fillStyle = colour;
    for (let i = 0; i < Math.min(ops.length, 2000); i++) g.fillRect(x(view.starts[ops[i]]) - 0.75, 0, 1.5, height);
  }
  const [from, to] = [Math.max(left, x(view.from)), Math.min(right, x(view.to))];
  g.globalAlpha = 0.62;
  g.fillStyle = paint.panel;
  g.fillRect(left, 0, from - left, OVERVIEW);
  g.fillRect(to, 0, right - to, OVERVIEW);
  g.globalAlpha = 1;
  g.strokeStyle = paint.ink;
  g.lineWidth = 1;
  g.strokeRect(Math.floor(from) + 0.5, 0.5, Math.max(2, Math.ceil(to - from) - 1), OVERVIEW - 1);
  drawInside(g, 'whole run', 6, left, 19, paint.soft);
}

function paintOverview(t, width) {
  const { view, data, paint } = t;
  const ratio = window.devicePixelRatio || 1;
  const image = document.createElement('canvas');
  image.width = Math.max(1, Math.round(width * ratio));
  image.height = Math.round(OVERVIEW * ratio);
  const g = image.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  const columns = Math.max(1, Math.ceil(width / 2));
  const counts = [0, 1, 2].map(() => new Uint32Array(columns));
  for (let op = 0; op < data.n; op++) counts[data.out[op]][Math.min(columns - 1, Math.floor((view.starts[op] / view.length) * columns))]++;
  let most = 1;
  for (let i = 0; i < columns; i++) most = Math.max(most, counts[0][i] + counts[1][i] + counts[2][i]);
  g.fillStyle = paint.fault;
  for (const fault of data.faults) {
    if (fault.from < 0) continue;
    const x0 = (view.x(fault.from) / view.length) * width;
    g.fillRect(x0, 0, Math.max(1.5, ((fault.to < 0 ? view.length : view.x(fault.to)) / view.length) * width - x0), OVERVIEW);
  }
  for (let i = 0; i < columns; i++) {
    let y = OVERVIEW;
    for (const kind of [OK, FAILED, INDETERMINATE]) {
      // What went wrong is never less than a pixel.
      const height = counts[kind][i] === 0 ? 0 : Math.max(kind === OK ? 0.5 : 1.5, (counts[kind][i] / most) * (OVERVIEW - 4));
      g.fillStyle = kind === OK ? paint.busy : paint.outcome[kind];
      g.fillRect(i * 2, y - height, 2, height);
      y -= height;
    }
  }
  return image;
}
