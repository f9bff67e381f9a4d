// How the faults, the partitions and the brokers are drawn, above the clients.

// Spreads faults over tracks, so that none lies over another.
function trackFaults(faults, end, most = 8) {
  const tracks = [];
  for (const fault of faults.filter((one) => one.from >= 0).sort((a, b) => a.from - b.from)) {
    let track = tracks.find((one) => one.free <= fault.from);
    if (!track && tracks.length < most) tracks.push(track = { free: 0, faults: [] });
    track ??= tracks[tracks.length - 1];
    track.faults.push(fault);
    track.free = fault.to < 0 ? end : fault.to + 1;
  }
  return tracks;
}

// From when to when something lies on the canvas; null if it is out of sight.
function extent(t, since, until) {
  const { view, left, right } = t;
  const x0 = left + (view.x(since) - view.from) * t.scale;
  const x1 = left + ((until < 0 ? view.length : view.x(until)) - view.from) * t.scale;
  return x1 < left || x0 > right ? null : [Math.max(left, x0), Math.min(right, Math.max(x1, x0 + 1))];
}

// The shades behind all rows.
function drawShades(g, t, top, bottom) {
  for (const fault of t.data.faults) {
    const at = fault.from < 0 ? null : extent(t, fault.from, fault.to);
    if (!at) continue;
    g.fillStyle = t.paint.fault;
    g.fillRect(at[0], top, Math.max(1.5, at[1] - at[0]), bottom - top);
    g.fillStyle = t.paint.edge;
    g.fillRect(at[0], top, 1, bottom - top);
  }
}

function drawFaults(g, t, faults, y) {
  const { paint, right } = t;
  faults.forEach((fault, i) => {
    const at = extent(t, fault.from, fault.to);
    if (!at) return;
    g.fillStyle = paint.edge;
    g.fillRect(at[0], y + 2, Math.max(2, at[1] - at[0]), FAULT - 4);
    const next = faults[i + 1] && t.view.x(faults[i + 1].from);
    const room = next === undefined ? right : Math.min(right, t.left + (next - t.view.from) * t.scale);
    drawInside(g, `${fault.kind} ${fault.targets.join(' ')}`, at[0] + 4, room - 2, y + FAULT - 5, paint.ink);
  });
}

// The parts of the run, each from its beginning on.
function drawStages(g, t, y) {
  const { marks, end } = t.data;
  marks.forEach(([since, stage], i) => {
    const at = extent(t, since, i + 1 < marks.length ? marks[i + 1][0] : end);
    if (!at) return;
    g.fillStyle = t.paint.soft;
    g.fillRect(at[0], y + 2, 1, FAULT - 3);
    drawInside(g, stage, at[0] + 4, at[1], y + FAULT - 5, t.paint.soft);
  });
}

function drawPartition(g, t, index, y) {
  const { data, paint, left, right } = t;
  const led = data.leaders[index] ?? [];
  if (led.length > 0) {
    g.fillStyle = paint.none;
    const at = extent(t, led[0][0], -1);
    if (at) g.fillRect(at[0], y + 1, at[1] - at[0], 13);
  }
  let covered = -1;
  for (const [since, until, broker] of led) {
    const at = extent(t, since, until);
    if (!at || at[1] <= covered) continue;
    covered = at[1];
    g.fillStyle = paint.brokers[broker % paint.brokers.length];
    g.fillRect(at[0], y + 1, at[1] - at[0], 13);
    const name = data.brokers[broker] ?? UNKNOWN;
    const room = (at[1] - at[0] - 4) / letterWidth(g);
    if (room >= name.length) drawInside(g, room >= name.length + 6 ? `${name} leads` : name, at[0] + 3, at[1], y + 11, paint.ink);
  }
  drawInSync(g, t, index, y + 15);
  drawHighWatermark(g, t, index, y + 15, PART - 17, left, right);
}

// One thin line for each broker in sync.
function drawInSync(g, t, index, y) {
  const { data, paint } = t;
  const told = data.isr[index] ?? [];
  const thick = Math.max(1, Math.min(3, Math.floor((PART - 17) / Math.max(1, data.brokers.length))));
  told.forEach(([since, isr], i) => {
    const at = extent(t, since, i + 1 < told.length ? told[i + 1][0] : -1);
    if (!at) return;
    for (const name of isr.split(' ')) {
      const broker = data.brokers.indexOf(name);
      if (broker < 0) continue;
      g.fillStyle = paint.brokers[broker % paint.brokers.length];
      g.fillRect(at[0], y + broker * (thick + 1), at[1] - at[0], thick);
    }
  });
}

