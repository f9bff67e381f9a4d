// Puts the page together, and follows links, keys and the search.

function start() {
  const began = performance.now();
  const data = load(document.getElementById('data').textContent);
  const byId = (id) => document.getElementById(id);
  let picked = -1;
  const isPicked = () => picked;
  const timeline = new Timeline(byId('timeline'), byId('tip'), data, (op) => { location.hash = op < 0 ? '' : `op=${op}`; if (op < 0) pick(-1); });
  showFindings(data);
  showFaults(data);
  showConsistency(data);
  showFacts(data);
  const operations = showOperations(data, isPicked);
  const goToRecord = showLogs(data, isPicked);
  const drawPlots = showPlots(data);
  const pick = (op, show = false) => {
    picked = timeline.picked = op;
    showDetail(data, op);
    if (show && op >= 0) timeline.show([op], 12); else timeline.draw();
    if (op >= 0) operations.show(op);
  };
  showSteps(data, (op) => pick(op, true));
  drawPlots?.();

  // #op=12, #t=1500, #record=orders/0@7
  const follow = () => {
    const [, key, value] = /^#(op|t|record)=(.*)$/.exec(decodeURIComponent(location.hash)) ?? [];
    if (key === 'op' && +value >= 0 && +value < data.n) pick(+value, true);
    if (key === 't') timeline.goTo(+value);
    const record = key === 'record' && /^(.*)@(\d+)$/.exec(value);
    if (record && data.parts.includes(record[1])) goToRecord?.(data.parts.indexOf(record[1]), +record[2]);
  };
  window.addEventListener('hashchange', follow);

  let finding = -1;
  const goToFinding = (by) => {
    const shown = data.findings.filter((one) => one.ops.length);
    if (shown.length === 0) return;
    finding = (finding + by + shown.length) % shown.length;
    timeline.marked = new Set(shown[finding].ops);
    timeline.show(shown[finding].ops, 3);
    showDetail(data, shown[finding].ops[0]);
  };
  timeline.marked = new Set(data.witness);
  if (data.witness.length) timeline.show(data.witness, 3);

  const search = byId('search');
  let hits = [], hit = -1;
  const find = (by) => {
    if (hits.length === 0) return;
    hit = (hit + by + hits.length) % hits.length;
    byId('found').textContent = `${hit + 1} of ${hits.length}${hits.length >= HITS_MAX ? '+' : ''}`;
    pick(hits[hit], true);
  };
  search.addEventListener('input', () => {
    hits = matches(data, search.value.trim());
    hit = -1;
    byId('found').textContent = search.value.trim() ? (hits.length ? `${hits.length}${hits.length >= HITS_MAX ? '+' : ''} found` : 'nothing found') : '';
  });
  search.addEventListener('keydown', (event) => { if (event.key === 'Enter') { find(event.shiftKey ? -1 : 1); event.preventDefault(); } });

  byId('filter').addEventListener('change', (event) => { timeline.filter = event.target.value; timeline.draw(); });
  byId('zoom-in').addEventListener('click', () => timeline.zoom(0.5));
  byId('zoom-out').addEventListener('click', () => timeline.zoom(2));
  byId('fit').addEventListener('click', () => timeline.fit());
  const axis = () => {
    timeline.toggleAxis();
    byId('axis').setAttribute('aria-pressed', timeline.byOrder);
    byId('axis').textContent = timeline.byOrder ? 'by order' : 'by time';
  };
  byId('axis').addEventListener('click', axis);
  byId('theme').addEventListener('click', () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    document.documentElement.dataset.theme = dark ? 'light' : 'dark';
    timeline.colour();
    timeline.draw();
    drawPlots?.();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { timeline.colour(); timeline.draw(); drawPlots?.(); });

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const width = timeline.to - timeline.from;
    const keys = {
      '+': () => timeline.zoom(0.6), '=': () => timeline.zoom(0.6), '-': () => timeline.zoom(1.7), 0: () => timeline.fit(),
      ArrowLeft: () => timeline.pan(-width / 8), ArrowRight: () => timeline.pan(width / 8),
      n: () => goToFinding(1), p: () => goToFinding(-1), t: axis, '/': () => search.focus(), Escape: () => pick(-1),
    };
    if (event.target === byId('timeline')) {
      keys.ArrowUp = () => { timeline.scroll -= 3 * ROW; timeline.draw(); };
      keys.ArrowDown = () => { timeline.scroll += 3 * ROW; timeline.draw(); };
    }
    const act = keys[event.key];
    if (act) { act(); event.preventDefault(); }
  });
  follow();
  // For whoever measures the page.
  window.highwater = { data, timeline, ready: performance.now() - began };
}

const HITS_MAX = 1000;

// The operations that a search means: `op 12`, `orders/0@7`, a value, a client, or words of what was done.
function matches(data, text) {
  if (text === '') return [];
  const exact = /^(?:op|#)\s*(\d+)$/.exec(text);
  if (exact) return +exact[1] < data.n ? [+exact[1]] : [];
  const hits = [];
  const record = /^(.+)@(\d+)$/.exec(text);
  const part = record ? data.parts.indexOf(record[1]) : -1;
  const lane = data.lanes.map((name) => name.toLowerCase().includes(text.toLowerCase()));
  const words = text.toLowerCase();
  for (let op = 0; op < data.n && hits.length < HITS_MAX; op++) {
    let has = false;
    if (part >= 0) {
      for (let s = data.sendAt[op]; s < data.sendAt[op + 1]; s++) has ||= data.sends.part[s] === part && data.sends.offset[s] === +record[2];
      for (let r = data.readAt[op]; r < data.readAt[op + 1]; r++) has ||= data.reads.part[r] === part && data.reads.count[r] > 0 && data.reads.from[r] <= +record[2] && data.reads.last[r] >= +record[2];
    } else {
      has = lane[data.lane[op]] || describe(data, op).toLowerCase().includes(words);
    }
    if (has) hits.push(op);
  }
  return hits;
}

start();
