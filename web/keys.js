// The API keys: whose they are and what they may; making one and revoking one.

import {
  by_id, coarse_since, count, element, make_row, set_master_time, set_text, set_time,
  sync_rows,
} from './common.js';
import {ask_first} from './dialog.js';
import {show_version, start_frame} from './frame.js';
import {ask, banner, repeat, tell} from './master.js';

const kPauseMs = 5000;
const kSecretBytes = 24;
const kColumns = [
  ['Name', 'name', 'th'], ['Priority', ''], ['Weight', 'number'], ['Runs an hour', 'number'],
  ['May wait', 'number'], ['Asynchronous', ''], ['Host tags', ''], ['Made', 'number'],
  ['Actions', 'row-actions'],
];

function fresh_secret() {
  const bytes = crypto.getRandomValues(new Uint8Array(kSecretBytes));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function create() {
  const secret = fresh_secret();
  let made = '';
  const done = await ask_first({
    title: 'New API key',
    text: 'From the first key on, running programs through the Jobe API needs one.',
    fields: [
      {name: 'name', label: 'Name', required: true, maxlength: '64', pattern: '[A-Za-z0-9._\\-]+',
        title: 'letters, digits, dot, dash and underscore'},
      {name: 'priority', label: 'Priority', choices: ['high', 'normal', 'low'], value: 'normal'},
      {name: 'weight', label: 'Share against other keys', type: 'number', min: '1', max: '1000', value: '1'},
      {name: 'hourly_rate', label: 'Runs an hour; 0: no bound', type: 'number', min: '0', value: '0'},
      {name: 'max_queued', label: 'Runs that may wait; 0: no bound', type: 'number', min: '0', value: '0'},
      {name: 'tags', label: 'Only hosts with these tags, by commas'},
      {name: 'may_async', label: 'May ask for asynchronous runs', type: 'checkbox', value: true},
    ],
    action: 'Make it',
  }, async ({name, tags, weight, hourly_rate, max_queued, ...rest}) => {
    await tell('POST', 'api/v1/keys', {
      name, secret, ...rest, weight: Number(weight), hourly_rate: Number(hourly_rate),
      max_queued: Number(max_queued),
      require_tags: tags.split(',').map((tag) => tag.trim()).filter((tag) => tag !== ''),
    });
    made = name;
  });
  if (!done) return;
  set_text(by_id('secret-name'), `The key ${made} is made.`);
  set_text(by_id('secret-text'), secret);
  by_id('secret').hidden = false;
  by_id('secret-copy').focus();
  refresh_now();
}

async function revoke(name) {
  const done = await ask_first({
    title: `Revoke ${name}?`,
    text: 'Whoever sends it is shut out from now on. This cannot be undone.',
    action: 'Revoke', danger: true,
  }, () => tell('DELETE', `api/v1/keys/${encodeURIComponent(name)}`));
  if (done) refresh_now();
}

function make_key_row(key) {
  const row = make_row(kColumns);
  const jobs = element('a', {href: `jobs?key=${encodeURIComponent(key.name)}`,
    title: 'its jobs'}, key.name);
  row.cells[0].append(jobs);
  const button = element('button', {type: 'button', class: 'small', 'data-needs': 'admin',
    'aria-label': `Revoke ${key.name}`}, 'Revoke');
  button.addEventListener('click', () => revoke(key.name));
  row.cells[8].append(button);
  return row;
}

const bound = (number) => number === 0 ? 'no bound' : count(number);

function show_key(row, key) {
  const [, priority, weight, rate, queue, asynchronous, tags, made] = row.cells;
  set_text(priority, key.priority);
  set_text(weight, count(key.weight));
  set_text(rate, bound(key.hourly_rate));
  set_text(queue, bound(key.max_queued));
  set_text(asynchronous, key.may_async ? 'yes' : 'no');
  set_text(tags, key.require_tags.join(', ') || '–');
  set_time(made, key.created, `${coarse_since(key.created)} ago`);
}

async function refresh() {
  try {
    const [status, {keys}] = await Promise.all([ask('status'), ask('keys')]);
    set_master_time(status.time);
    show_version(status);
    banner.clear();
    sync_rows(by_id('keys'), keys, (key) => key.name, make_key_row, show_key);
    by_id('keys-empty').hidden = keys.length > 0;
  } catch (error) {
    banner.tell(error, 'What is shown here is from then.');
  }
}

function hide_secret() {
  by_id('secret').hidden = true;
  set_text(by_id('secret-text'), '');
}

let refresh_now = () => {};
if (await start_frame()) {
  by_id('create').addEventListener('click', create);
  by_id('secret-done').addEventListener('click', hide_secret);
  by_id('secret-copy').hidden = navigator.clipboard === undefined;
  by_id('secret-copy').addEventListener('click',
    () => navigator.clipboard.writeText(by_id('secret-text').textContent));
  refresh_now = repeat(refresh, kPauseMs);
}
