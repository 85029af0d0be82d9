// The last hour as small charts: one line for each series, its figures at the pointer, and in words
// for those who do not see it. Made of nodes, without a library.

import {by_id, clock, count, duration, element, set_text} from './common.js';
import {show_history_table} from './history_table.js';

const kSvg = 'http://www.w3.org/2000/svg';
const kWidth = 360;
const kHeight = 96;
const kTop = 8;  // the highest mark: lines end below it

// Each: its title and its lines, lowest first. An area is filled down to the ground.
const kCharts = [
  {title: 'Runs per minute', lines: [
    {series: 'arrived', name: 'arrived', kind: 'arrived', area: true, per_minute: true},
    {series: 'done', name: 'done', kind: 'done', per_minute: true},
    {series: 'failed', name: 'failed', kind: 'failed', per_minute: true}]},
  {title: 'Waiting runs', lines: [
    {series: 'waiting', name: 'waiting', kind: 'waiting', area: true}]},
  {title: 'Busy slots', lines: [
    {series: 'busy', name: 'busy', kind: 'busy', area: true},
    {series: 'slots', name: 'slots', kind: 'slots', step: true}]},
  {title: 'Oldest wait', lines: [
    {series: 'oldest_wait_seconds', name: 'oldest wait', kind: 'oldest', area: true, seconds: true}]},
];

