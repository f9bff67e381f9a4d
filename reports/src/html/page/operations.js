// The table of operations: the same as the picture, for those who do not see it, and for whoever wants to read.

function showOperations(data, picked) {
  let ops = null;
  const row = (i) => {
    const op = ops ? ops[i] : i;
    return el('tr', { class: picked() === op && 'picked', 'data-op': op },
      el('td', { class: 'num' }, opLink(op, String(op))), el('td', {}, data.lanes[data.lane[op]]), el('td', { class: 'num' }, clock(data, data.call[op])),
      el('td', { class: 'num' }, data.ret[op] === Infinity ? 'never' : clock(data, data.ret[op])), el('td', {}, outcome(data, op)),
      el('td', {}, describe(data, op).slice(0, 240), data.errors[op] ? el('span', { class: 'soft' }, ` ${data.errors[op].slice(0, 240)}`) : ''));
  };
  const rows = new Rows('operations', ['op', 'client', 'called', 'returned', 'outcome', 'what'], row);
  const said = el('span', { role: 'status', class: 'soft', id: 'operations-count' });
  section('operations', 'Operations', el('p', {}, said), rows.node);
  const list = (mask, hits) => {
    ops = hits;
    if (mask) {
      const all = hits ?? Array.from({ length: data.n }, (_, op) => op);
      ops = Int32Array.from(all.filter((op) => mask[op]));
    }
    said.textContent = ops ? `${grouped(ops.length)} of ${grouped(data.n)} operations, as searched and filtered above` : `${grouped(data.n)} operations`;
    rows.reset(ops ? ops.length : data.n);
  };
  list(null, null);
  return {
    list,
    show(op) {
      const at = ops ? placeOf(ops, op) : op;
      if (op >= 0 && (!ops || ops[at] === op)) rows.show(at); else rows.draw(true);
    },
  };
}
