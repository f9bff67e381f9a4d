// How a client's operations are drawn: one bar each while there is room, and one a pixel where there is not.

const TAIL = 36; // so wide fades what may still take effect
const WIDE = 4; // from so many pixels on a bar stands for itself

// Draws a lane. Of operations that share a pixel the rarer outcome shows: what failed hides nothing, and is hidden by nothing.
function drawLane(g, t, lane, y) {
  const { view, data, paint, left, right, mask, scale } = t;
  const { from, to } = view;
  const ops = data.laneOps[lane];
  const starts = (view.byOrder ? data.byRank : data.byTime).starts[lane];
  const ends = (view.byOrder ? data.byRank : data.byTime).ends[lane];
  const out = data.laneOut[lane];
  const height = LANE - 4;
  let runFrom = 0, runTo = -1, runKind = -1;
  const flush = () => {
    if (runTo > runFrom) { g.fillStyle = paint.outcome[runKind]; g.fillRect(runFrom, y + 2, runTo - runFrom, height); }
    runTo = -1;
  };
  const first = placeOf(ends, from - TAIL / scale);
  const last = placeOf(starts, to);
  // Where bars crowd, a gap of one pixel tells nothing.
  const gap = last - first > (right - left) / 3 ? 1 : 0;
  for (let at = first; at < last; at++) {
    if (mask !== null && mask[ops[at]] === 0) continue;
    const kind = out[at];
    const end = left + (ends[at] - from) * scale;
    // Nothing of it would be seen.
    if (kind === runKind && end < runTo) continue;
    const x0 = Math.max(left, Math.floor(left + (starts[at] - from) * scale));
    const x1 = Math.min(right, Math.max(x0 + 1, Math.floor(end)));
    if (kind === INDETERMINATE) {
      const next = at + 1 < ops.length ? left + (starts[at + 1] - from) * scale : right;
      drawTail(g, paint, end, Math.min(end + TAIL, next - 1, right), left, y, height);
    }
    if (end < left) continue;
    if (x1 - x0 >= WIDE) {
      flush();
      g.fillStyle = paint.outcome[kind];
      g.fillRect(x0, y + 2, x1 - x0 - 1, height);
      if (x1 - x0 > 46) drawInside(g, label(data, ops[at]), x0 + 3, x1 - 4, y + LANE - 5, paint.paper);
    } else if (kind === runKind && x0 <= runTo + gap) {
      if (x1 > runTo) runTo = x1;
    } else if (x0 >= runTo) {
      flush();
      [runFrom, runTo, runKind] = [x0, x1, kind];
    } else if (kind > runKind) {
      const covered = runTo;
      runTo = x0;
      flush();
      [runFrom, runTo, runKind] = [x0, Math.max(x1, x0 + 1, Math.min(covered, x0 + 2)), kind];
    } else if (x1 > runTo) {
      const next = runTo;
      flush();
      [runFrom, runTo, runKind] = [next, x1, kind];
    }
  }
  flush();
}

// It fades instead of going on to the end: nobody knows, and nothing else would be seen. What comes next ends it.
function drawTail(g, paint, from, to, left, y, height) {
  if (to - Math.max(from, left) < WIDE) return;
  g.fillStyle = paint.outcome[INDETERMINATE];
  const step = TAIL / 6;
  for (let x = from, i = 0; x < to; x += step, i++) {
    if (x + step <= left) continue;
    g.globalAlpha = 0.55 * (1 - i / 6);
    g.fillRect(Math.max(x, left), y + 4, Math.min(x + step, to) - Math.max(x, left), height - 4);
  }
  g.globalAlpha = 1;
}

let letter = 0;

// The width of a letter, on average; asked for once, since fonts differ and measuring takes time.
function letterWidth(g) {
  letter ||= g.measureText('value 0123456789 orders').width / 23;
  return letter;
}

// Text between two places, cut off where it does not fit, and left out where hardly anything would.
function drawInside(g, text, x0, x1, y, colour) {
  const letters = Math.floor((x1 - x0) / letterWidth(g));
  if (letters < 2) return;
  g.fillStyle = colour;
  g.fillText(text.length > letters ? `${text.slice(0, letters - 1)}…` : text, x0, y);
}

// Draws what is picked, what proves the verdict, and what the search found, over the bars.
function drawMarks(g, t) {
  const { view, paint, left, right } = t;
  const box = (op, colour, width, tag) => {
    const y = t.laneTop(op);
    if (y === null) return;
    const x0 = Math.max(left, left + (view.starts[op] - view.from) * t.scale);
    const x1 = Math.min(right, Math.max(x0 + 5, left + (view.ends[op] - view.from) * t.scale));
    if (x1 < left || x0 > right || x0 > x1) return;
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.strokeRect(Math.floor(x0) - 0.5, y + 0.5, Math.ceil(x1 - x0) + 1, LANE - 1);
    if (!tag) return;
    g.fillStyle = colour;
    g.fillRect(x0 - 14, y, 13, LANE);
    g.fillStyle = paint.paper;
    g.fillText(tag, x0 - 11, y + LANE - 4);
  };
  const hits = t.hits ?? [];
  for (let i = placeOf(hits, 0), drawn = 0; i < hits.length && drawn < 400; i++) {
    if (view.starts[hits[i]] > view.to) break;
    if (view.ends[hits[i]] < view.from) continue;
    box(hits[i], paint.hw, 1);
    drawn++;
  }
  t.marked.forEach((op, i) => box(op, paint.bad, 2, String.fromCharCode(65 + i)));
  if (t.picked >= 0) box(t.picked, paint.pick, 2);
}

// Where each operation took effect, in the order that the page goes through.
function drawPoints(g, t) {
  const { view, paint, left, course } = t;
  if (!course) return;
  const at = view.byOrder ? course.rank : course.time;
  for (let i = placeOf(at, view.from), drawn = 0; i < at.length && at[i] <= view.to && drawn < 1500; i++, drawn++) {
    const y = t.laneTop(course.order[i]);
    if (y === null) continue;
    const x = left + (at[i] - view.from) * t.scale;
    g.fillStyle = i === t.step ? paint.pick : paint.ink;
    const size = i === t.step ? 4 : 2;
    g.fillRect(x - size / 2, y + LANE / 2 - size, size, 2 * size);
  }
}
