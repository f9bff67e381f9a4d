// Search and filters: which operations are meant by `op 12`, `#25` (an event), `orders/0@7`, `@7`, `value:9`, `client:c1`, or words.

// A search as the operations that it finds; words between spaces must all hold. Null for an empty one.
function find(data, text) {
  const words = text.trim().replace(/^op\s+(?=\d)/i, 'op:').split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  const tests = words.map((word) => testOf(data, word));
  const hits = [];
  for (let op = 0; op < data.n; op++) if (tests.every((test) => test(op))) hits.push(op);
  return Int32Array.from(hits);
}

function testOf(data, word) {
  const [, key, rest] = /^(op|value|offset|client|part|partition):(.*)$/i.exec(word) ?? [];
  const named = rest?.toLowerCase();
  switch (key?.toLowerCase()) {
    case 'op': return (op) => op === Number(rest);
    case 'value': return among(ofValue(data, rest));
    case 'offset': return touches(data, null, Number(rest));
    case 'client': return ofLane(data, named);
    case 'part': case 'partition': return inPartition(data, data.parts.map((name) => name.toLowerCase().includes(named)));
  }
  const [, part, offset] = /^(.*)@(\d+)$/.exec(word) ?? [];
  if (offset !== undefined && (part === '' || data.parts.includes(part))) return touches(data, part === '' ? null : data.parts.indexOf(part), Number(offset));
  // An event of the history, as sentences name it: its operation.
  if (/^#\d+$/.test(word)) return (op) => op === data.opAt[Number(word.slice(1))];
  if (/^\d+$/.test(word)) {
    const valued = among(ofValue(data, word));
    const placed = touches(data, null, Number(word));
    const told = data.ops.text && holds(data.texts, word);
    return (op) => valued(op) || placed(op) || op === Number(word) || Boolean(told?.[data.ops.text[op]]);
  }
  return says(data, word.toLowerCase());
}

function among(ops) { const set = new Set(ops); return (op) => set.has(op); }

function holds(texts, word) { return texts.map((text) => text.toLowerCase().includes(word)); }

// Who sent a value, and who read it.
function ofValue(data, text) {
  const ops = [];
  const parts = data.parts.map((_, part) => part);
  for (let s = 0; s < data.sendOp.length; s++) {
    if (String(data.sends.value[s]) === text) ops.push(data.sendOp[s], ...readersOf(data, data.sends.part[s], s));
  }
  data.foreign.forEach((value, i) => {
    if (value === text) for (const part of parts) ops.push(...readersOf(data, part, data.sends.value.length + i));
  });
  return ops;
}

// Whose sends or reads lie at an offset, of one partition or of any.
function touches(data, part, offset) {
  const { sends, reads, sendAt, readAt } = data;
  return (op) => {
    for (let s = sendAt[op]; s < sendAt[op + 1]; s++) if (sends.offset[s] === offset && (part === null || sends.part[s] === part)) return true;
    for (let r = readAt[op]; r < readAt[op + 1]; r++) {
      if (reads.count[r] > 0 && reads.from[r] <= offset && offset <= reads.last[r] && (part === null || reads.part[r] === part)) return true;
    }
    return false;
  };
}

function ofLane(data, word) {
  const has = holds(data.lanes, word);
  return (op) => has[data.lane[op]];
}

function inPartition(data, has) {
  const { sends, reads, sendAt, readAt } = data;
  return (op) => {
    for (let s = sendAt[op]; s < sendAt[op + 1]; s++) if (has[sends.part[s]]) return true;
    for (let r = readAt[op]; r < readAt[op + 1]; r++) if (has[reads.part[r]]) return true;
    return false;
  };
}

function says(data, word) {
  const client = ofLane(data, word);
  const partition = inPartition(data, holds(data.parts, word));
  const named = holds(data.fns, word);
  const ended = holds(OUTCOMES, word);
  const told = data.ops.text && holds(data.texts, word);
  const foreign = data.foreign.some((value) => value.toLowerCase().includes(word)) ? among(data.foreign.filter((value) => value.toLowerCase().includes(word)).flatMap((value) => ofValue(data, value))) : null;
  return (op) => client(op) || named[data.fn[op]] || ended[data.out[op]] || Boolean(data.errors[op]?.toLowerCase().includes(word))
    || Boolean(told?.[data.ops.text[op]]) || partition(op) || Boolean(foreign?.(op));
}

// The operations that filters let through, as a mask; null where they let all through.
function masked(data, { outcome = '', client = '', part = '' }) {
  if (outcome === '' && client === '' && part === '') return null;
  const inPart = part === '' ? null : inPartition(data, data.parts.map((_, i) => i === Number(part)));
  const mask = new Uint8Array(data.n);
  for (let op = 0; op < data.n; op++) {
    mask[op] = Number((outcome === '' || data.out[op] === Number(outcome)) && (client === '' || data.lanes[data.lane[op]] === client) && (!inPart || inPart(op)));
  }
  return mask;
}
