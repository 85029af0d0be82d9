// What was done to the cluster, by whom and why; newest first, older ones on demand.

import {by_id, date_and_clock, make_row, set_master_time, set_text, set_time, sync_rows} from './common.js';
import {show_version, start_frame} from './frame.js';
import {ask, banner} from './master.js';

const kAtOnce = 50;
const kColumns = [
  ['When', 'one-line', 'th'], ['Who', ''], ['What', ''], ['On', 'detail'], ['Why', 'detail wide'], ['From', ''],
];

let entries = [];
let next = null;

function show_entry(row, {at, who, what, on, why, from}) {
  const [when, ...rest] = row.cells;
  set_time(when, at, date_and_clock(new Date(at)));
  [who, what, on, why, from].forEach((text, place) => set_text(rest[place], text || '–'));
}

async function load(more) {
  try {
    const [status, page] = await Promise.all(
      [ask('status'), ask(`audit?limit=${kAtOnce}${more ? `&cursor=${encodeURIComponent(next)}` : ''}`)]);
    set_master_time(status.time);
    show_version(status);
    banner.clear();
    entries = more ? [...entries, ...page.entries] : page.entries;
    next = page.next;
    const numbered = entries.map((entry, number) => ({...entry, number}));
    sync_rows(by_id('entries'), numbered, ({number}) => String(number),
      () => make_row(kColumns), show_entry);
    by_id('entries-empty').hidden = entries.length > 0;
    by_id('older').hidden = next === null;
  } catch (error) {
    banner.tell(error, 'Load the page again.');
  }
}

if (await start_frame()) {
  by_id('older').addEventListener('click', () => load(true));
  await load(false);
}
