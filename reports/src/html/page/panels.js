// What stands below the picture: findings, faults, levels, steps, the logs, and the table of operations.

// An element with attributes and children; texts are texts, never markup.
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ''));
  return node;
}

function opLink(op, text) { return el('a', { href: `#op=${op}` }, text ?? `op ${op}`); }

function opLinks(ops) { return ops.flatMap((op, i) => (i ? [', ', opLink(op)] : [opLink(op)])); }

function section(id, title, ...content) {
  const node = document.getElementById(id);
  node.replaceChildren(...(content.length ? [el('h2', {}, title), ...content] : []));
  return node;
}

function showFindings(data) {
  const witness = document.getElementById('witness');
  if (data.witness.length) witness.append(el('p', {}, 'Shown by ', ...opLinks(data.witness), '.'));
  if (data.findings.length === 0) return;
  const rows = data.findings.map((finding, at) => el('tr', { 'data-finding': at },
    el('td', { class: finding.severity }, finding.name),
    el('td', {}, finding.what, finding.reason ? ` (permitted: ${finding.reason})` : ''),
    el('td', { class: 'num' }, String(finding.count)),
    el('td', {}, ...opLinks(finding.ops))));
  section('findings', 'Findings', table(['anomaly', 'what', 'count', 'operations'], rows));
}

function showFaults(data) {
  if (data.faults.length === 0) return;
  const rows = data.faults.map((fault) => el('tr', {},
    el('td', {}, fault.id), el('td', {}, fault.kind), el('td', {}, fault.targets.join(', ')),
    el('td', {}, fault.from < 0 ? 'never' : el('a', { href: `#t=${fault.from}` }, clock(data, fault.from))),
    el('td', {}, fault.to < 0 ? '' : clock(data, fault.to)), el('td', {}, fault.effect), el('td', { class: 'num' }, fault.line ? String(fault.line) : '')));
  section('faults', 'Faults', table(['fault', 'kind', 'on', 'from', 'until', 'effect', 'line'], rows));
}

function showConsistency(data) {
  if (data.ladder.length === 0) return;
  const rows = data.ladder.map((rung) => el('tr', {},
    el('td', {}, rung.part), el('td', {}, rung.level), el('td', {}, rung.what ?? ''), el('td', {}, ...opLinks(rung.ops ?? []))));
  section('consistency', 'Consistency', table(['partition', 'strongest level that holds', 'what breaks the next one', 'operations'], rows));
}

function showFacts(data) {
  const rows = data.facts.map(([name, value]) => el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, value)));
  section('facts', 'This run', el('table', {}, ...rows));
}