function svg(tag, attributes) {
  const node = document.createElementNS(kSvg, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const figure_words = (line, value) =>
  value === null ? '–' : line.seconds ? duration(value * 1000) : count(Math.round(value));

// ---- figures

// What a line shows: of counts, those of the minute that ends with each step, as on the card.
function shown_values(values, step_seconds, {per_minute = false}) {
  if (!per_minute) return values;
  const steps = Math.max(1, Math.round(60 / step_seconds));
  return values.map((value, at) => {
    if (value === null) return null;
    return values.slice(Math.max(0, at + 1 - steps), at + 1).reduce((sum, one) => sum + one, 0);
  });
}

// The first even round number that is not below `value`: its half is a mark as well.
export function round_up(value) {
  for (let power = 1; ; power *= 10) {
    const mark = [10, 12, 16, 20, 30, 40, 60, 80].map((step) => (step * power) / 10)
      .find((one) => one % 2 === 0 && one >= value);
    if (mark !== undefined) return mark;
  }
}

// The stretches in which something is known, or nothing: [first, last], both included.
function stretches(values, known) {
  const found = [];
  values.forEach((value, at) => {
    if ((value !== null) !== known) return;
    if (found.at(-1)?.[1] === at - 1) found.at(-1)[1] = at;
    else found.push([at, at]);
  });
  return found;
}

// ---- paths

const x_of = (index, length) => ((index * kWidth) / Math.max(1, length - 1)).toFixed(1);

// A line is broken where nothing is known; a step between two such places is a dot.
export function line_path(values, most, {step = false} = {}) {
  const x = (at) => x_of(at, values.length);
  const y = (at) => (kHeight - (values[at] / most) * (kHeight - kTop)).toFixed(1);
  return stretches(values, true).map(([first, last]) => {
    let path = `M${x(first)} ${y(first)}${first === last ? 'h0' : ''}`;
    for (let at = first + 1; at <= last; ++at) {
      path += step ? `H${x(at)}V${y(at)}` : `L${x(at)} ${y(at)}`;
    }
    return path;
  }).join('');
}

function area_path(values, most) {
  const ends = stretches(values, true);
  return line_path(values, most).split('M').slice(1).map((part, index) => {
    const [first, last] = ends[index].map((at) => x_of(at, values.length));
    return `M${part}L${last} ${kHeight}H${first}Z`;
  }).join('');
}

// What is not known is not drawn as nothing: its place is shaded, to the steps beside it.
function unknown_path(values) {
  const last_index = values.length - 1;
  return stretches(values, false).map(([first, last]) => {
    const [from, to] = [Math.max(0, first - 1), Math.min(last_index, last + 1)];
    return `M${x_of(from, values.length)} 0H${x_of(to, values.length)}V${kHeight}H${x_of(from, values.length)}Z`;
  }).join('');
}

// ---- a chart

class Chart {
  constructor({title, lines}) {
    this.lines = lines;
    this.data = null;
    this.readout = element('span', {class: 'readout', 'aria-hidden': 'true'});
    this.marks = ['mark', 'mark half'].map((kind) => element('span', {class: kind, 'aria-hidden': 'true'}));
    this.times = [element('span'), element('span'), element('span', {}, 'now')];
    this.unknown = svg('path', {class: 'unknown'});
    this.areas = lines.map((line) => svg('path', {class: `area ${line.kind}`}));
    this.paths = lines.map((line) => svg('path', {class: `line ${line.kind}`}));
    this.cursor = svg('line', {class: 'cursor', y1: '0', y2: String(kHeight), visibility: 'hidden'});
    const middle = kTop + (kHeight - kTop) / 2;
    const grid = svg('path', {class: 'grid', d: `M0 ${kTop}H${kWidth}M0 ${middle}H${kWidth}`});
    this.picture = svg('svg', {viewBox: `0 0 ${kWidth} ${kHeight}`, preserveAspectRatio: 'none',
      role: 'img'});
    this.picture.append(this.unknown, grid, ...this.areas, ...this.paths, this.cursor);
    const plot = element('div', {class: 'plot'}, this.picture, ...this.marks);
    this.node = element('figure', {class: 'chart'},
      element('figcaption', {}, element('span', {class: 'chart-title'}, title), this.readout), plot,
      element('p', {class: 'axis', 'aria-hidden': 'true'}, ...this.times));
    plot.addEventListener('pointermove', (event) => this.point_at(event));
    plot.addEventListener('pointerleave', () => this.point_away());
  }

  show({series, step_seconds, until}) {
    const values = this.lines.map((line) =>
      shown_values(series[line.series], step_seconds, line));
    this.data = {values, step_seconds, until: Date.parse(until)};
    const most = round_up(Math.max(0, ...values.flat().map((value) => value ?? 0)));
    this.unknown.setAttribute('d', unknown_path(values[0]));
    this.lines.forEach((line, index) => {
      this.paths[index].setAttribute('d', line_path(values[index], most, line));
      if (line.area) this.areas[index].setAttribute('d', area_path(values[index], most));
    });
    [most, most / 2].forEach((mark, index) => set_text(this.marks[index],
      this.lines[0].seconds && mark < 60 ? `${mark}\u00a0s` : figure_words(this.lines[0], mark)));
    const minutes = Math.round(((values[0].length - 1) * step_seconds) / 60);
    set_text(this.times[0], `${minutes}\u00a0min ago`);
    set_text(this.times[1], `${Math.round(minutes / 2)}\u00a0min`);
    this.picture.setAttribute('aria-label', this.words());
    if (this.cursor.getAttribute('visibility') === 'hidden') this.point_away();
  }

  // "waiting: now 12, at most 340 at 14:05:10"
  words() {
    const parts = this.lines.map((line, index) => {
      const values = this.data.values[index];
      const most = values.reduce((best, value, at) =>
        value !== null && (best < 0 || value > values[best]) ? at : best, -1);
      if (most < 0) return `${line.name}: not known`;
      return `${line.name}: now ${figure_words(line, values.at(-1))}, at most ` +
             `${figure_words(line, values[most])} at ${clock(this.time_of(most))}`;
    });
    return parts.join('; ');
  }

  time_of(index) {
    const {values, step_seconds, until} = this.data;
    return new Date(until - (values[0].length - 1 - index) * step_seconds * 1000);
  }

  read(index, time) {
    const parts = this.lines.map((line, at) => element('span', {class: `key-of ${line.kind}`},
      `${line.name} ${figure_words(line, this.data.values[at][index] ?? null)}`));
    this.readout.replaceChildren(...(time === '' ? [] : [element('span', {}, time)]), ...parts);
  }

  point_at(event) {
    if (this.data === null) return;
    const {left, width} = this.picture.getBoundingClientRect();
    const last = this.data.values[0].length - 1;
    const index = Math.min(last, Math.max(0, Math.round(((event.clientX - left) / width) * last)));
    const x = x_of(index, last + 1);
    this.cursor.setAttribute('x1', x);
    this.cursor.setAttribute('x2', x);
    this.cursor.setAttribute('visibility', 'visible');
    this.read(index, clock(this.time_of(index)));
  }

  point_away() {
    this.cursor.setAttribute('visibility', 'hidden');
    if (this.data !== null) this.read(this.data.values[0].length - 1, '');
  }
}

let charts = null;

export function show_history(history) {
  if (charts === null) {
    charts = kCharts.map((chart) => new Chart(chart));
    by_id('charts').replaceChildren(...charts.map((chart) => chart.node));
    by_id('history').hidden = false;
  }
  charts.forEach((chart) => chart.show(history));
  show_history_table(history);
  const {arrived} = history.series;
  const first = arrived.findIndex((value) => value !== null);
  const known_from = Date.parse(history.until) - (arrived.length - first) * history.step_seconds * 1000;
  set_text(by_id('history-hint'), first < 0 ? 'the first figures come within ten seconds'
    : first > 0 ? `known since ${clock(new Date(known_from))}` : '');
}
