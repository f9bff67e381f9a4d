// How a client's operations are drawn: one bar each while there is room, and one a pixel where there is not.

const TAIL = 36; // so wide fades what may still take effect
const LABELLED = 24; // from so many pixels on there may be room for words

// Draws the lanes in sight. Their bars are set pixel by pixel in a picture with one line a lane, which is then stretched:
// that takes as long for a hundred thousand bars as for ten.
function drawLanes(g, t, rows) {
  const { left, right } = t;
  const top = t.clients.top - t.clients.scroll;
  const strip = stripOf(t, Math.max(1, Math.round((right - left) * t.ratio)), Math.max(1, rows.length));
  strip.kinds.fill(0);
  const words = [];
  rows.forEach((row, i) => fillLane(g, t, row.index, strip.kinds.subarray(i * strip.width, (i + 1) * strip.width), top + row.top, words));
  for (let i = 0; i < strip.kinds.length; i++) strip.pixels[i] = strip.colours[strip.kinds[i]];
  strip.context.putImageData(strip.image, 0, 0);
  rows.forEach((row, i) => g.drawImage(strip.canvas, 0, i, strip.width, 1, left, top + row.top + 2, right - left, LANE - 4));
  // A word or two of a longer text would say nothing.
  for (const [text, x0, x1, y] of words) if (x1 - x0 >= Math.min(text.length, 8) * letterWidth(g)) drawInside(g, text, x0, x1, y, t.paint.paper);
}

function stripOf(t, width, height) {
  if (t.strip?.width === width && t.strip.height === height) return t.strip;
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = Uint32Array.of(0, ...t.paint.outcome.map(pixelOf));
  t.strip = { canvas, context, image, pixels, colours, width, height, kinds: new Uint8Array(width * height) };
  return t.strip;
}

// A colour like #2f7d4f as it lies in the memory of a picture.
function pixelOf(colour) {
  const bytes = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return new Uint32Array(Uint8Array.of(...bytes, 255).buffer)[0];
}

// Sets the pixels of a lane: one more than the outcome. Where operations share a pixel the worse outcome shows, so that
// what failed is never hidden.
function fillLane(g, t, lane, kinds, y, words) {
  const { view, data, paint, left, right, mask, ratio } = t;
  const { from, to } = view;
  const scale = t.scale * ratio;
  const ops = data.laneOps[lane];
  const starts = (view.byOrder ? data.byRank : data.byTime).starts[lane];
  const ends = (view.byOrder ? data.byRank : data.byTime).ends[lane];
  const out = data.laneOut[lane];
  const last = placeOf(starts, to);
  let filled = 0;
  for (let at = placeOf(ends, from - TAIL / t.scale); at < last; at++) {
    if (mask !== null && mask[ops[at]] === 0) continue;
    const kind = out[at];
    const end = (ends[at] - from) * scale;
    // Nothing of it would be seen.
    if (kind === OK && end < filled) continue;
    if (kind === INDETERMINATE) {
      const next = at + 1 < ops.length ? left + (starts[at + 1] - from) * t.scale : right;
      drawTail(g, paint, left + end / ratio, Math.min(left + end / ratio + TAIL, next - 1, right), left, y, LANE - 4);
    }
    if (end < 0) continue;
    const x0 = Math.max(0, Math.floor((starts[at] - from) * scale));
    const x1 = Math.min(kinds.length, Math.max(x0 + 1, Math.floor(end)));
    // Neighbours that are wide enough to be told apart are.
    const stop = x1 - x0 > 3 && x1 < kinds.length ? x1 - 1 : x1;
    for (let x = x0; x < stop; x++) if (kinds[x] <= kind) kinds[x] = kind + 1;
    filled = x1;
    if (x1 - x0 > LABELLED * ratio) words.push([label(data, ops[at]), left + x0 / ratio + 3, left + x1 / ratio - 4, y + LANE - 4]);
  }
}

// It fades instead of going on to the end: nobody knows, and nothing else would be seen. What comes next ends it.
function drawTail(g, paint, from, to, left, y, height) {
  if (to - Math.max(from, left) < 4) return;
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
    const [begin, end] = [left + (view.starts[op] - view.from) * t.scale, left + (view.ends[op] - view.from) * t.scale];
    if (end < left || begin > right) return;
    const x0 = Math.max(left, begin);
    const x1 = Math.min(right, Math.max(x0 + 5, end));
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