// The high watermark between the least and the greatest in sight, one step every few pixels.
function drawHighWatermark(g, t, index, y, height, left, right) {
  const hw = t.data.hw[index];
  if (!hw || hw.time.length === 0) return;
  const { view } = t;
  const time = (x) => view.time(view.from + (x - left) / t.scale);
  // The last entry not after a time; from left to right it only moves on.
  let place = Math.max(0, placeOf(hw.time, time(left) + 1) - 1);
  const value = (x) => {
    const now = time(x);
    while (place + 1 < hw.time.length && hw.time[place + 1] <= now) place++;
    return hw.time[place] <= now ? hw.at[place] : undefined;
  };
  const [low, high] = [value(left) ?? 0, hw.at[placeOf(hw.time, time(right) + 1) - 1] ?? 0];
  const span = Math.max(1, high - low);
  g.strokeStyle = t.paint.hw;
  // A line of one pixel is drawn many times faster than a thicker one.
  g.lineWidth = 1;
  g.beginPath();
  let begun = false;
  const end = Math.min(right, left + (view.length - view.from) * t.scale);
  let before;
  for (let x = left; x <= end; x += 3) {
    const at = value(x);
    if (at === undefined || (at === before && x + 3 <= end)) continue;
    const line = (offset) => y + height - ((offset - low) / span) * height;
    if (begun) { g.lineTo(x - 3, line(before)); g.lineTo(x, line(at)); } else g.moveTo(x, line(at));
    begun = true;
    before = at;
  }
  g.stroke();
}

function drawBroker(g, t, index, y) {
  const { data, paint, left } = t;
  const lives = data.lives[index] ?? [];
  if (lives.length > 0) {
    const at = extent(t, lives[0][0], -1);
    g.fillStyle = paint.none;
    if (at) g.fillRect(at[0], y + 3, at[1] - at[0], BROKER - 6);
  }
  for (const [since, until, state] of lives) {
    const at = extent(t, since, until);
    if (!at) continue;
    const up = state === 'up';
    g.fillStyle = up ? paint.brokers[index % paint.brokers.length] : paint.down;
    g.fillRect(at[0], y + 3, at[1] - at[0], BROKER - 6);
    if (!up) drawInside(g, state, at[0] + 3, at[1], y + BROKER - 4, paint.paper);
    else if (at[0] > left + 40 || since > 0) drawInside(g, 'up', at[0] + 3, at[1], y + BROKER - 4, paint.ink);
  }
}

// What a row of the cluster is at a time, in words.
function clusterText(data, row, time) {
  if (row.kind === 'faults') {
    const on = row.track.faults.find((one) => one.from <= time && (one.to < 0 || time <= one.to));
    return on ? `${on.id} ${on.kind} on ${on.targets.join(', ')}, ${clock(data, on.from)} to ${on.to < 0 ? 'the end' : clock(data, on.to)}${on.effect ? `: ${on.effect}` : ''}` : '';
  }
  if (row.kind === 'marks') {
    const mark = inEffect(data.marks, time);
    return mark ? `${mark[1]} at ${clock(data, mark[0])}` : '';
  }
  if (row.kind === 'part') {
    const led = inEffect(data.leaders[row.index] ?? [], time);
    const leader = led && (led[1] < 0 || time < led[1]) ? data.brokers[led[2]] ?? UNKNOWN : 'nobody';
    const isr = inEffect(data.isr[row.index] ?? [], time);
    const hw = data.hw[row.index];
    const at = hw && hw.at[placeOf(hw.time, time + 1) - 1];
    return `${row.name} at ${clock(data, time)}: led by ${leader}, in sync ${isr ? isr[1] || 'nobody' : UNKNOWN}, high watermark ${at ?? UNKNOWN}`;
  }
  const state = (data.lives[row.index] ?? []).filter(([since, until]) => since <= time && (until < 0 || time < until)).map((life) => life[2]);
  return `${row.name} at ${clock(data, time)}: ${state.length ? state[state.length - 1] : 'down'}`;
}
