// The history that the page shows: columns of small numbers, unpacked into arrays that can be searched.
'use strict';

function running(deltas) {
  const all = new Float64Array(deltas.length);
  let sum = 0;
  for (let i = 0; i < deltas.length; i++) all[i] = sum += deltas[i];
  return all;
}

function load(text) {
  const raw = JSON.parse(text);
  const n = raw.ops.call.length;
  const call = running(raw.ops.call);
  const ret = new Float64Array(n); // where it was completed; Infinity for what never was
  const until = new Float64Array(n); // where its bar ends
  for (let i = 0; i < n; i++) {
    const len = raw.ops.len[i];
    ret[i] = len < 0 ? Infinity : call[i] + len;
    until[i] = Math.min(ret[i], raw.end);
  }
  const data = {
    ...raw, n, call, ret, until, lane: Int32Array.from(raw.ops.lane), out: raw.ops.out,
    // The sends and reads of an operation are consecutive; first[op] is where they begin.
    sendOp: running(raw.sends.op), sendAt: new Int32Array(n + 1), readOp: running(raw.reads.op), readAt: new Int32Array(n + 1),
  };
  fill(data.sendAt, data.sendOp, n);
  fill(data.readAt, data.readOp, n);
  ranks(data);
  lanes(data);
  return data;
}

function fill(at, ops, n) {
  for (let i = 0, next = 0; i <= n; i++) {
    at[i] = next;
    while (next < ops.length && ops[next] === i) next++;
  }
}

// Every call and return by its place in the order of events: the other axis.
function ranks(data) {
  const { n, call, ret } = data;
  const order = new Float64Array(2 * n);
  const index = new Uint32Array(2 * n);
  for (let i = 0; i < n; i++) {
    order[2 * i] = call[i];
    order[2 * i + 1] = ret[i];
    index[2 * i] = 2 * i;
    index[2 * i + 1] = 2 * i + 1;
  }
  // At equal times calls stand before returns.
  index.sort((a, b) => order[a] - order[b] || (a & 1) - (b & 1) || a - b);
  data.callRank = new Float64Array(n);
  data.retRank = new Float64Array(n);
  index.forEach((at, rank) => { (at & 1 ? data.retRank : data.callRank)[at >> 1] = rank; });
  data.sortedTimes = Float64Array.from(index, (at) => order[at]);
}

// The operations of each lane, by their calls.
function lanes(data) {
  data.laneOps = data.lanes.map(() => []);
  for (let i = 0; i < data.n; i++) data.laneOps[data.lane[i]].push(i);
  data.laneOps = data.laneOps.map((ops) => Int32Array.from(ops));
}

// The rank of a time: how many events come before it.
function rankOf(data, time) {
  return lowerBound(data.sortedTimes.length, (i) => data.sortedTimes[i] < time);
}

// The first place from 0 to count at which `below` does not hold any more.
function lowerBound(count, below) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (below(middle)) low = middle + 1; else high = middle;
  }
  return low;
}

const OUTCOMES = { o: 'ok', f: 'failed', i: 'indeterminate' };

function clock(data, time) {
  return data.timed ? `${(time * data.unit / 1e9).toFixed(time * data.unit < 1e7 ? 6 : 3)}s` : `event ${Math.round(time)}`;
}

// A value by its number: that of the send that sent it, or behind them all that of one that nobody sent.
function valueText(data, id) {
  const sent = data.sends.value;
  return String(id < sent.length ? sent[id] : data.foreign[id - sent.length]);
}

// What an operation did, in words.
function describe(data, op) {
  if (data.ops.text) return data.texts[data.ops.text[op]];
  const parts = [data.fns[data.ops.fn.charCodeAt(op) - 65]];
  for (let s = data.sendAt[op]; s < data.sendAt[op + 1]; s++) {
    const offset = data.sends.offset[s];
    parts.push(`${data.parts[data.sends.part[s]]}${offset < 0 ? '' : '@' + offset} value ${valueText(data, s)}`);
  }
  for (let r = data.readAt[op]; r < data.readAt[op + 1]; r++) {
    const count = data.reads.count[r];
    const from = data.reads.from[r];
    const what = count === 0 ? 'nothing' : count === 1 ? `@${from}` : `@${from} to @${data.reads.last[r]} (${count} records)`;
    parts.push(`${data.parts[data.reads.part[r]]} ${what}`);
  }
  return parts.join(' ');
}
