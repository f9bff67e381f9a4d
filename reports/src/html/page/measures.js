// What is plotted that follows from the operations alone: rates, latencies, availability, recovery.

const BUCKETS = 240;

// The acknowledgements of each partition, in order.
function acknowledgements(data) {
  if (data.acks) return data.acks;
  const times = data.parts.map(() => []);
  for (let s = 0; s < data.sendOp.length; s++) if (data.out[data.sendOp[s]] === OK) times[data.sends.part[s]].push(data.ret[data.sendOp[s]]);
  data.acks = times.map((list) => Float64Array.from(list).sort());
  return data.acks;
}

// How long after a time the last partition acknowledged again; null where one never did.
function recovery(data, since) {
  let longest = null;
  for (const acks of acknowledgements(data)) {
    if (acks.length === 0) continue;
    const next = placeOf(acks, since);
    if (next === acks.length) return null;
    longest = Math.max(longest ?? 0, acks[next] - since);
  }
  return longest;
}

function rates(data) {
  const width = data.end / BUCKETS;
  const counts = OUTCOMES.map(() => new Float64Array(BUCKETS));
  const lasted = Array.from({ length: BUCKETS }, () => []);
  for (let op = 0; op < data.n; op++) {
    if (data.ret[op] === Infinity) continue;
    const bucket = Math.min(BUCKETS - 1, Math.floor(data.ret[op] / width));
    counts[data.out[op]][bucket]++;
    if (data.out[op] === OK && data.sendAt[op] < data.sendAt[op + 1]) lasted[bucket].push(data.ret[op] - data.call[op]);
  }
  for (const list of lasted) list.sort((a, b) => a - b);
  const middle = (i) => (i + 0.5) * width;
  const a_second = seconds(data, width);
  const rate = (kind) => Array.from(counts[kind], (count, i) => [middle(i), count / a_second]);
  const quantile = (share) => lasted.flatMap((list, i) => (list.length ? [[middle(i), (list[Math.min(list.length - 1, Math.floor(share * list.length))] * data.unit) / 1e6]] : []));
  return [
    { title: 'operations a second', unit: '/s', series: OUTCOMES.map((name, kind) => ({ name, colour: ['ok', 'fail', 'info'][kind], points: rate(kind) })) },
    { title: 'latency of acknowledged sends', unit: 'ms', series: [{ name: 'median', colour: 'ok', points: quantile(0.5) }, { name: '99th percentile', colour: 'bad', points: quantile(0.99) }] },
  ];
}

// For each partition and moment: 2 where something was acknowledged, 1 where somebody tried in vain, 0 where nobody did.
function availability(data) {
  const width = data.end / BUCKETS;
  const bucket = (time) => Math.max(0, Math.min(BUCKETS - 1, Math.floor(time / width)));
  const rows = data.parts.map(() => new Uint8Array(BUCKETS));
  for (let s = 0; s < data.sendOp.length; s++) {
    const op = data.sendOp[s];
    const row = rows[data.sends.part[s]];
    for (let i = bucket(data.call[op]); i <= bucket(data.until[op]); i++) row[i] = Math.max(row[i], 1);
    if (data.out[op] === OK) row[bucket(data.ret[op])] = 2;
  }
  return rows;
}
