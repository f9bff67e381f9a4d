// The history that the page shows: columns of small numbers, unpacked into arrays that can be searched.

const OK = 0, FAILED = 1, INDETERMINATE = 2;
const OUTCOMES = ['ok', 'failed', 'indeterminate'];

// Differences, summed up.
function running(deltas) {
  const all = new Float64Array(deltas.length);
  let sum = 0;
  for (let i = 0; i < deltas.length; i++) all[i] = sum += deltas[i];
  return all;
}

function load(text) {
  const raw = JSON.parse(text);
  const n = raw.ops.call.length;
  const data = {
    ...raw, n,
    call: running(raw.ops.call),
    ret: new Float64Array(n), // Infinity for what never returned
    until: new Float64Array(n), // where its bar ends
    out: new Uint8Array(n),
    fn: new Uint8Array(n),
    lane: Int32Array.from(raw.ops.lane),
    sendOp: running(raw.sends.op),
    readOp: running(raw.reads.op),
  };
  const codes = { o: OK, f: FAILED, i: INDETERMINATE };
  for (let i = 0; i < n; i++) {
    data.ret[i] = raw.ops.len[i] < 0 ? Infinity : data.call[i] + raw.ops.len[i];
    data.out[i] = codes[raw.ops.out[i]];
    data.fn[i] = raw.ops.fn.charCodeAt(i) - 65;
  }
  // The sends and reads of an operation are consecutive.
  data.sendAt = firsts(data.sendOp, n);
  data.readAt = firsts(data.readOp, n);
  for (const log of data.logs) log.at = running(log.offset);
  for (const hw of data.hw) { hw.time = running(hw.t); hw.at = running(hw.v); }
  byLane(data);
  rank(data);
  packed(data);
  return data;
}

// For each operation where its entries begin, and behind the last one where they end.
function firsts(ops, n) {
  const at = new Int32Array(n + 1);
  for (let i = 0, next = 0; i <= n; i++) {
    at[i] = next;
    while (next < ops.length && ops[next] === i) next++;
  }
  return at;
}

// The operations of each lane, by their calls. What never returned ends where its lane goes on, so that ends are in order.
function byLane(data) {
  const counts = new Int32Array(data.lanes.length);
  for (const lane of data.lane) counts[lane]++;
  data.laneOps = Array.from(counts, (count) => new Int32Array(count));
  counts.fill(0);
  for (let i = 0; i < data.n; i++) {
    const lane = data.lane[i];
    const ops = data.laneOps[lane];
    if (counts[lane] > 0) {
      const before = ops[counts[lane] - 1];
      data.until[before] = Math.min(data.until[before], data.call[i]);
    }
    ops[counts[lane]++] = i;
    data.until[i] = Math.min(data.ret[i], data.end);
  }
}

// The same columns lane by lane, where drawing goes through them without leaping about in memory.
function packed(data) {
  const pick = (column) => data.laneOps.map((ops) => {
    const own = new column.constructor(ops.length);
    for (let k = 0; k < ops.length; k++) own[k] = column[ops[k]];
    return own;
  });
  data.laneOut = pick(data.out);
  data.byTime = { starts: pick(data.call), ends: pick(data.until) };
  data.byRank = { starts: pick(data.callRank), ends: pick(data.untilRank) };
}

// Every call and return by its place in the order of events: the other axis.
function rank(data) {
  const { n, call, ret, lanes } = data;
  const order = data.ops.events ?? inOrder(data);
  data.events = order.length;
  data.opAt = new Int32Array(order.length); // the operation of each event
  data.callRank = new Float64Array(n);
  data.retRank = new Float64Array(n).fill(order.length);
  data.times = new Float64Array(order.length);
  const open = new Int32Array(lanes.length);
  let next = 0;
  for (let at = 0; at < order.length; at++) {
    const lane = order[at];
    const op = lane === 0 ? next++ : open[lane - 1];
    data.opAt[at] = op;
    if (lane === 0) {
      open[data.lane[op]] = op;
      data.callRank[op] = at;
      data.times[at] = call[op];
    } else {
      data.retRank[op] = at;
      data.times[at] = ret[op];
    }
  }
  data.untilRank = data.retRank.slice();
  for (const ops of data.laneOps) {
    for (let k = 0; k + 1 < ops.length; k++) data.untilRank[ops[k]] = Math.min(data.untilRank[ops[k]], data.callRank[ops[k + 1]]);
  }
}

// The order of events by their times, where it is not told; at equal times calls stand first.
function inOrder({ n, call, ret, lane }) {
  const returned = [];
  for (let i = 0; i < n; i++) if (ret[i] !== Infinity) returned.push(i);
  const byReturn = Uint32Array.from(returned).sort((a, b) => ret[a] - ret[b] || a - b);
  const order = [];
  for (let i = 0, r = 0; i < n || r < byReturn.length;) {
    if (i < n && (r >= byReturn.length || call[i] <= ret[byReturn[r]])) { order.push(0); i++; } else order.push(lane[byReturn[r++]] + 1);
  }
  return order;
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

// The first place in a sorted array that is not less than a value.
function placeOf(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

// The records that a read returned, as offset and number of the value: those of the log between its ends, but for what
// is told apart.
function recordsOf(data, read, most = Infinity) {
  const own = data.odd[read];
  if (own) return own.slice(0, most);
  const log = data.logs[data.reads.part[read]];
  const records = [];
  const count = Math.min(data.reads.count[read], most);
  for (let i = placeOf(log.at, data.reads.from[read]); records.length < count && i < log.at.length; i++) records.push([log.at[i], log.value[i]]);
  return records;
}

// The operations that read a value, given by its number, from a partition.
function readersOf(data, part, value) {
  const log = data.logs[part];
  if (!log) return [];
  log.of ??= new Map(Array.from(log.value, (v, i) => [v, i]));
  const offset = log.of.has(value) ? log.at[log.of.get(value)] : -1;
  const ops = [];
  for (let r = 0; r < data.readOp.length; r++) {
    if (data.reads.part[r] !== part || data.reads.count[r] === 0) continue;
    const own = data.odd[r];
    const has = own ? own.some(([, v]) => v === value) : offset >= 0 && offset >= data.reads.from[r] && offset <= data.reads.last[r];
    if (has) ops.push(data.readOp[r]);
  }
  return ops;
}
