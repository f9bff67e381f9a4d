// One operation: what it did, who else had to do with its records, and where to go from it.

const SHOWN = 40;

function showDetail(data, op) {
  const node = document.getElementById('detail');
  if (op < 0) { node.replaceChildren(); return; }
  const until = data.ret[op] === Infinity ? 'never returned' : `returned at ${clock(data, data.ret[op])}, after ${span(data, data.ret[op] - data.call[op])}`;
  const ops = data.laneOps[data.lane[op]];
  const place = placeOf(ops, op);
  const lines = [
    el('p', {}, el('strong', {}, `op ${op}`), ` ${describe(data, op)}: `, outcome(data, op)),
    el('p', { class: 'hint' }, `${data.lanes[data.lane[op]]}, called at `, timeLink(data, data.call[op]), `, ${until}. `,
      place > 0 ? opLink(ops[place - 1], 'previous of this process (k)') : '', place > 0 && place + 1 < ops.length ? ', ' : '', place + 1 < ops.length ? opLink(ops[place + 1], 'next (j)') : ''),
  ];
  if (data.errors[op]) lines.push(el('p', {}, `error: ${data.errors[op]}`));
  if (data.out[op] === INDETERMINATE) lines.push(el('p', { class: 'hint' }, 'Nobody knows whether it took effect; it may have, at any time after its call.'));
  for (let s = data.sendAt[op]; s < data.sendAt[op + 1] && s < data.sendAt[op] + SHOWN; s++) {
    const [part, offset] = [data.sends.part[s], data.sends.offset[s]];
    const readers = readersOf(data, part, s);
    lines.push(el('p', {}, offset < 0 ? data.parts[part] : recordLink(data, part, offset), ` value ${valueText(data, s)}: `,
      ...(readers.length ? ['read by ', ...opLinks(readers.slice(0, 6)), readers.length > 6 ? ` and ${grouped(readers.length - 6)} more` : ''] : ['read by nobody']), fate(data, part, offset, s)));
  }
  for (let r = data.readAt[op]; r < data.readAt[op + 1]; r++) {
    if (data.reads.count[r] === 0) continue;
    const part = data.reads.part[r];
    const records = recordsOf(data, r, SHOWN);
    const [first] = records;
    lines.push(el('p', { class: 'mono' }, first ? recordLink(data, part, first[0]) : data.parts[part], ': ', records.map(([offset, value]) => `${offset}=${valueText(data, value)}`).join(' '),
      data.reads.count[r] > records.length ? ` and ${grouped(data.reads.count[r] - records.length)} more` : ''));
  }
  node.replaceChildren(...lines);
}

// What became of a record that was sent.
function fate(data, part, offset, send) {
  const log = data.logs[part];
  if (!log || offset < 0) return '';
  const at = placeOf(log.at, offset);
  if (log.at[at] !== offset) return '';
  const gone = el('strong', { class: 'violation' }, '; acknowledged, and absent from the final read');
  const acknowledged = data.out[data.sendOp[send]] === OK;
  if (log.value[at] !== send) {
    const other = `; at its offset others saw value ${valueText(data, log.value[at])}`;
    return acknowledged && log.final ? [gone, other] : other;
  }
  if (!log.final) return '';
  if (log.flags[at] & LOG.kept) return '; in the final read';
  return acknowledged ? gone : '; absent from the final read';
}
