// Goes through an order in which the operations can have taken effect, with the state behind each.

// Where between call and return each step of the order lies: as early as the steps before it allow.
function placePoints(data) {
  if (data.order.length === 0) return;
  const rank = new Float64Array(data.order.length);
  const time = new Float64Array(data.order.length);
  let last = -1;
  data.order.forEach((op, i) => {
    last = Math.max(data.callRank[op], last);
    rank[i] = last;
    time[i] = data.times[last] ?? data.end;
  });
  data.points = { rank, time };
}

function showSteps(data, { go }) {
  if (data.order.length === 0) return null;
  let at = -1;
  const last = data.order.length - 1;
  const said = el('p', { role: 'status', id: 'step-text' });
  const state = el('pre', { id: 'step-state', 'aria-label': 'state' });
  const slide = el('input', { type: 'range', id: 'step', min: 0, max: last, value: 0, 'aria-label': 'step' });
  const show = (to, look = true) => {
    at = Math.max(0, Math.min(last, to));
    slide.value = at;
    const op = data.order[at];
    said.replaceChildren(`step ${grouped(at + 1)} of ${grouped(last + 1)}: `, opLink(op), ` ${describe(data, op)}`);
    state.textContent = data.states.length ? data.texts[data.states[at]] : '';
    state.hidden = data.states.length === 0;
    if (look) go(op, at);
  };
  slide.addEventListener('input', () => show(Number(slide.value)));
  const button = (id, text, to) => el('button', { type: 'button', id, onclick: () => show(to()) }, text);
  section('steps', 'One order in which all took effect',
    el('p', { class: 'bar' }, button('step-first', 'first', () => 0), button('step-back', 'back ([)', () => at - 1), button('step-on', 'on (])', () => at + 1), button('step-last', 'last', () => last), slide), said, state);
  show(0, false);
  return { move: (by) => show(at + by), at: () => at, goTo: (to) => show(to) };
}
