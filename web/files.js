// The support files: how much room they take, the latest used, and getting rid of them.

import {
  age, by_id, bytes, count, counted, element, make_row, set_master_time, set_meter,
  set_text, set_time, sync_rows,
} from './common.js';
import {ask_first} from './dialog.js';
import {show_version, start_frame} from './frame.js';
import {ask, banner, repeat, tell} from './master.js';

const kPauseMs = 5000;
const kColumns = [
  ['Id', 'run file', 'th'], ['Size', 'number'], ['Last used', 'number'], ['Needed', ''],
  ['Actions', 'row-actions'],
];

async function remove(id) {
  const done = await ask_first({
    title: 'Remove this file?',
    text: `${id}: a client that needs it again is told so, and sends it anew.`,
    action: 'Remove', danger: true,
  }, () => tell('DELETE', `api/v1/files/${encodeURIComponent(id)}`));
  if (done) refresh_now();
}

async function remove_unused() {
  let removed = 0;
  const done = await ask_first({
    title: 'Remove unused files?',
    text: 'What waiting and running jobs need stays.',
    fields: [{name: 'days', label: 'Not used for so many days', type: 'number', min: '0',
      max: '3650', value: '30', required: true}],
    action: 'Remove', danger: true,
  }, async ({days}) => {
    for (let more = true; more;) {
      const answer = await tell('POST', 'api/v1/files/gc', {unused_days: Number(days)});
      removed += answer.removed;
      more = answer.more;
    }
  });
  if (!done) return;
  set_text(by_id('told'), `${counted(removed, 'file')} removed.`);
  by_id('told').hidden = false;
  refresh_now();
}

function make_file_row(file) {
  const row = make_row(kColumns);
  const button = element('button', {type: 'button', class: 'small', 'data-needs': 'operate',
    'aria-label': `Remove ${file.id}`}, 'Remove');
  button.addEventListener('click', () => remove(file.id));
  row.cells[4].append(button);
  set_text(row.cells[0], file.id);
  return row;
}

function show_file(row, file) {
  const [, size, used, needed, actions] = row.cells;
  set_text(size, bytes(file.bytes));
  set_time(used, file.used, age(file.used));
  set_text(needed, file.needed ? 'by a run' : '–');
  actions.firstChild.disabled = file.needed;
}

async function refresh() {
  try {
    const [status, kept] = await Promise.all([ask('status'), ask('files')]);
    set_master_time(status.time);
    show_version(status);
    banner.clear();
    set_text(by_id('use'), `${counted(kept.count, 'file')}, ${bytes(kept.bytes)} of ` +
      `${bytes(kept.max_bytes)}; runs need ${bytes(kept.needed_bytes)} of them now.` +
      (kept.count > kept.files.length ? ` The ${count(kept.files.length)} last used are listed.` : ''));
    set_meter(by_id('use-meter'), kept.bytes, kept.max_bytes);
    sync_rows(by_id('files'), kept.files, (file) => file.id, make_file_row, show_file);
    by_id('files-empty').hidden = kept.files.length > 0;
  } catch (error) {
    banner.tell(error, 'What is shown here is from then.');
  }
}

let refresh_now = () => {};
if (await start_frame()) {
  by_id('gc').addEventListener('click', remove_unused);
  refresh_now = repeat(refresh, kPauseMs);
}
