// What the colours mean; only those that occur.

function showLegend(data) {
  const has = (kind) => data.out.includes(kind);
  const keys = [
    [has(OK), 'ok', 'ok'], [has(FAILED), 'fail', 'failed'], [has(INDETERMINATE), 'info fading', 'indeterminate: may take effect later'],
    [data.faults.some((fault) => fault.from >= 0), 'fault', 'fault'], [data.witness.length > 0, 'witness', 'witness'], [true, 'pick box', 'selected'],
    [data.hw.some((hw) => hw.time.length > 0), 'hw line', 'high watermark'], [data.courses?.length > 0, 'ink line', 'took effect'],
    [data.lives.some((lives) => lives.some((life) => life[2] !== 'up')), 'down', 'paused'],
  ];
  const brokers = data.brokers.map((name, i) => el('span', {}, el('i', { class: `key b${i % 7}` }), ` ${name}`));
  document.getElementById('legend').replaceChildren(
    ...keys.filter(([shown]) => shown).map(([, kind, text]) => el('span', {}, el('i', { class: `key ${kind}` }), ` ${text}`)),
    ...(brokers.length ? [el('span', {}, 'leads, in sync (thin lines), up:'), ...brokers] : []));
}
