// Curves over time with the faults shaded; drawn when they come into sight.

function showPlots(data, { goTo }) {
  if (!data.timed || data.n === 0 || data.end === 0) return null;
  const figures = [];
  const figure = (plot, draw) => {
    const canvas = el('canvas', { role: 'img', 'aria-label': said(plot) });
    canvas.addEventListener('click', (event) => goTo(Math.max(0, ((event.offsetX - GUTTER) / (canvas.clientWidth - GUTTER - 4)) * data.end)));
    figures.push({ canvas, draw });
    const keys = (plot.series ?? []).map((one) => el('span', {}, el('i', { class: `key ${one.colour}` }), ` ${one.name} `));
    return el('figure', {}, el('figcaption', {}, el('strong', {}, plot.title), plot.unit ? ` (${plot.unit}) ` : ' ', ...keys), canvas);
  };
  const told = data.plots.map((plot) => ({ ...plot, series: plot.series.map((one, i) => {
    const time = running(one.t);
    return { name: one.name, colour: CURVES[i % CURVES.length], steps: true, points: one.v.map((v, k) => [time[k], v]) };
  }) }));
  const curves = [...rates(data), ...told].filter((plot) => plot.series.some((one) => one.points.length > 0));
  const nodes = curves.map((plot) => figure(plot, (canvas) => drawCurves(data, canvas, plot)));
  if (data.sendOp.length > 0) {
    const rows = availability(data);
    const plot = { title: 'availability per partition', series: [{ name: 'acknowledged', colour: 'ok' }, { name: 'tried in vain', colour: 'bad' }] };
    nodes.push(figure(plot, (canvas) => drawAvailability(data, canvas, rows)));
  }
  section('plots', 'Over time', el('p', { class: 'hint' }, `${data.faults.length ? 'Faults are shaded. ' : ''}A click goes to that time in the picture above.`), el('div', { class: 'plots' }, ...nodes));
  const draw = () => figures.forEach((one) => one.draw(one.canvas));
  draw();
  return { draw };
}

const GUTTER = 54;
const CURVES = ['hw', 'bad', 'info', 'ok', 'pick', 'soft', 'ink', 'fail'];

// A curve in words, for those who do not see it.
function said({ title, unit, series }) {
  return `${title}: ${series.map(({ name, points = [] }) => (points.length ? `${name} up to ${+points.reduce((most, [, v]) => Math.max(most, v), 0).toPrecision(3)} ${unit}` : name)).join(', ')}`;
}

// Paper, shades and the axis of time; returns how to get from a time to a place.
function frameOf(data, canvas, bottom, colour, g) {
  const { clientWidth: w, clientHeight: h } = canvas;
  g.fillStyle = colour('paper');
  g.fillRect(0, 0, w, h);
  const x = (time) => GUTTER + (time / data.end) * (w - GUTTER - 4);
  g.fillStyle = colour('fault');
  for (const fault of data.faults) if (fault.from >= 0) g.fillRect(x(fault.from), 0, Math.max(1, x(fault.to < 0 ? data.end : fault.to) - x(fault.from)), bottom);
  g.font = '10px system-ui, sans-serif';
  const second = 1e9 / data.unit;
  const step = roundStep(data.end / second, Math.max(2, w / 90)) * second;
  g.fillStyle = colour('soft');
  for (let time = 0; time <= data.end; time += step) if (x(time) < w - 24) g.fillText(`${+(time / second).toPrecision(4)}s`, x(time), h - 3);
  return x;
}

function prepared(canvas) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  const g = canvas.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(document.documentElement);
  return [g, (name) => style.getPropertyValue(`--${name}`).trim()];
}

function drawCurves(data, canvas, { series }) {
  const [g, colour] = prepared(canvas);
  const bottom = canvas.clientHeight - 15;
  const x = frameOf(data, canvas, bottom, colour, g);
  const top = series.reduce((most, one) => one.points.reduce((m, [, v]) => Math.max(m, v), most), 0) || 1;
  const y = (v) => bottom - (v / top) * (bottom - 8);
  const step = roundStep(top, 3);
  for (let v = 0; v <= top; v += step) {
    g.fillStyle = colour('line');
    g.fillRect(GUTTER, Math.round(y(v)), canvas.clientWidth, 1);
    g.fillStyle = colour('soft');
    g.textAlign = 'right';
    g.fillText(grouped(+v.toPrecision(6)), GUTTER - 5, Math.max(9, y(v) + 3));
    g.textAlign = 'left';
  }
  for (const { points, colour: name, steps } of series) {
    g.strokeStyle = colour(name);
    g.lineWidth = 1.4;
    g.beginPath();
    // A pixel shows the least and the greatest of what falls on it.
    let column = null, low = 0, high = 0, before = null;
    const put = () => { if (column !== null) { g.lineTo(column, y(low)); g.lineTo(column, y(high)); } };
    for (const [time, v] of points) {
      const at = Math.round(x(time));
      if (at !== column) {
        put();
        if (steps && before !== null) g.lineTo(at, y(before));
        [column, low, high] = [at, v, v];
      }
      low = Math.min(low, v);
      high = Math.max(high, v);
      before = v;
    }
    put();
    if (steps && before !== null) g.lineTo(x(data.end), y(before));
    g.stroke();
  }
}

function drawAvailability(data, canvas, rows) {
  canvas.style.height = `${Math.max(144, 20 + rows.length * 12)}px`;
  const [g, colour] = prepared(canvas);
  const bottom = canvas.clientHeight - 15;
  const x = frameOf(data, canvas, bottom, colour, g);
  const height = Math.min(24, bottom / rows.length);
  rows.forEach((row, part) => {
    row.forEach((state, i) => {
      if (state === 0) return;
      g.fillStyle = colour(state === 2 ? 'ok' : 'bad');
      const from = x((i * data.end) / BUCKETS);
      g.fillRect(from, part * height + 1, Math.max(1, x(((i + 1) * data.end) / BUCKETS) - from), height - 2);
    });
    drawInside(g, data.parts[part], 2, GUTTER - 2, part * height + height / 2 + 4, colour('soft'));
  });
}
