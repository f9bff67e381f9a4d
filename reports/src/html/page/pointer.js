// Mouse, pen and finger on the picture: drag, wheel, click, and what lies under the pointer.

function followPointer(t, tip, { pick }) {
  const { canvas, view, data } = t;
  let drag = null;
  const inOverview = (event) => event.offsetY < OVERVIEW && event.offsetX > t.left;
  const toOverview = (event) => {
    const at = ((event.offsetX - t.left) / (t.right - t.left)) * view.length;
    const half = (view.to - view.from) / 2;
    view.set(at - half, at + half);
    t.draw();
  };
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    const region = event.offsetY >= t.clients.top ? t.clients : t.cluster;
    drag = { x: event.clientX, y: event.clientY, from: view.from, to: view.to, region, scroll: region.scroll, overview: inOverview(event), moved: false };
    canvas.setPointerCapture(event.pointerId);
    tip.hidden = true;
    if (drag.overview) toOverview(event);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!drag) { hover(event); return; }
    if (drag.overview) { toOverview(event); return; }
    drag.moved ||= Math.abs(event.clientX - drag.x) + Math.abs(event.clientY - drag.y) > 4;
    if (!drag.moved) return;
    const by = (event.clientX - drag.x) / t.scale;
    view.set(drag.from - by, drag.to - by);
    drag.region.scroll = drag.scroll - (event.clientY - drag.y);
    t.draw();
  });
  canvas.addEventListener('pointerup', (event) => {
    if (drag && !drag.moved && !drag.overview) pick(t.at(event.offsetX, event.offsetY));
    drag = null;
  });
  canvas.addEventListener('pointercancel', () => { drag = null; });
  canvas.addEventListener('pointerleave', () => { tip.hidden = true; });
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    const along = event.shiftKey ? event.deltaY : event.deltaX;
    if (Math.abs(along) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      view.pan(along / t.scale);
    } else {
      view.zoom(Math.exp(Math.max(-240, Math.min(240, event.deltaY)) * 0.0022), t.place(Math.max(t.left, event.offsetX)));
    }
    t.draw();
  }, { passive: false });
  canvas.addEventListener('dblclick', (event) => { view.zoom(0.4, t.place(event.offsetX)); t.draw(); });

  const hover = (event) => {
    const { offsetX: x, offsetY: y } = event;
    const op = t.at(x, y);
    const row = x > t.left ? t.rowAt(y) : undefined;
    const text = op >= 0
      ? `op ${op}: ${describe(data, op)} (${OUTCOMES[data.out[op]]}), ${data.lanes[data.lane[op]]}, ${clock(data, data.call[op])} to ${data.ret[op] === Infinity ? 'never' : clock(data, data.ret[op])}`
      : row && row.kind !== 'lane' ? clusterText(data, row, view.time(t.place(x))) : '';
    tip.hidden = text === '';
    if (text === '') return;
    tip.textContent = text;
    tip.style.left = `${Math.max(0, Math.min(x + 14, canvas.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y + 18 + tip.offsetHeight > canvas.clientHeight ? y - tip.offsetHeight - 8 : y + 18}px`;
  };
}
