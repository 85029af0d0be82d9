// The last hour as a table of twelve rows, newest first: the charts for those who want figures.

import {by_id, clock, count, duration, make_row, set_text, sync_rows} from './common.js';

const kRows = 12;
const kColumns = [
  ['From', 'one-line', 'th'], ['Arrived', 'number'], ['Done', 'number'], ['Failed', 'number'],
  ['Most waiting', 'number'], ['Most busy slots', 'number'], ['Slots', 'number'],
  ['Longest wait', 'number'],
];

const sum = (values) => values.reduce((total, value) => total + value, 0);
const last = (values) => values.at(-1);
const most = (values) => Math.max(...values);
const kFigures = [
  ['arrived', sum, count], ['done', sum, count], ['failed', sum, count], ['waiting', most, count],
  ['busy', most, count], ['slots', last, count],
  ['oldest_wait_seconds', most, (seconds) => duration(seconds * 1000)],
];

function rows_of({series, step_seconds, until}) {
  const steps = series.arrived.length;
  const each = Math.ceil(steps / kRows);
  const rows = [];
  for (let end = steps; end > 0; end -= each) {
    const begin = Math.max(0, end - each);
    const from = new Date(Date.parse(until) - (steps - begin) * step_seconds * 1000);
    const figures = kFigures.map(([name, combined, words]) => {
      const known = series[name].slice(begin, end).filter((value) => value !== null);
      return known.length === 0 ? '–' : words(combined(known));
    });
    rows.push({place: String(rows.length), figures: [clock(from), ...figures]});
  }
  return rows;
}

export function show_history_table(history) {
  if (!by_id('history-details').open) return;
  sync_rows(by_id('history-rows'), rows_of(history), ({place}) => place, () => make_row(kColumns),
    (row, {figures}) => figures.forEach((text, column) => set_text(row.cells[column], text)));
}
