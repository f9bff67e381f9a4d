// Goes through an order in which the operations on a partition or key can have taken effect, with the state behind each.

// Where between call and return each step of a course lies: as early as the steps before it allow.
function pointsOf(data, course) {
  if (course.rank) return course;
  course.order = Int32Array.from(running(course.op));
  course.ends = course.end ? running(course.end) : null;
  course.rank = new Float64Array(course.order.length);
  course.time = new Float64Array(course.order.length);
  let last = 0;
  course.order.forEach((op, i) => {
    last = Math.max(data.callRank[op], last);
    course.rank[i] = last;
    course.time[i] = data.times[last] ?? data.end;
  });
  return course;
}

// Behind which step what is known of the state.
function stateText(data, course, at) {
  if (course.ends) return `the log ends at offset ${grouped(course.ends[at])}`;
  const state = course.state ? course.state[at] : -1;
  return state < 0 ? '' : data.texts[state];
}

function showSteps(data, t, { go }) {
  const courses = (data.courses ?? []).filter((course) => course.op.length > 0 || course.stuck >= 0);
  if (courses.length === 0) return null;
  let course = null;
  const said = el('p', { role: 'status', id: 'step-text' });
  const state = el('pre', { id: 'step-state', 'aria-label': 'state' });
  const stuck = el('p', { id: 'step-stuck' });
  const slide = el('input', { type: 'range', id: 'step', min: 0, value: 0, 'aria-label': 'step' });
  const choice = el('select', { id: 'course', 'aria-label': 'partition or key' }, ...courses.map((one, i) => el('option', { value: i }, one.name + (one.stuck >= 0 ? ' (cannot go on)' : ''))));
  choice.hidden = courses.length < 2 && courses[0].name === '';
  const show = (to, look = true) => {
    const last = course.order.length - 1;
    if (last < 0) { said.textContent = 'No operation can be the first.'; state.hidden = true; return; }
    t.step = Math.max(0, Math.min(last, to));
    slide.value = t.step;
    const op = course.order[t.step];
    said.replaceChildren(`step ${grouped(t.step + 1)} of ${grouped(last + 1)}: `, opLink(op), ` ${describe(data, op)}`);
    state.textContent = stateText(data, course, t.step);
    state.hidden = state.textContent === '';
    if (!look) return;
    history.replaceState(null, '', `#step=${course.name === '' ? '' : `${encodeURIComponent(course.name)}:`}${t.step + 1}`);
    go(op);
  };
  const choose = (which, look = true) => {
    course = t.course = pointsOf(data, courses[which]);
    choice.value = which;
    slide.max = Math.max(0, course.order.length - 1);
    stuck.replaceChildren(...(course.stuck < 0 ? [] : [el('strong', { class: 'violation' }, 'Here every order ends: '), opLink(course.stuck), ` ${describe(data, course.stuck)} returned, and in no order can it have taken effect by then.`]));
    show(course.stuck < 0 ? 0 : course.order.length - 1, false);
    if (look) t.draw();
  };
  choice.addEventListener('change', () => choose(Number(choice.value)));
  slide.addEventListener('input', () => show(Number(slide.value)));
  const button = (id, text, to) => el('button', { type: 'button', id, onclick: () => show(to()) }, text);
  section('steps', 'An order in which they took effect',
    el('p', { class: 'bar' }, choice, button('step-first', 'first', () => 0), button('step-back', 'back ([)', () => t.step - 1), button('step-on', 'on (])', () => t.step + 1), button('step-last', 'last', () => course.order.length - 1), slide),
    said, state, stuck);
  choose(Math.max(0, courses.findIndex((one) => one.stuck >= 0)), false);
  // A link like `3` or `orders/0:3`.
  const follow = (link) => {
    const [, name, step] = /^(?:(.*):)?(\d+)$/s.exec(link) ?? [];
    const which = courses.findIndex((one) => one.name === name);
    if (step === undefined || (name !== undefined && which < 0)) return;
    if (name !== undefined && courses[which] !== course) choose(which, false);
    show(Number(step) - 1);
  };
  return { move: (by) => show(t.step + by), follow };
}
