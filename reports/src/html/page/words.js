// What the page says of times, values and operations.

const UNKNOWN = '?';

function seconds(data, time) { return time * data.unit / 1e9; }

function clock(data, time) {
  if (!data.timed) return `#${Math.round(time)}`;
  return `${seconds(data, time).toFixed((time * data.unit) % 1e6 === 0 ? 3 : 6)}s`;
}

// How long something took.
function span(data, ticks) {
  if (!data.timed) return `${Math.round(ticks)} events`;
  const ns = ticks * data.unit;
  if (ns >= 1e9) return `${+(ns / 1e9).toPrecision(4)}s`;
  return ns >= 1e6 ? `${+(ns / 1e6).toPrecision(3)}ms` : `${+(ns / 1e3).toPrecision(3)}us`;
}

function grouped(count) { return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ','); }

// A value by its number: that of the send that sent it, or behind them all that of one that nobody sent.
function valueText(data, id) {
  const sent = data.sends.value;
  return String(id < sent.length ? sent[id] : data.foreign[id - sent.length] ?? UNKNOWN);
}

function readText(data, read) {
  const { from, last, count } = data.reads;
  if (count[read] === 0) return 'nothing';
  return count[read] === 1 ? `@${from[read]}` : `@${from[read]} to @${last[read]} (${grouped(count[read])} records)`;
}

function sendText(data, send) {
  const offset = data.sends.offset[send];
  return `${offset < 0 ? '' : `@${offset} `}value ${valueText(data, send)}`;
}

// What an operation did. What a poll found nothing in is left out, unless it found nothing at all.
function describe(data, op) {
  const text = data.ops.text && data.texts[data.ops.text[op]];
  if (text) return text;
  const parts = [];
  for (let s = data.sendAt[op]; s < data.sendAt[op + 1]; s++) parts.push(`${data.parts[data.sends.part[s]]}${data.sends.offset[s] < 0 ? ' ' : ''}${sendText(data, s)}`);
  for (let r = data.readAt[op]; r < data.readAt[op + 1]; r++) if (data.reads.count[r] > 0) parts.push(`${data.parts[data.reads.part[r]]} ${readText(data, r)}`);
  if (parts.length === 0 && data.fns[data.fn[op]] === 'poll') parts.push('nothing');
  return `${data.fns[data.fn[op]]} ${parts.join(', ')}`.trimEnd();
}

// What stands in the bar of an operation.
function label(data, op) {
  if (data.ops.text) return describe(data, op);
  for (let s = data.sendAt[op]; s < data.sendAt[op + 1]; s++) return sendText(data, s).replace('value ', '= ');
  for (let r = data.readAt[op]; r < data.readAt[op + 1]; r++) if (data.reads.count[r] > 0) return data.reads.count[r] === 1 ? `@${data.reads.from[r]}` : `@${data.reads.from[r]}..${data.reads.last[r]}`;
  return data.fns[data.fn[op]];
}

// Where a time lies in a list of [since, ..]: the last entry that has begun, or undefined.
function inEffect(list, time) { return list[lowerBound(list.length, (i) => list[i][0] <= time) - 1]; }
