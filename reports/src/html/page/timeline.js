// The picture: rows of clients, partitions and brokers over time, drawn as far as they are in sight.

const ROW = 15, LABEL = 150, AXIS = 26, FADE = 70;

class Timeline {
  constructor(canvas, tip, data, onPick) {
    Object.assign(this, { canvas, tip, data, onPick, byOrder: false, picked: -1, marked: new Set(), filter: '', scroll: 0, drawn: [] });
    this.rows = [
      ...data.lanes.map((name, index) => ({ kind: 'lane', name, index })),
      ...data.parts.map((name, index) => ({ kind: 'part', name, index })),
      ...data.brokers.map((name, index) => ({ kind: 'broker', name, index })),
    ];
    this.colour();
    this.fit();
    this.listen();
  }

  colour() {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(name).trim();
    this.paint = {
      ink: get('--ink'), soft: get('--soft'), line: get('--line'), paper: get('--paper'), panel: get('--panel'),
      o: get('--ok'), f: get('--fail'), i: get('--info'), bad: get('--bad'), fault: get('--fault'), edge: get('--fault-edge'),
      pick: get('--pick'), hw: get('--hw'), down: get('--down'), brokers: [0, 1, 2, 3, 4, 5].map((b) => get('--b' + b)),
    };
  }

  // From a time to the axis and back.
  x(time) { return this.byOrder ? rankOf(this.data, time) : time; }
  callX(op) { return this.byOrder ? this.data.callRank[op] : this.data.call[op]; }
  endX(op) { return this.byOrder ? this.data.retRank[op] : this.data.until[op]; }
  get span() { return this.byOrder ? 2 * this.data.n : this.data.end; }
  get width() { return this.canvas.clientWidth - LABEL; }

  fit() { this.from = 0; this.to = Math.max(1, this.span) * 1.01; this.scroll = 0; this.draw(); }

  zoom(factor, at = (this.from + this.to) / 2) {
    const least = this.byOrder ? 4 : Math.max(4, this.data.timed ? 20 : 4);
    const width = Math.min(Math.max((this.to - this.from) * factor, least), this.span * 1.2 + 4);
    const share = (at - this.from) / (this.to - this.from);
    this.from = at - share * width;
    this.to = this.from + width;
    this.clamp();
    this.draw();
  }

  pan(by) { this.from += by; this.to += by; this.clamp(); this.draw(); }

  clamp() {
    const width = this.to - this.from;
    const margin = 0.1 * width;
    if (this.from < -margin) { this.from = -margin; this.to = width - margin; }
    if (this.to > this.span * 1.01 + margin) { this.to = this.span * 1.01 + margin; this.from = this.to - width; }
  }

  toggleAxis() {
    const middle = (this.from + this.to) / 2;
    const share = (this.to - this.from) / (this.span * 1.01);
    const time = this.byOrder ? this.data.sortedTimes[Math.min(Math.max(0, Math.round(middle)), this.data.sortedTimes.length - 1)] ?? 0 : middle;
    this.byOrder = !this.byOrder;
    const width = share * this.span * 1.01;
    const at = this.x(Number.isFinite(time) ? time : this.data.end);
    this.from = at - width / 2;
    this.to = at + width / 2;
    this.clamp();
    this.draw();
  }

  // Brings operations into sight.
  show(ops, margin = 3) {
    if (ops.length === 0) return;
    let low = Infinity, high = -Infinity;
    for (const op of ops) {
      low = Math.min(low, this.callX(op));
      high = Math.max(high, Math.min(this.endX(op), this.span));
    }
    const width = Math.max((high - low) * margin, this.byOrder ? 30 : this.span / 500, 4);
    this.from = (low + high) / 2 - width / 2;
    this.to = this.from + width;
    this.clamp();
    const top = ROW * this.rows.findIndex((row) => row.kind === 'lane' && row.index === this.data.lane[ops[0]]);
    const height = this.canvas.clientHeight - AXIS;
    if (top < this.scroll || top > this.scroll + height - ROW) this.scroll = Math.max(0, top - height / 3);
    this.draw();
  }

  goTo(time) {
    const at = this.x(time);
    const width = Math.min(this.to - this.from, this.span / 20);
    this.from = at - width / 2;
    this.to = at + width / 2;
    this.cursor = at;
    this.clamp();
    this.draw();
  }

