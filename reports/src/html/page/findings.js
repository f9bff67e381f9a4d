// The findings with their witnesses, the faults, the levels of consistency, and what run it was.

// What proves the verdict, each with the letter that it bears in the picture.
function showWitness(data, marked) {
  const sentence = document.getElementById('sentence');
  sentence.replaceChildren(...linked(data, sentence.textContent));
  const items = marked.map((op, i) => el('li', {},
    el('span', { class: 'tag' }, String.fromCharCode(65 + i)), ' ', opLink(op), ` ${describe(data, op).slice(0, 200)} `,
    el('span', { class: 'soft' }, `${data.lanes[data.lane[op]]}, ${clock(data, data.call[op])}${data.ret[op] === Infinity ? ', never returned' : ` to ${clock(data, data.ret[op])}`}, `, outcome(data, op)),
    ...logLinks(data, op)));
  document.getElementById('witness').replaceChildren(...(items.length ? [el('ol', {}, ...items)] : []));
}

function outcome(data, op) { return el('span', { class: `out${data.out[op]}` }, OUTCOMES[data.out[op]]); }

// Where in the logs stand the records of an operation that are odd: gone, or not what others saw.
function logLinks(data, op) {
  const links = [];
  const add = (part, offset) => {
    const log = data.logs[part];
    const at = log ? placeOf(log.at, offset) : -1;
    if (links.length < 2 && at >= 0 && log.at[at] === offset) links.push(' \u00b7 ', recordLink(data, part, offset, `in the log at ${offset}${log.flags[at] & LOG.odd ? ', where views differ' : ''}`));
  };
  for (let s = data.sendAt[op]; s < data.sendAt[op + 1]; s++) if (data.sends.offset[s] >= 0) add(data.sends.part[s], data.sends.offset[s]);
  for (let r = data.readAt[op]; r < data.readAt[op + 1]; r++) {
    const part = data.reads.part[r];
    const odd = oddOf(data, part);
    const next = placeOf(odd, data.reads.from[r]);
    if (data.reads.count[r] > 0) add(part, next < odd.length && odd[next] <= data.reads.last[r] ? odd[next] : data.reads.from[r]);
  }
  return links;
}

// What happened to the records that the sentence is about.
function showStory(data) {
  if (!data.story?.length) return;
  const items = data.story.map(([time, what]) => el('li', {}, ...(time < 0 ? [] : [timeLink(data, time), ' ']), ...linked(data, what)));
  section('story', 'What happened', el('ol', {}, ...items));
}

function showFindings(data) {
  if (data.findings.length === 0) return;
  const rows = data.findings.map((finding) => el('tr', {},
    el('td', { class: finding.severity }, finding.name), el('td', {}, finding.severity),
    el('td', {}, ...linked(data, finding.what), finding.reason ? ` (${finding.reason})` : ''),
    el('td', { class: 'num' }, grouped(finding.count)), el('td', {}, ...opLinks(finding.ops))));
  section('findings', 'Findings', table(['anomaly', '', 'what', 'count', 'operations'], rows));
}

function showFaults(data) {
  if (data.faults.length === 0) return;
  const recovered = data.faults.map((fault) => (fault.to < 0 ? null : recovery(data, fault.to)));
  const rows = data.faults.map((fault, i) => el('tr', {},
    el('td', {}, fault.id), el('td', {}, fault.kind), el('td', {}, fault.targets.join(', ')),
    el('td', { class: 'num' }, fault.from < 0 ? 'never' : timeLink(data, fault.from)),
    el('td', { class: 'num' }, fault.from < 0 ? '' : fault.to < 0 ? 'to the end' : clock(data, fault.to)), el('td', {}, fault.effect),
    el('td', { class: 'num' }, recovered[i] === null ? '' : span(data, recovered[i])),
    el('td', { class: 'num' }, fault.line ? String(fault.line) : '')));
  section('faults', 'Faults', table(['fault', 'kind', 'on', 'from', 'until', 'effect', 'acknowledged everywhere after', 'line'], rows));
}

// The rungs, from the weakest to the strongest, by how their names begin.
const RUNGS = ['diverged', 'consistent prefix', 'sequential', 'linearizable writes', 'linearizable'];

// How far up a level is, drawn; what it is called stands beside it. Other answers have no ladder.
function ladder(level) {
  const fits = RUNGS.filter((name) => level.startsWith(name)).sort((a, b) => b.length - a.length);
  const at = RUNGS.indexOf(fits[0]);
  return at < 0 ? '' : el('span', { class: 'ladder', 'aria-hidden': 'true' }, ...RUNGS.map((name, i) => el('i', { class: i > at ? false : at === RUNGS.length - 1 ? 'top' : 'on', title: name })));
}

function showConsistency(data) {
  if (data.ladder.length === 0) return;
  const rows = data.ladder.map((rung) => el('tr', {},
    el('th', { scope: 'row' }, rung.part), el('td', {}, ladder(rung.level)), el('td', {}, rung.level), el('td', {}, ...linked(data, rung.what ?? '')), el('td', {}, ...opLinks(rung.ops ?? []))));
  section('consistency', 'Ladder of consistency', table(['', '', 'strongest level that holds', 'what breaks the next one', 'operations'], rows),
    data.ladder.some((rung) => ladder(rung.level)) ? el('p', { class: 'hint' }, `From below: ${RUNGS.join(', ')}.`) : '');
}

function showFacts(data) {
  if (data.facts.length === 0) return;
  const rows = data.facts.map(([name, value]) => el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, value)));
  section('facts', 'Facts', el('div', { class: 'wide' }, el('table', {}, el('tbody', {}, ...rows))));
}
