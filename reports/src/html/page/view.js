// What part of the history is in sight, on the axis of time or of the order of events.

class View {
  constructor(data) {
    this.data = data;
    this.byOrder = !data.timed;
    this.fit();
  }

  // The axis goes from 0 to this.
  get length() { return Math.max(1, this.byOrder ? this.data.events : this.data.end); }

  x(time) { return this.byOrder ? placeOf(this.data.times, time) : time; }

  // The time at a place of the axis.
  time(x) {
    if (!this.byOrder) return Math.max(0, Math.min(x, this.data.end));
    const { times } = this.data;
    return times.length ? times[Math.max(0, Math.min(times.length - 1, Math.floor(x)))] : 0;
  }

  get starts() { return this.byOrder ? this.data.callRank : this.data.call; }
  get ends() { return this.byOrder ? this.data.untilRank : this.data.until; }

  fit() { this.from = -0.005 * this.length; this.to = 1.01 * this.length; }

  get least() { return this.byOrder ? 6 : Math.max(1, 20_000 / this.data.unit); }

  set(from, to) {
    const width = Math.max(this.least, Math.min(to - from, 1.1 * this.length));
    const middle = (from + to) / 2;
    this.from = Math.max(-0.05 * width, Math.min(middle - width / 2, this.length + 0.05 * width - width));
    this.to = this.from + width;
    if (width >= 1.015 * this.length) this.fit();
  }

  zoom(factor, at = (this.from + this.to) / 2) { this.set(at - (at - this.from) * factor, at + (this.to - at) * factor); }

  pan(by) { this.set(this.from + by, this.to + by); }

  goTo(time) {
    const at = this.x(time);
    const width = Math.min(this.to - this.from, this.length / 20);
    this.set(at - width / 2, at + width / 2);
  }

  // Keeps what is in sight, as far as both axes allow it.
  toggle() {
    const times = [this.time(this.from), this.time(this.to)];
    this.byOrder = !this.byOrder;
    this.set(this.x(times[0]), this.x(times[1]));
  }

  // Brings operations into sight, with room around, and with the faults that went on meanwhile as far as they fit. Where
  // they lie too far apart to be seen together, the first one counts.
  frame(ops, room = 3) {
    if (ops.length === 0) return;
    let low = Infinity, high = -Infinity;
    for (const op of ops) {
      const [begin, end] = [this.starts[op], Math.min(this.ends[op], this.length)];
      if (Math.max(high, end) - Math.min(low, begin) > this.length / 4 && low !== Infinity) continue;
      low = Math.min(low, begin);
      high = Math.max(high, end);
    }
    const width = Math.max((high - low) * room, this.byOrder ? 60 : this.length / 60);
    let [from, to] = [(low + high - width) / 2, (low + high + width) / 2];
    for (const fault of this.data.faults) {
      if (fault.from < 0) continue;
      const [begin, end] = [this.x(fault.from), fault.to < 0 ? this.length : this.x(fault.to)];
      if (begin > high || end < low) continue;
      from = Math.max(Math.min(from, begin - 0.1 * (end - begin)), low - this.length / 6);
      to = Math.min(Math.max(to, end + 0.1 * (end - begin)), Math.max(to, high + this.length / 6));
    }
    this.set(from, to);
  }
}

// A round step so that about `count` of them fit into a width.
function roundStep(width, count) {
  const rough = width / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  for (const factor of [1, 2, 5]) if (factor * power >= rough) return factor * power;
  return 10 * power;
}
