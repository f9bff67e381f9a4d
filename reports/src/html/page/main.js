// Puts the page together, and follows links, keys and the search.

function start() {
  const byId = (id) => document.getElementById(id);
  const data = load(byId('data').textContent);
  const view = new View(data);
  const t = new Timeline(byId('timeline'), data, view);
  const stage = byId('stage');
  stage.style.height = `${Math.max(150, Math.min(t.wholeHeight, Math.max(320, window.innerHeight - stage.offsetTop - 46)))}px`;
  t.marked = data.witness.slice(0, 26);

  const picked = () => t.picked;
  showWitness(data, t.marked);
  showStory(data);
  showFindings(data);
  showFaults(data);
  showConsistency(data);
  showFacts(data);
  showLegend(data);

  const pick = (op, look = true) => {
    t.picked = op;
    showDetail(data, op);
    operations.show(op);
    logs?.draw();
    if (op >= 0 && look) {
      if (view.starts[op] < view.from || view.starts[op] > view.to || view.to - view.from > view.length / 4) view.frame([op], 12);
      t.reach(op);
    }
    t.draw();
  };
  const search = followSearch(data, t, { pick, list: (mask, hits) => operations.list(mask, hits) });
  const operations = showOperations(data, picked);
  const logs = showLogs(data, { picked, search: search.set });
  const goTo = (from, to) => {
    if (to === undefined) { t.cursor = from; view.goTo(from); } else view.set(view.x(from), view.x(to));
    t.draw();
  };
  const steps = showSteps(data, t, { go: pick });
  let plots = null;

  // A click in the picture changes the address without going anywhere.
  followPointer(t, byId('tip'), { pick: (op) => { history.replaceState(null, '', op < 0 ? '#' : `#op=${op}`); pick(op, false); } });

  // #op=12, #t=1.5 and #t=1.5..2 in seconds (or places in the order), #record=orders/0@7, #step=3 or #step=orders/0:3, #find=c1
  const go = () => {
    let link;
    try { link = decodeURIComponent(location.hash); } catch { return; }
    const [, key, value] = /^#(op|t|record|step|find)=(.*)$/s.exec(link) ?? [];
    const unit = data.timed ? 1e9 / data.unit : 1;
    const times = key === 't' ? value.split('..').map((text) => parseFloat(text) * unit) : [];
    const [, part, offset] = (key === 'record' && /^(.*)@(\d+)$/s.exec(value)) || [];
    if (key === 'op' && /^\d+$/.test(value) && Number(value) < data.n) pick(Number(value));
    else if (key === 't' && times.length <= 2 && times.every(Number.isFinite)) goTo(...times);
    else if (key === 'step') steps?.follow(value);
    else if (key === 'find') search.set(value);
    else if (part !== undefined && data.parts.includes(part)) logs?.goTo(data.parts.indexOf(part), Number(offset));
  };
  window.addEventListener('hashchange', go);
  // A link to where the address is already still leads there.
  document.addEventListener('click', (event) => { if (event.target.closest?.('a[href^="#"]')?.hash === location.hash && location.hash !== '') go(); });

  const axis = () => {
    view.toggle();
    byId('axis').textContent = view.byOrder ? 'axis: order of events' : 'axis: time';
    t.draw();
  };
  const showAll = () => { view.fit(); t.draw(); };
  const zoom = (factor) => { view.zoom(factor); t.draw(); };
  byId('axis').hidden = !data.timed;
  for (const [id, act] of [['zoom-in', () => zoom(0.5)], ['zoom-out', () => zoom(2)], ['fit', showAll], ['axis', axis]]) byId(id).addEventListener('click', act);
  const witness = () => { view.frame(t.marked); if (t.marked.length) t.reach(t.marked[0]); t.draw(); };
  byId('home').hidden = t.marked.length === 0;
  byId('home').addEventListener('click', witness);

  let finding = -1;
  const found = data.findings.filter((one) => one.ops.length);
  const toFinding = (by) => {
    if (found.length === 0) return;
    finding = (finding + by + found.length) % found.length;
    t.marked = found[finding].ops;
    pick(t.marked[0], false);
    witness();
  };
  const neighbour = (by) => {
    if (t.picked < 0) return;
    const ops = data.laneOps[data.lane[t.picked]];
    const op = ops[placeOf(ops, t.picked) + by];
    if (op !== undefined) location.hash = `op=${op}`;
  };
  const scroll = (by) => { t.clients.scroll += by * LANE; t.draw(); };
  const pan = (share) => { view.pan(share * (view.to - view.from)); t.draw(); };
  const keys = {
    '+': () => zoom(0.6), '=': () => zoom(0.6), '-': () => zoom(1 / 0.6), 0: showAll, ArrowLeft: () => pan(-0.125), ArrowRight: () => pan(0.125),
    n: () => toFinding(1), p: () => toFinding(-1), j: () => neighbour(1), k: () => neighbour(-1), w: witness, t: () => data.timed && axis(),
    ']': () => steps?.move(1), '[': () => steps?.move(-1), '/': () => byId('search').focus(), Escape: () => { history.replaceState(null, '', '#'); pick(-1); },
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const onCanvas = event.target === t.canvas;
    const act = onCanvas && event.key === 'ArrowUp' ? () => scroll(-3) : onCanvas && event.key === 'ArrowDown' ? () => scroll(3) : Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    // Tables scroll by themselves.
    if (!act || (event.key.startsWith('Arrow') && !onCanvas && event.target !== document.body)) return;
    act();
    event.preventDefault();
  });

  const copy = byId('copy');
  copy?.addEventListener('click', () => navigator.clipboard?.writeText(byId('reproduce').textContent).then(() => { copy.textContent = 'copied'; }, () => {}));
  followTheme(byId('theme'), (atOnce) => {
    t.colour();
    if (atOnce) t.drawNow(); else t.draw();
    plots?.draw();
  });
  const resized = new ResizeObserver(() => { t.draw(); plots?.draw(); });
  resized.observe(t.canvas);

  witness();
  go();
  t.drawNow();
  Object.assign(window.highwater, { data, timeline: t, steps, inSight: () => inSight(t) });
  // Two frames on, what was drawn is on the screen.
  requestAnimationFrame(() => requestAnimationFrame(() => {
    window.highwater.ready = performance.now();
    plots = showPlots(data, { goTo });
    window.highwater.plotted = performance.now();
  }));
}

// What is to be seen in the picture just now.
function inSight(t) {
  const { view, data } = t;
  let count = 0;
  for (let op = 0; op < data.n; op++) if (view.starts[op] <= view.to && view.ends[op] >= view.from && (!t.mask || t.mask[op])) count++;
  return {
    axis: view.byOrder ? 'order' : 'time', from: view.from, to: view.to, length: view.length, operations: count, picked: t.picked, step: t.step,
    marked: t.marked, hits: t.hits ? Array.from(t.hits.slice(0, 100)) : null,
    rows: [t.cluster, t.clients].flatMap((region) => t.inSight(region).map((row) => `${row.kind} ${row.name}`)),
  };
}

start();
