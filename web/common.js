// What all pages use: nodes, words for numbers and times, the master's clock.
// Text from the master becomes text nodes here and nowhere anything else.

// ---- nodes

export const by_id = (id) => document.getElementById(id);

// element('td', {class: 'number'}, 'text', node, …); null children are left out.
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

// Writes only what changed, so that a selection and a screen reader are left alone.
export function set_text(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const shown_for = new WeakMap();

// Replaces a node's children when `value`, what they show, is not what they showed before.
export function set_children(node, value, make) {
  const key = JSON.stringify(value);
  if (shown_for.get(node) === key) return;
  shown_for.set(node, key);
  node.replaceChildren(...[make(value)].flat());
}

// One row per item, kept by key across refreshes.
export function sync_rows(body, items, key_of, make, update) {
  const rows = new Map([...body.children].map((row) => [row.dataset.key, row]));
  items.forEach((item, place) => {
    const key = key_of(item);
    let row = rows.get(key);
    rows.delete(key);
    if (row === undefined) {
      row = make(item);
      row.dataset.key = key;
    }
    if (body.children[place] !== row) body.insertBefore(row, body.children[place] ?? null);
    update(row, item);
  });
  rows.forEach((row) => row.remove());
}

// A row of empty cells; the label of a cell is shown on narrow screens, where the head is not.
// The roles say again what the tags say, because the styles for phones turn the table into blocks.
export function make_row(columns) {
  const cells = columns.map(([label, kind, tag = 'td']) => element(tag, {
    role: tag === 'th' ? 'rowheader' : 'cell',
    scope: tag === 'th' ? 'row' : null,
    class: kind,
    'data-label': label,
  }));
  return element('tr', {role: 'row'}, ...cells);
}

// The head of a table whose columns are [label, kind]; a kind may hold "number".
export function make_head(columns) {
  return columns.map(([label, kind]) => element('th', {
    scope: 'col', role: 'columnheader', class: kind.includes('number') ? 'number' : null,
  }, kind.includes('unlabelled') ? element('span', {class: 'unseen'}, label) : label));
}

// What the server wrote for those without scripts makes room for what is kept up to date.
export function take_over(body) {
  if (body.dataset.taken === undefined) {
    body.dataset.taken = '';
    body.replaceChildren();
  }
  return body;
}

export function badge(text, kind) {
  return element('span', {class: `badge ${kind}`}, text);
}

// A word with a dot before it; the dot's shape differs by kind, not only its colour.
export function dotted(word, kind) {
  return element('span', {class: `dotted ${kind}`}, word);
}

export function set_meter(meter, part, whole) {
  const share = whole > 0 ? Math.min(1, part / whole) : 0;
  meter.firstElementChild.style.width = `${(share * 100).toFixed(1)}%`;
}

// ---- words

const kSpace = '\u00a0';

export const count = (n) => n.toLocaleString('en-GB');

export const counted = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

export function bytes(n) {
  if (n < 1000) return `${n}${kSpace}B`;
  if (n < 1e6) return `${(n / 1e3).toFixed(1)}${kSpace}kB`;
  return `${(n / 1e6).toFixed(1)}${kSpace}MB`;
}

export function duration(ms) {
  const seconds = ms / 1000;
  if (ms < 1000) return `${Math.round(ms)}${kSpace}ms`;
  if (seconds < 10) return `${seconds.toFixed(2)}${kSpace}s`;
  if (seconds < 60) return `${seconds.toFixed(1)}${kSpace}s`;
  return long_duration(seconds);
}

function long_duration(seconds) {
  const parts = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
  const first = parts.findIndex(([, size]) => seconds >= size);
  if (first < 0) return `0${kSpace}s`;
  const [unit, size] = parts[first];
  const text = `${Math.floor(seconds / size)}${kSpace}${unit}`;
  if (first + 1 >= parts.length) return text;
  const [next_unit, next_size] = parts[first + 1];
  const rest = Math.floor((seconds % size) / next_size);
  return rest === 0 ? text : `${text}${kSpace}${rest}${kSpace}${next_unit}`;
}

export const since = (time_text) => long_duration(age_ms(time_text) / 1000);

// To the first unit: what is looked at among many needs no more.
export const coarse_since = (time_text) => since(time_text).split(kSpace).slice(0, 2).join(kSpace);

export const age = (time_text) => time_text === null ? 'never' : `${coarse_since(time_text)} ago`;

const two = (n) => String(n).padStart(2, '0');

// Local time, as 14:03:22 or 2026-11-23 14:03:22.
export const clock = (date) =>
  `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

export const date_and_clock = (date) =>
  `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(date)}`;

// "14:03" on the master's day, "2026-11-22 14:03" on another.
export function short_moment(time_text) {
  const [day, time] = date_and_clock(new Date(time_text)).split(' ');
  const [today] = date_and_clock(new Date(master_now())).split(' ');
  return day === today ? time.slice(0, 5) : `${day} ${time.slice(0, 5)}`;
}

// Puts words for a time into `parent`; the exact time is in the tooltip.
export function set_time(parent, time_text, words) {
  if (time_text === null) return set_text(parent, words);
  let node = parent.querySelector('time');
  if (node === null) {
    node = element('time');
    parent.replaceChildren(node);
  }
  if (node.dateTime !== time_text) {
    node.dateTime = time_text;
    node.title = date_and_clock(new Date(time_text));
  }
  set_text(node, words);
}

// A share of a whole, from 0 to 1: "0.4 %", "12 %".
export function percent(share) {
  const value = 100 * share;
  return `${value === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)}${kSpace}%`;
}

// "ok" is good; the program's own failures are neither; the host's are bad.
export function outcome_kind(outcome) {
  if (outcome === 15) return 'good';
  return outcome === 20 || outcome === 21 ? 'bad' : 'plain';
}

// The 21 of a cancelled run is for clients that waited; it says nothing about the program.
export const has_outcome = (job) => job.finished !== null && job.state !== 'cancelled';

export const state_dot = (state) => dotted(state, `state-${state}`);

// ---- the master's clock

let ahead_ms = 0;  // of this machine's clock

export function set_master_time(time_text) { ahead_ms = Date.parse(time_text) - Date.now(); }

export const master_now = () => Date.now() + ahead_ms;

export const age_ms = (time_text) => Math.max(0, master_now() - Date.parse(time_text));
