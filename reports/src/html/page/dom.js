// Elements, links and tables. Whatever comes out of a recording is put in as text, never as markup.

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ''));
  return node;
}

function opLink(op, text = `op ${op}`) { return el('a', { href: `#op=${op}` }, text); }

function opLinks(ops) { return ops.flatMap((op, i) => (i ? [', ', opLink(op)] : [opLink(op)])); }

function timeLink(data, time) { return el('a', { href: `#t=${data.timed ? seconds(data, time) : time}` }, clock(data, time)); }

function recordLink(data, part, offset, text) {
  const record = `${data.parts[part]}@${offset}`;
  return el('a', { href: `#record=${encodeURIComponent(record)}` }, text ?? record);
}

// A text in which each event of the history, like #981, leads to its operation, and each time into the picture.
function linked(data, text) {
  return text.split(/(#\d+|\b\d+(?:\.\d+)?s\b)/).map((part, i) => {
    if (i % 2 === 0) return part;
    if (part.endsWith('s')) return data.timed && parseFloat(part) <= seconds(data, data.end) && part.includes('.') ? el('a', { href: `#t=${parseFloat(part)}` }, part) : part;
    const op = data.ops.events && data.opAt[Number(part.slice(1))];
    return op === undefined ? part : opLink(op, part);
  });
}

// Fills a section of the page; one without content stays out of sight.
function section(id, title, ...content) {
  document.getElementById(id).replaceChildren(...(content.length ? [el('h2', {}, title), ...content.filter((one) => one !== '')] : []));
}

function heads(names) { return el('thead', {}, el('tr', {}, ...names.map((name) => el('th', { scope: 'col' }, name)))); }

function table(names, rows) { return el('div', { class: 'wide' }, el('table', {}, heads(names), el('tbody', {}, ...rows))); }

// A table of which only the rows in sight exist: `row(i)` makes the i-th.
class Rows {
  constructor(title, names, row) {
    this.row = row;
    this.count = 0;
    this.height = 25;
    this.body = el('tbody');
    this.above = el('tr', { 'aria-hidden': 'true' });
    this.below = el('tr', { 'aria-hidden': 'true' });
    this.table = el('table', { 'aria-label': title }, heads(names), this.body);
    this.node = el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': title }, this.table);
    this.node.addEventListener('scroll', () => this.draw());
  }

  // Shows so many rows anew, from the top.
  reset(count) {
    this.count = count;
    this.table.setAttribute('aria-rowcount', count + 1);
    this.node.scrollTop = 0;
    this.draw(true);
  }

  draw(anew = false) {
    const first = Math.max(0, Math.floor(this.node.scrollTop / this.height) - 8);
    const last = Math.min(this.count, Math.ceil((this.node.scrollTop + (this.node.clientHeight || 420)) / this.height) + 8);
    if (!anew && first === this.first && last === this.last) return;
    [this.first, this.last] = [first, last];
    this.above.style.height = `${first * this.height}px`;
    this.below.style.height = `${(this.count - last) * this.height}px`;
    const rows = [];
    for (let i = first; i < last; i++) {
      const row = this.row(i);
      row.setAttribute('aria-rowindex', i + 2);
      rows.push(row);
    }
    this.body.replaceChildren(this.above, ...rows, this.below);
  }

  // Brings a row into sight.
  show(i) {
    const top = i * this.height;
    const room = this.node.clientHeight || 420;
    if (top < this.node.scrollTop || top > this.node.scrollTop + room - 3 * this.height) this.node.scrollTop = Math.max(0, top - room / 3);
    this.draw(true);
  }
}
