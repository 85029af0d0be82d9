// The last hour as small charts: one line or area for each series, its figures at the pointer, and
// in words for those who do not see it. Made of nodes, without a library.

import {by_id, clock, count, duration, element, set_text} from './common.js';

const kSvg = 'http://www.w3.org/2000/svg';
const kWidth = 360;
const kHeight = 96;
const kTop = 6;  // so that the highest line is whole

// Each: its title and its lines, lowest first. `per` turns a step's figure into the one shown.
const kCharts = [
  {title: 'Runs per minute', lines: [
    {series: 'arrived', name: 'arrived', kind: 'arrived', per_minute: true},
    {series: 'done', name: 'done', kind: 'done', per_minute: true},
    {series: 'failed', name: 'failed', kind: 'failed', per_minute: true}]},
  {title: 'Waiting', lines: [{series: 'waiting', name: 'waiting', kind: 'waiting', area: true}]},
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

// 1, 2 or 5 times a power of ten: the first that is not below `value`.
export function round_up(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((mark) => mark >= value);
}

// The path of a line; where nothing is known it is broken. An area goes down to the ground.
export function path_of(values, most, {area = false, step = false} = {}) {
  const x = (index) => ((index * kWidth) / Math.max(1, values.length - 1)).toFixed(1);
  const y = (value) => (kHeight - (value / most) * (kHeight - kTop)).toFixed(1);
  const parts = [];
  let begun = null;
  const close = (last) => {
    if (area && begun !== null) parts.push(`L${x(last)} ${kHeight}L${x(begun)} ${kHeight}Z`);
    begun = null;
  };
  values.forEach((value, index) => {
    if (value === null) {
      close(index - 1);
      return;
    }
    if (begun === null) {
      begun = index;
      parts.push(`M${x(index)} ${y(value)}`);
    } else {
      parts.push(step ? `H${x(index)}V${y(value)}` : `L${x(index)} ${y(value)}`);
    }
  });
  close(values.length - 1);
  return parts.join('');
}

class Chart {
  constructor({title, lines}) {
    this.lines = lines;
    this.data = null;
    this.readout = element('span', {class: 'readout', 'aria-hidden': 'true'});
    this.top = element('span', {class: 'mark top', 'aria-hidden': 'true'});
    this.from = element('span', {});
    this.picture = svg('svg', {viewBox: `0 0 ${kWidth} ${kHeight}`, preserveAspectRatio: 'none',
      role: 'img'});
    this.paths = lines.map((line) => svg('path', {class: `${line.area ? 'area ' : ''}${line.kind}`}));
    this.cursor = svg('line', {class: 'cursor', y1: '0', y2: String(kHeight), visibility: 'hidden'});
    this.picture.append(...this.paths, this.cursor);
    const plot = element('div', {class: 'plot'}, this.picture, this.top);
    this.node = element('figure', {class: 'chart'},
      element('figcaption', {}, element('span', {class: 'chart-title'}, title), this.readout), plot,
      element('p', {class: 'axis', 'aria-hidden': 'true'}, this.from, element('span', {}, 'now')));
    plot.addEventListener('pointermove', (event) => this.point_at(event));
    plot.addEventListener('pointerleave', () => this.point_away());
  }

  show({series, step_seconds, until}) {
    const scale = 60 / step_seconds;
    const values = this.lines.map((line) =>
      (series[line.series] ?? []).map((value) =>
        value === null ? null : line.per_minute ? value * scale : value));
    this.data = {values, step_seconds, until: Date.parse(until)};
    const most = round_up(Math.max(...values.flat().map((value) => value ?? 0), 0));
    this.lines.forEach((line, index) =>
      this.paths[index].setAttribute('d', path_of(values[index], most, line)));
    set_text(this.top, figure_words(this.lines[0], most));
    set_text(this.from, `${Math.round(((values[0].length - 1) * step_seconds) / 60)}\u00a0min ago`);
    this.picture.setAttribute('aria-label', this.words());
    if (this.cursor.getAttribute('visibility') === 'hidden') this.point_away();
  }

  // "Waiting: now 12, at most 340 at 14:05:10"
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
    if (this.data === null || this.data.values[0].length === 0) return;
    const {left, width} = this.picture.getBoundingClientRect();
    const last = this.data.values[0].length - 1;
    const index = Math.min(last, Math.max(0, Math.round(((event.clientX - left) / width) * last)));
    const x = String((index * kWidth) / Math.max(1, last));
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
  const has_any = Object.values(history.series).some((values) => values.length > 0);
  by_id('history').hidden = !has_any;
  if (!has_any) return;
  if (charts === null) {
    charts = kCharts.map((chart) => new Chart(chart));
    by_id('charts').replaceChildren(...charts.map((chart) => chart.node));
  }
  charts.forEach((chart) => chart.show(history));
}
