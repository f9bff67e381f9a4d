// The log of each partition: what was seen at each offset, who appended it, and who read it.

const LOG = { acknowledged: 1, read: 2, kept: 4, odd: 8 };

// The offsets of a partition at which views differ, or from which an acknowledged record is gone.
function oddOf(data, part) {
  const log = data.logs[part];
  if (!log) return [];
  return (log.oddAt ??= log.at.filter((_, i) => log.flags[i] & LOG.odd));
}

// How many reads returned each entry of a log.
function readsOf(data, part) {
  const log = data.logs[part];
  if (log.reads) return log.reads;
  const change = new Int32Array(log.at.length + 1);
  for (let r = 0; r < data.readOp.length; r++) {
    if (data.reads.part[r] !== part || data.reads.count[r] === 0) continue;
    const own = data.odd[r];
    for (const [offset, value] of own ?? []) {
      const at = placeOf(log.at, offset);
      if (log.at[at] === offset && log.value[at] === value) { change[at]++; change[at + 1]--; }
    }
    if (own) continue;
    change[placeOf(log.at, data.reads.from[r])]++;
    change[placeOf(log.at, data.reads.last[r] + 1)]--;
  }
  let sum = 0;
  log.reads = change.map((by) => (sum += by));
  return log.reads;
}

// Shows the logs; returns what brings an offset into sight.
function showLogs(data, { picked, search }) {
  if (data.logs.length === 0 || data.logs.every((log) => log.at.length === 0)) return null;
  let part = 0, only = false, shown = null, wanted = -1;
  const choice = el('select', { id: 'log-partition', 'aria-label': 'partition' }, ...data.parts.map((name, i) => {
    const odd = oddOf(data, i).length;
    return el('option', { value: i }, odd ? `${name} (${grouped(odd)} in red)` : name);
  }));
  const box = el('input', { type: 'checkbox', id: 'log-odd' });
  const said = el('span', { role: 'status', class: 'soft' });
  const log = () => data.logs[part];
  const placeAt = (i) => (shown ? shown[i] : i);
  const row = (i) => {
    const at = placeAt(i);
    const { flags, op, value, at: offsets, final } = log();
    const yes = (flag) => (flags[at] & flag ? 'yes' : 'no');
    const reads = readsOf(data, part)[at];
    const kind = [flags[at] & LOG.odd ? 'odd' : '', offsets[at] === wanted ? 'wanted' : '', op[at] >= 0 && picked() === op[at] ? 'picked' : ''].filter(Boolean).join(' ');
    return el('tr', { class: kind || false, 'data-offset': offsets[at] },
      el('td', { class: 'num' }, grouped(offsets[at])), el('td', { class: 'num' }, valueText(data, value[at])),
      el('td', {}, op[at] < 0 ? 'nobody' : opLink(op[at])), el('td', {}, yes(LOG.acknowledged)),
      el('td', {}, reads ? el('a', { href: '#', onclick: (event) => { event.preventDefault(); search(`${data.parts[part]}@${offsets[at]}`); } }, `${grouped(reads)} times`) : yes(LOG.read)),
      el('td', {}, final ? yes(LOG.kept) : 'unknown'),
      el('td', {}, ...meaning(data, part, at)));
  };
  const rows = new Rows('log of the partition', ['offset', 'value', 'appended by', 'acknowledged', 'read', 'in the final read', ''], row);
  const draw = () => {
    choice.value = part;
    box.checked = only;
    shown = null;
    if (only) {
      shown = [];
      for (let i = 0; i < log().at.length; i++) if (log().flags[i] & LOG.odd) shown.push(i);
    }
    rows.reset(shown ? shown.length : log().at.length);
    said.textContent = ` ${grouped(rows.count)} offsets`;
  };
  const show = (offset) => {
    wanted = offset;
    if (only && !oddOf(data, part).includes(offset)) { only = false; draw(); }
    const at = placeOf(log().at, offset);
    rows.show(shown ? placeOf(shown, at) : at);
  };
  choice.addEventListener('change', () => { part = Number(choice.value); wanted = -1; draw(); });
  box.addEventListener('change', () => { only = box.checked; draw(); });
  const next = el('button', { type: 'button', id: 'log-next', onclick: () => {
    const odd = oddOf(data, part);
    if (odd.length) show(odd[placeOf(odd, wanted + 1) % odd.length]);
  } }, 'next in red');
  section('log', 'Logs', el('p', { class: 'bar' }, choice, el('label', {}, box, ' only what is in red'), next, said), rows.node,
    el('p', { class: 'hint' }, 'In red: offsets at which views differ, or whose acknowledged record is absent from the final read.'));
  // The first log that has something to show.
  part = Math.max(0, data.parts.findIndex((_, i) => oddOf(data, i).length > 0));
  draw();
  if (oddOf(data, part).length) rows.show(placeOf(log().at, oddOf(data, part)[0]));
  return {
    draw: () => rows.draw(true),
    goTo(to, offset) {
      if (to !== part) { part = to; draw(); }
      show(offset);
      rows.node.scrollIntoView({ block: 'nearest' });
    },
  };
}

// What is wrong at an offset, and which other values were acknowledged there.
function meaning(data, part, at) {
  const log = data.logs[part];
  if (!(log.flags[at] & LOG.odd)) return [];
  const others = acknowledgedAt(data, part, log.at[at]).filter((send) => send !== log.value[at]);
  if (others.length > 0) return [log.final ? 'also acknowledged here, and lost: ' : 'also acknowledged here: ', ...others.flatMap((send) => [`value ${valueText(data, send)} `, opLink(data.sendOp[send]), ' '])];
  return [log.final && log.flags[at] & LOG.acknowledged && !(log.flags[at] & LOG.kept) ? 'acknowledged and lost' : 'views differ'];
}

// The sends that were acknowledged at an offset of a partition.
function acknowledgedAt(data, part, offset) {
  const log = data.logs[part];
  if (!log.sends) {
    log.sends = new Map();
    const odd = new Set(oddOf(data, part));
    for (let s = 0; s < data.sendOp.length; s++) {
      const place = data.sends.offset[s];
      if (data.sends.part[s] !== part || data.out[data.sendOp[s]] !== OK || !odd.has(place)) continue;
      log.sends.set(place, [...(log.sends.get(place) ?? []), s]);
    }
  }
  return log.sends.get(offset) ?? [];
}