function table(heads, rows) {
  return el('table', {}, el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col' }, head)))), el('tbody', {}, ...rows));
}

// One operation: what it did, and who else had to do with its records.
function showDetail(data, op) {
  const node = document.getElementById('detail');
  if (op < 0) { node.replaceChildren(); return; }
  const until = data.ret[op] === Infinity ? 'never returned' : `returned at ${clock(data, data.ret[op])}`;
  const lines = [
    el('strong', {}, `op ${op}`), ` ${describe(data, op)}: `, el('em', {}, OUTCOMES[data.out[op]]),
    el('div', { class: 'hint' }, `${data.lanes[data.lane[op]]}, called at ${clock(data, data.call[op])}, ${until}`),
  ];
  const errors = data.errors[op];
  if (errors) lines.push(el('div', {}, `error: ${errors}`));
  for (let s = data.sendAt[op]; s < data.sendAt[op + 1]; s++) {
    const readers = readersOf(data, data.sends.part[s], s);
    const where = readers.length ? ['read by ', ...opLinks(readers.slice(0, 6)), readers.length > 6 ? ` and ${readers.length - 6} more` : ''] : ['read by nobody'];
    lines.push(el('div', {}, `${data.parts[data.sends.part[s]]} value ${valueText(data, s)}: `, ...where));
  }
  for (let r = data.readAt[op]; r < data.readAt[op + 1]; r++) {
    const values = recordsOf(data, r).slice(0, 40).map(([offset, value]) => `@${offset}=${valueText(data, value)}`);
    lines.push(el('div', { class: 'mono' }, `${data.parts[data.reads.part[r]]}: ${values.join(' ') || 'nothing'}${data.reads.count[r] > 40 ? ' …' : ''}`));
  }
  node.replaceChildren(...lines);
}

// The records that a read returned: those of the log between its ends, but for what is told apart.
function recordsOf(data, read) {
  const own = data.odd[read];
  if (own) return own;
  const log = data.logs[data.reads.part[read]];
  log.at ??= running(log.offset);
  const records = [];
  let i = lowerBound(log.at.length, (k) => log.at[k] < data.reads.from[read]);
  for (let c = 0; c < data.reads.count[read] && i < log.at.length; c++, i++) records.push([log.at[i], log.value[i]]);
  return records;
}

function readersOf(data, part, value) {
  const ops = [];
  const log = data.logs[part];
  log.at ??= running(log.offset);
  log.of ??= new Map(log.value.map((v, i) => [v, i]));
  const place = log.of.get(value);
  for (let r = 0; r < data.readOp.length; r++) {
    if (data.reads.part[r] !== part) continue;
    const own = data.odd[r];
    const has = own ? own.some(([, v]) => v === value)
      : place !== undefined && log.at[place] >= data.reads.from[r] && log.at[place] <= data.reads.last[r] && data.reads.count[r] > 0;
    if (has) ops.push(data.readOp[r]);
  }
  return ops;
}

// A table of which only the rows in sight exist.
class Rows {
  constructor(heads, count, row, height = 24) {
    Object.assign(this, { count, row, height });
    this.body = el('tbody');
    this.above = el('tr');
    this.below = el('tr');
    this.node = el('div', { class: 'scroll', tabindex: 0 }, el('table', { 'aria-rowcount': count },
      el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col' }, head)))), this.body));
    this.node.addEventListener('scroll', () => this.draw());
    this.first = -1;
  }

  draw(force = false) {
    const room = this.node.clientHeight || 400;
    const first = Math.max(0, Math.floor(this.node.scrollTop / this.height) - 10);
    const last = Math.min(this.count, Math.ceil((this.node.scrollTop + room) / this.height) + 10);
    if (!force && first === this.first && last === this.last) return;
    [this.first, this.last] = [first, last];
    this.above.style.height = `${first * this.height}px`;
    this.below.style.height = `${(this.count - last) * this.height}px`;
    const rows = [];
    for (let i = first; i < last; i++) { const row = this.row(i); row.setAttribute('aria-rowindex', i + 1); rows.push(row); }
    this.body.replaceChildren(this.above, ...rows, this.below);
  }

  show(i) { this.node.scrollTop = Math.max(0, i * this.height - 120); this.draw(true); }
}

const LOG_FLAGS = { acknowledged: 1, read: 2, kept: 4, odd: 8 };

function showLogs(data, picked) {
  if (data.logs.length === 0) return null;
  const choice = el('select', { 'aria-label': 'partition' }, ...data.parts.map((name, i) => el('option', { value: i }, name)));
  const place = el('div');
  let rows;
  const draw = () => {
    const log = data.logs[choice.value];
    log.at ??= running(log.offset);
    const yes = (i, flag) => (log.flags[i] & LOG_FLAGS[flag] ? 'yes' : 'no');
    rows = new Rows(['offset', 'value', 'appended by', 'acknowledged', 'read', 'in the final read'], log.at.length, (i) => {
      const op = log.op[i];
      return el('tr', { class: (log.flags[i] & LOG_FLAGS.odd ? 'odd ' : '') + (picked() === op && op >= 0 ? 'picked' : '') },
        el('td', { class: 'num' }, String(log.at[i])), el('td', { class: 'num' }, valueText(data, log.value[i])),
        el('td', {}, op < 0 ? 'nobody' : opLink(op)), el('td', {}, yes(i, 'acknowledged')), el('td', {}, yes(i, 'read')),
        el('td', {}, log.final ? yes(i, 'kept') : 'unknown'));
    });
    place.replaceChildren(rows.node);
    rows.draw(true);
  };
  choice.addEventListener('change', draw);
  section('log', 'The logs', el('p', {}, choice, ' what was seen at each offset; in red where views differ or an acknowledged record is gone'), place);
  draw();
  return (part, offset) => {
    if (String(part) !== choice.value) { choice.value = part; draw(); }
    const at = data.logs[part].at;
    rows.show(lowerBound(at.length, (i) => at[i] < offset));
    rows.node.scrollIntoView({ block: 'nearest' });
  };
}

function showOperations(data, picked) {
  const rows = new Rows(['op', 'client', 'called', 'returned', 'outcome', 'what'], data.n, (op) => el('tr', { class: picked() === op ? 'picked' : '' },
    el('td', {}, opLink(op, String(op))), el('td', {}, data.lanes[data.lane[op]]), el('td', { class: 'num' }, clock(data, data.call[op])),
    el('td', { class: 'num' }, data.ret[op] === Infinity ? 'never' : clock(data, data.ret[op])), el('td', {}, OUTCOMES[data.out[op]]),
    el('td', {}, describe(data, op).slice(0, 160))));
  section('operations', 'Operations', rows.node);
  rows.draw(true);
  return rows;
}

// Goes through the order in which operations took effect.
function showSteps(data, pick) {
  if (data.order.length === 0) return;
  let at = 0;
  const said = el('p', { class: 'mono', role: 'status' });
  const slide = el('input', { type: 'range', min: 0, max: data.order.length - 1, value: 0, 'aria-label': 'step', style: 'width: 24rem' });
  const go = (to, show = true) => {
    at = Math.max(0, Math.min(data.order.length - 1, to));
    slide.value = at;
    const op = data.order[at];
    const state = data.states.length ? `, and then: ${data.texts[data.states[at]]}` : '';
    said.textContent = `step ${at + 1} of ${data.order.length}: op ${op} ${describe(data, op)}${state}`;
    if (show) pick(op);
  };
  slide.addEventListener('input', () => go(+slide.value));
  section('steps', 'One order in which all took effect',
    el('p', {}, el('button', { type: 'button', id: 'step-back', onclick: () => go(at - 1) }, 'back'), ' ',
      el('button', { type: 'button', id: 'step-on', onclick: () => go(at + 1) }, 'on'), ' ', slide), said);
  go(0, false);
}
