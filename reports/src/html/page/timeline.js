// The picture: an overview, the axis, the rows of the cluster, and under them those of the clients. Only what is in sight is drawn.

const OVERVIEW = 30, AXIS = 20, LANE = 15, PART = 32, BROKER = 16, FAULT = 17;
const HEAD = OVERVIEW + AXIS;

class Timeline {
  constructor(canvas, data, view) {
    Object.assign(this, { canvas, data, view, picked: -1, marked: [], hits: null, mask: null, course: null, step: -1, drawn: [] });
    this.g = canvas.getContext('2d', { alpha: false });
    // Two regions, each with rows that it scrolls by itself.
    this.cluster = { scroll: 0, rows: stacked([
      ...(data.marks?.length ? [{ kind: 'marks', name: 'stages', height: FAULT }] : []),
      ...trackFaults(data.faults, data.end).map((track, i) => ({ kind: 'faults', track, name: i ? '' : 'faults', height: FAULT })),
      ...data.parts.map((name, index) => ({ kind: 'part', name, index, height: PART })).filter(({ index }) => data.leaders[index]?.length || data.isr[index]?.length || data.hw[index]?.time.length),
      ...data.brokers.map((name, index) => ({ kind: 'broker', name, index, height: BROKER })),
    ]) };
    this.clients = { scroll: 0, rows: stacked(data.lanes.map((name, index) => ({ kind: 'lane', name, index, height: LANE }))) };
    this.colour();
    this.listeners = [];
  }

  colour() {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(`--${name}`).trim();
    this.paint = Object.fromEntries(['ink', 'soft', 'line', 'paper', 'panel', 'bad', 'fault', 'pick', 'hw', 'down', 'none', 'busy'].map((name) => [name, get(name)]));
    this.paint.edge = get('fault-edge');
    this.paint.outcome = ['ok', 'fail', 'info'].map(get);
    this.paint.brokers = [0, 1, 2, 3, 4, 5, 6].map((b) => get(`b${b}`));
    this.overview = null;
    this.strip = null;
  }

  // The height at which nothing needs to be scrolled.
  get wholeHeight() { return HEAD + this.cluster.rows.total + this.clients.rows.total + 10; }

  layout() {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    const ratio = this.ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(w * ratio) || this.canvas.height !== Math.round(h * ratio)) {
      this.canvas.width = Math.round(w * ratio);
      this.canvas.height = Math.round(h * ratio);
    }
    this.g.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.g.imageSmoothingEnabled = false;
    this.left = w < 700 ? 84 : 150;
    this.right = w;
    this.bottom = h;
    this.scale = (w - this.left) / (this.view.to - this.view.from);
    const room = h - HEAD;
    const lanes = this.clients.rows.total;
    this.cluster.top = HEAD;
    this.cluster.height = Math.min(this.cluster.rows.total, Math.max(room - lanes - 6, room * 0.55));
    this.clients.top = HEAD + this.cluster.height + (this.cluster.rows.length ? 4 : 0);
    this.clients.height = Math.max(0, h - this.clients.top);
    for (const region of [this.cluster, this.clients]) region.scroll = Math.max(0, Math.min(region.scroll, region.rows.total - region.height));
  }

  // Draws with the next frame, once for all that has changed until then.
  draw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => { this.pending = false; this.drawNow(); });
  }

  drawNow() {
    const began = performance.now();
    this.layout();
    const { g, paint, right, bottom } = this;
    g.font = '11px system-ui, sans-serif';
    g.fillStyle = paint.paper;
    g.fillRect(0, 0, right, bottom);
    drawGrid(g, this);
    drawShades(g, this, HEAD, bottom);
    for (const region of [this.cluster, this.clients]) {
      g.save();
      g.beginPath();
      g.rect(0, region.top, right, region.height);
      g.clip();
      if (region === this.cluster) {
        for (const row of this.inSight(region)) this.drawRow(row, region.top + row.top - region.scroll);
      } else {
        drawLanes(g, this, this.inSight(region));
        drawPoints(g, this);
        drawMarks(g, this);
      }
      drawNames(g, this, region);
      g.restore();
    }
    drawAxis(g, this);
    drawOverview(g, this);
    if (this.drawn.push(performance.now() - began) > 400) this.drawn.shift();
    for (const listener of this.listeners) listener();
  }

  inSight({ rows, scroll, height }) {
    const first = lowerBound(rows.length, (i) => rows[i].top + rows[i].height <= scroll);
    const last = lowerBound(rows.length, (i) => rows[i].top < scroll + height);
    return rows.slice(first, last);
  }

  drawRow(row, y) {
    const { g } = this;
    if (row.kind === 'marks') drawStages(g, this, y);
    else if (row.kind === 'faults') drawFaults(g, this, row.track.faults, y);
    else if (row.kind === 'part') drawPartition(g, this, row.index, y);
    else drawBroker(g, this, row.index, y);
  }

  // Where the bar of an operation begins, from above; null if its lane is out of sight.
  laneTop(op) {
    const { top, height, scroll } = this.clients;
    const y = top + this.data.lane[op] * LANE - scroll;
    return y + LANE < top || y > top + height ? null : y;
  }

  // Scrolls the lane of an operation into sight.
  reach(op) {
    this.layout();
    const { height } = this.clients;
    const top = this.data.lane[op] * LANE;
    if (top < this.clients.scroll || top + LANE > this.clients.scroll + height) this.clients.scroll = top - height / 3;
    this.draw();
  }

  rowAt(y) {
    const region = y >= this.clients.top ? this.clients : y >= this.cluster.top ? this.cluster : null;
    if (!region || y > region.top + region.height) return undefined;
    const at = y - region.top + region.scroll;
    return region.rows.find((row) => row.top <= at && at < row.top + row.height);
  }

  place(x) { return this.view.from + (x - this.left) / this.scale; }

  // The operation at a point of the canvas, or -1.
  at(x, y) {
    const row = x < this.left ? undefined : this.rowAt(y);
    if (row?.kind !== 'lane') return -1;
    const { view, mask } = this;
    const place = this.place(x);
    const slack = 3 / this.scale;
    const ops = this.data.laneOps[row.index];
    let next = lowerBound(ops.length, (i) => view.starts[ops[i]] <= place + slack) - 1;
    while (next >= 0 && mask && !mask[ops[next]]) next--;
    if (next < 0) return -1;
    const op = ops[next];
    const tail = this.data.out[op] === INDETERMINATE ? TAIL / this.scale : 0;
    return place <= view.ends[op] + tail + slack ? op : -1;
  }
}

// Puts rows below each other.
function stacked(rows) {
  rows.total = 0;
  for (const row of rows) { row.top = rows.total; rows.total += row.height; }
  return rows;
}
