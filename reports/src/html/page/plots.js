// Rates, latencies and lags over time, with the faults shaded.

function showPlots(data) {
  if (!data.timed || data.n === 0) return;
  const figures = [];
  const add = (title, unit, series) => {
    if (series.every((one) => one.points.length === 0)) return;
    const canvas = el('canvas', { role: 'img', 'aria-label': title });
    figures.push({ canvas, series, unit });
    return el('figure', {}, canvas, el('figcaption', {}, `${title}: ${series.map((one) => one.name).join(', ')} (${unit})`));
  };
  const buckets = 240;
  const width = data.end / buckets;
  const counts = { o: new Array(buckets).fill(0), f: new Array(buckets).fill(0), i: new Array(buckets).fill(0) };
  const times = Array.from({ length: buckets }, () => []);
  for (let op = 0; op < data.n; op++) {
    if (data.ret[op] === Infinity) continue;
    const bucket = Math.min(buckets - 1, Math.floor(data.ret[op] / width));
    counts[data.out[op]][bucket]++;
    if (data.out[op] === 'o') times[bucket].push(data.ret[op] - data.call[op]);
  }
  const seconds = width * data.unit / 1e9;
  const rate = (list) => list.map((count, i) => [(i + 0.5) * width, count / seconds]);
  const quantile = (share) => times.flatMap((list, i) => {
    if (list.length === 0) return [];
    list.sort((a, b) => a - b);
    return [[(i + 0.5) * width, list[Math.min(list.length - 1, Math.floor(share * list.length))] * data.unit / 1e6]];
  });
  const nodes = [
    add('operations that ended', 'a second', [{ name: 'ok', colour: 'o', points: rate(counts.o) }, { name: 'failed', colour: 'f', points: rate(counts.f) }, { name: 'indeterminate', colour: 'i', points: rate(counts.i) }]),
    add('latency of what was ok', 'ms', [{ name: 'median', colour: 'o', points: quantile(0.5) }, { name: '99 %', colour: 'bad', points: quantile(0.99) }]),
    ...data.plots.map((plot) => add(plot.title, plot.unit, plot.series.map((one, i) => ({ name: one.name, colour: ['hw', 'bad', 'i', 'o'][i % 4], points: running(one.t).reduce((all, t, k) => (all.push([t, one.v[k]]), all), []) })))),
  ].filter(Boolean);
  if (nodes.length === 0) return;
  section('plots', 'Over time', el('div', { class: 'plots' }, ...nodes));
  return () => figures.forEach((figure) => drawPlot(data, figure));
}

function drawPlot(data, { canvas, series }) {
  const paint = new Proxy({}, { get: (_, name) => getComputedStyle(document.documentElement).getPropertyValue({ o: '--ok', f: '--fail', i: '--info', bad: '--bad', hw: '--hw', fault: '--fault', soft: '--soft', line: '--line', paper: '--paper' }[name]) });
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: w, clientHeight: h } = canvas;
  canvas.width = w * ratio;
  canvas.height = h * ratio;
  const g = canvas.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.fillStyle = paint.paper;
  g.fillRect(0, 0, w, h);
  const left = 46;
  const bottom = h - 14;
  const top = series.reduce((max, one) => one.points.reduce((m, [, v]) => Math.max(m, v), max), 0) || 1;
  const x = (t) => left + t / data.end * (w - left - 4);
  const y = (v) => bottom - v / top * (bottom - 6);
  g.fillStyle = paint.fault;
  for (const fault of data.faults) if (fault.from >= 0) g.fillRect(x(fault.from), 0, Math.max(1, x(fault.to < 0 ? data.end : fault.to) - x(fault.from)), bottom);
  g.font = '10px system-ui, sans-serif';
  const step = ticks(top, 3);
  for (let v = 0; v <= top; v += step) {
    g.fillStyle = paint.line; g.fillRect(left, y(v), w, 1);
    g.fillStyle = paint.soft; g.fillText(String(+v.toPrecision(3)), 2, y(v) + 3);
  }
  const second = 1e9 / data.unit;
  const apart = ticks(data.end / second, 6) * second;
  for (let t = 0; t <= data.end; t += apart) { g.fillStyle = paint.soft; g.fillText(`${+(t / second).toPrecision(4)}s`, x(t), h - 3); }
  for (const one of series) {
    g.strokeStyle = paint[one.colour];
    g.lineWidth = 1.3;
    g.beginPath();
    one.points.forEach(([t, v], i) => (i ? g.lineTo(x(t), y(v)) : g.moveTo(x(t), y(v))));
    g.stroke();
  }
}
