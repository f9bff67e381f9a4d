// The search field and the filters over the picture.

function followSearch(data, t, { pick, list }) {
  const byId = (id) => document.getElementById(id);
  const field = byId('search');
  let hit = -1;
  const tell = () => {
    const { hits } = t;
    byId('found').textContent = hits === null ? '' : hits.length === 0 ? 'nothing found' : hit < 0 ? `${grouped(hits.length)} found` : `${grouped(hit + 1)} of ${grouped(hits.length)}`;
  };
  const filters = [byId('outcome-filter'), byId('client'), byId('partition')];
  for (const name of new Set(data.lanes)) filters[1].append(el('option', { value: name }, name));
  data.parts.forEach((name, i) => filters[2].append(el('option', { value: i }, name)));
  filters[2].parentNode.hidden = data.parts.length < 2;
  const apply = () => {
    t.mask = masked(data, { outcome: filters[0].value, client: filters[1].value, part: filters[2].value });
    const hits = find(data, field.value);
    t.hits = hits && t.mask ? hits.filter((op) => t.mask[op]) : hits;
    hit = -1;
    list(t.mask, t.hits);
    tell();
    t.draw();
  };
  const next = (by) => {
    if (!t.hits || t.hits.length === 0) return;
    hit = hit < 0 && by < 0 ? t.hits.length - 1 : (hit + by + t.hits.length) % t.hits.length;
    tell();
    pick(t.hits[hit]);
  };
  // Not with each key: a long history takes its time.
  let waiting;
  field.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(apply, data.n > 20_000 ? 150 : 0); });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') { field.value = ''; apply(); field.blur(); }
    if (event.key !== 'Enter') return;
    clearTimeout(waiting);
    if (hit < 0) apply();
    next(event.shiftKey ? -1 : 1);
    event.preventDefault();
  });
  for (const filter of filters) filter.addEventListener('change', apply);
  return { set(text) { field.value = text; apply(); next(1); } };
}