  draw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => { this.pending = false; this.drawNow(); });
  }

  drawNow() {
    const began = performance.now();
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: w, clientHeight: h } = this.canvas;
    if (this.canvas.width !== Math.round(w * ratio) || this.canvas.height !== Math.round(h * ratio)) {
      this.canvas.width = Math.round(w * ratio);
      this.canvas.height = Math.round(h * ratio);
    }
    const g = this.g = this.canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.fillStyle = this.paint.paper;
    g.fillRect(0, 0, w, h);
    this.scale = this.width / (this.to - this.from);
    this.scroll = Math.max(0, Math.min(this.scroll, this.rows.length * ROW - (h - AXIS)));
    this.drawFaults(h);
    const first = Math.floor(this.scroll / ROW);
    const last = Math.min(this.rows.length, Math.ceil((this.scroll + h - AXIS) / ROW));
    for (let row = first; row < last; row++) this.drawRow(this.rows[row], AXIS + row * ROW - this.scroll);
    this.drawMarked();
    this.drawAxis(w, h);
    this.drawLabels(first, last, h);
    this.drawn.push(performance.now() - began);
    if (this.drawn.length > 200) this.drawn.shift();
  }

  px(at) { return LABEL + (at - this.from) * this.scale; }

  drawFaults(h) {
    const g = this.g;
    for (const fault of this.data.faults) {
      if (fault.from < 0) continue;
      const x0 = Math.max(LABEL, this.px(this.x(fault.from)));
      const x1 = Math.min(this.canvas.clientWidth, this.px(fault.to < 0 ? this.span : this.x(fault.to)));
      if (x1 < LABEL || x0 > this.canvas.clientWidth) continue;
      g.fillStyle = this.paint.fault;
      g.fillRect(x0, AXIS, Math.max(1.5, x1 - x0), h);
      g.fillStyle = this.paint.edge;
      g.fillRect(x0, AXIS, 1, h);
    }
  }

  drawRow(row, y) {
    if (row.kind === 'lane') this.drawLane(this.data.laneOps[row.index], y);
    else if (row.kind === 'part') this.drawPartition(row.index, y);
    else this.drawBroker(row.index, y);
  }

  drawLane(ops, y) {
    const { data, g, from, to, scale, byOrder, filter, paint } = this;
    const start = byOrder ? data.callRank : data.call;
    const end = byOrder ? data.retRank : data.until;
    // A process has one operation outstanding, so that the ends are in order too.
    let at = lowerBound(ops.length, (i) => end[ops[i]] < from);
    let covered = -1;
    for (; at < ops.length; at++) {
      const op = ops[at];
      if (start[op] > to) break;
      const out = data.out[op];
      if (filter && out !== filter) continue;
      const x0 = Math.max(LABEL, LABEL + (start[op] - from) * scale);
      if (out === 'i') { this.drawFading(x0, y, Math.min(FADE, Math.max(6, (this.span - start[op]) * scale))); continue; }
      const x1 = Math.max(x0 + 1, LABEL + (end[op] - from) * scale - 0.5);
      // What would cover no pixel of its own is left out.
      if (x1 <= covered) continue;
      g.fillStyle = paint[out];
      g.fillRect(Math.max(x0, covered), y + 3, x1 - Math.max(x0, covered), ROW - 6);
      covered = Math.ceil(x1);
    }
  }

  drawFading(x, y, width) {
    const g = this.g;
    const steps = 7;
    for (let step = 0; step < steps; step++) {
      g.globalAlpha = 1 - step / steps;
      g.fillStyle = this.paint.i;
      g.fillRect(x + step * width / steps, y + 3, width / steps, ROW - 6);
    }
    g.globalAlpha = 1;
  }

  drawPartition(index, y) {
    const g = this.g;
    for (const [since, until, broker] of this.data.leaders[index] ?? []) {
      const x0 = Math.max(LABEL, this.px(this.x(since)));
      const x1 = Math.min(this.canvas.clientWidth, this.px(until < 0 ? this.span : this.x(until)));
      if (x1 < LABEL || x0 > this.canvas.clientWidth) continue;
      g.fillStyle = this.paint.brokers[broker % this.paint.brokers.length];
      g.fillRect(x0, y + 1, Math.max(1, x1 - x0), ROW - 2);
      if (x1 - x0 > 28) { g.fillStyle = this.paint.ink; g.fillText(this.data.brokers[broker] ?? '?', x0 + 3, y + ROW - 4); }
    }
    for (const [time, isr] of this.data.isr[index] ?? []) {
      const x = this.px(this.x(time));
      if (x < LABEL || x > this.canvas.clientWidth) continue;
      g.fillStyle = this.paint.ink;
      g.fillRect(x, y, 1, ROW);
      if (this.scale * (this.to - this.from) > 0 && isr.length * 5 < 60) { g.fillStyle = this.paint.soft; }
    }
    this.drawHighWatermark(index, y);
  }

  drawHighWatermark(index, y) {
    const hw = this.data.hw[index];
    if (!hw || hw.t.length === 0) return;
    const g = this.g;
    hw.time ??= running(hw.t);
    hw.at ??= running(hw.v);
    hw.max ??= hw.at.reduce((a, b) => Math.max(a, b), 1);
    const times = hw.time;
    let i = Math.max(0, lowerBound(times.length, (k) => this.x(times[k]) < this.from) - 1);
    g.strokeStyle = this.paint.hw;
    g.lineWidth = 1;
    g.beginPath();
    let last = -1;
    for (; i < times.length; i++) {
      const x = this.px(this.x(times[i]));
      const line = y + ROW - 2 - (hw.at[i] / hw.max) * (ROW - 4);
      if (x - last >= 1) { if (last < 0) g.moveTo(Math.max(LABEL, x), line); else g.lineTo(Math.max(LABEL, x), line); last = x; }
      if (x > this.canvas.clientWidth) break;
    }
    g.stroke();
  }

  drawBroker(index, y) {
    const g = this.g;
    for (const [since, until, state] of this.data.lives[index] ?? []) {
      const x0 = Math.max(LABEL, this.px(this.x(since)));
      const x1 = Math.min(this.canvas.clientWidth, this.px(until < 0 ? this.span : this.x(until)));
      if (x1 < LABEL || x0 > this.canvas.clientWidth) continue;
      g.fillStyle = state === 'up' ? this.paint.brokers[index % this.paint.brokers.length] : this.paint.down;
      g.fillRect(x0, y + (state === 'up' ? 5 : 2), Math.max(1, x1 - x0), state === 'up' ? ROW - 10 : ROW - 4);
    }
  }

  drawMarked() {
    const g = this.g;
    const draw = (op, colour, width) => {
      const y = AXIS + ROW * this.data.lane[op] - this.scroll;
      if (y < AXIS - ROW) return;
      const x0 = this.px(this.callX(op));
      const x1 = Math.max(x0 + 5, Math.min(this.px(this.endX(op)), this.data.out[op] === 'i' ? x0 + FADE : Infinity));
      if (x1 < LABEL || x0 > this.canvas.clientWidth) return;
      g.strokeStyle = colour;
      g.lineWidth = width;
      g.strokeRect(Math.max(LABEL, x0) - 1, y + 1, x1 - Math.max(LABEL, x0) + 2, ROW - 2);
    };
    for (const op of this.marked) draw(op, this.paint.bad, 2);
    if (this.picked >= 0) draw(this.picked, this.paint.pick, 2.5);
    if (this.cursor !== undefined) {
      g.fillStyle = this.paint.pick;
      g.fillRect(this.px(this.cursor), AXIS, 1, this.canvas.clientHeight);
    }
  }

  drawAxis(w, h) {
    const g = this.g;
    g.fillStyle = this.paint.panel;
    g.fillRect(0, 0, w, AXIS);
    g.font = '11px system-ui, sans-serif';
    const unit = this.byOrder || !this.data.timed ? 1 : 1e9 / this.data.unit;
    const step = ticks((this.to - this.from) / unit, Math.max(2, this.width / 110)) * unit;
    for (let at = Math.ceil(this.from / step) * step; at <= this.to; at += step) {
      const x = this.px(at);
      if (x < LABEL) continue;
      g.fillStyle = this.paint.line;
      g.fillRect(x, AXIS, 1, h);
      g.fillStyle = this.paint.soft;
      g.fillText(this.byOrder || !this.data.timed ? `#${Math.round(at)}` : `${+(at / unit).toPrecision(8)}s`, x + 3, 11);
    }
    // The faults' names, where they begin, unless they would lie over each other.
    let free = LABEL;
    g.fillStyle = this.paint.bad;
    for (const fault of this.data.faults) {
      if (fault.from < 0) continue;
      const x = Math.max(LABEL + 2, this.px(this.x(fault.from)));
      const end = this.px(fault.to < 0 ? this.span : this.x(fault.to));
      if (x < free || x > w || end < LABEL) continue;
      const text = `${fault.kind} ${fault.targets.join(' ')}`;
      g.fillText(text, x, AXIS - 4);
      free = x + g.measureText(text).width + 8;
    }
  }

  drawLabels(first, last, h) {
    const g = this.g;
    g.fillStyle = this.paint.paper;
    g.fillRect(0, AXIS, LABEL - 2, h);
    g.font = '11px system-ui, sans-serif';
    for (let row = first; row < last; row++) {
      const y = AXIS + row * ROW - this.scroll;
      const { kind, name } = this.rows[row];
      g.fillStyle = kind === 'lane' ? this.paint.ink : this.paint.soft;
      g.fillText(name.length > 24 ? name.slice(0, 23) + '…' : name, 6, y + ROW - 4);
      if (row > 0 && this.rows[row - 1].kind !== kind) { g.fillStyle = this.paint.line; g.fillRect(0, y, this.canvas.clientWidth, 1); }
    }
    g.fillStyle = this.paint.panel;
    g.fillRect(0, 0, LABEL - 2, AXIS);
    g.fillStyle = this.paint.soft;
    g.fillText(this.byOrder ? 'order of events' : this.data.timed ? 'simulated time' : 'order of events', 6, 16);
  }

  // The operation at a point of the canvas, or -1.
  at(x, y) {
    const row = this.rows[Math.floor((y - AXIS + this.scroll) / ROW)];
    if (!row || row.kind !== 'lane' || y < AXIS || x < LABEL) return -1;
    const at = this.from + (x - LABEL) / this.scale;
    const slack = 3 / this.scale;
    const ops = this.data.laneOps[row.index];
    const next = lowerBound(ops.length, (i) => this.callX(ops[i]) <= at + slack);
    const op = next > 0 ? ops[next - 1] : -1;
    if (op < 0) return -1;
    const end = this.data.out[op] === 'i' ? this.callX(op) + FADE / this.scale : this.endX(op);
    return at <= end + slack ? op : -1;
  }

  listen() {
    const { canvas, tip } = this;
    let drag = null;
    canvas.addEventListener('pointerdown', (event) => {
      drag = { x: event.clientX, y: event.clientY, from: this.from, to: this.to, scroll: this.scroll, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (drag) {
        const by = (event.clientX - drag.x) / this.scale;
        drag.moved ||= Math.abs(event.clientX - drag.x) + Math.abs(event.clientY - drag.y) > 4;
        [this.from, this.to, this.scroll] = [drag.from - by, drag.to - by, drag.scroll - (event.clientY - drag.y)];
        this.clamp();
        this.draw();
        return;
      }
      const op = this.at(event.offsetX, event.offsetY);
      tip.hidden = op < 0;
      if (op >= 0) {
        tip.textContent = `op ${op}: ${describe(this.data, op)} (${OUTCOMES[this.data.out[op]]})`;
        tip.style.left = `${Math.min(event.offsetX + 12, canvas.clientWidth - 260)}px`;
        tip.style.top = `${event.offsetY + 14}px`;
      }
    });
    canvas.addEventListener('pointerup', (event) => {
      if (drag && !drag.moved) this.onPick(this.at(event.offsetX, event.offsetY));
      drag = null;
    });
    canvas.addEventListener('pointerleave', () => { tip.hidden = true; });
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      if (event.shiftKey) { this.scroll += event.deltaY; this.draw(); return; }
      this.zoom(Math.exp(event.deltaY * 0.0015), this.from + (event.offsetX - LABEL) / this.scale);
    }, { passive: false });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }
}

// A round step so that about `count` of them fit into a width.
function ticks(width, count) {
  const rough = width / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  for (const factor of [1, 2, 5]) if (factor * power >= rough) return factor * power;
  return 10 * power;
}
