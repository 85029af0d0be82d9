// The list of jobs: its filters stand in the page's address, so that a list can be sent to somebody.

import {by_id, element, set_children, set_master_time, set_text} from './common.js';
import {show_version, start_frame} from './frame.js';
import {show_jobs} from './jobs_table.js';
import {Refusal, address, ask, ask_if_there, banner, repeat} from './master.js';

const kPauseMs = 2000;
const kListedJobs = 100;

const form = by_id('filters');
const controls = [...form.elements].filter((control) => control.name !== '');

// "2026-11-23 10:00" is the reader's own time; the master wants it in full.
function moment_for_master(text) {
  const local = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(:\d\d)?)?$/.exec(text);
  if (local === null) return text;
  const date = new Date(`${local[1]}T${local[2] ?? '00:00'}${local[3] ?? ':00'}`);
  return Number.isNaN(date.getTime()) ? text : date.toISOString().replace('.000Z', 'Z');
}

function asked_in_form() {
  const asked = new URLSearchParams();
  for (const {name, value} of controls) {
    const text = value.trim();
    if (text !== '') asked.set(name, name === 'from' || name === 'to' ? moment_for_master(text) : text);
  }
  return asked;
}

function asked_in_address() {
  return new URLSearchParams([...new URLSearchParams(location.search)]
    .filter(([, value]) => value !== ''));
}

function show_asked() {
  const asked = asked_in_address();
  for (const control of controls) control.value = asked.get(control.name) ?? '';
  const told = [...asked].filter(([name]) => name !== 'cursor' && name !== 'limit')
    .map(([name, value]) => `${name} ${value}`);
  set_text(by_id('asked'), told.join(', '));
  document.title = `${told.length === 0 ? 'Jobs' : told.join(', ')} · Docket`;
  by_id('newest').hidden = !asked.has('cursor');
  asked.delete('cursor');
  by_id('newest').href = address(`jobs?${asked}`);
}

function older_link(next) {
  if (next === null) return [];
  const asked = asked_in_address();
  asked.set('cursor', next);
  return element('a', {id: 'next', rel: 'next', href: address(`jobs?${asked}`)}, 'Older jobs');
}

async function refresh() {
  const {search} = location;
  const asked = asked_in_address();
  if (!asked.has('limit')) asked.set('limit', String(kListedJobs));
  try {
    const [status, page] = await Promise.all([ask('status'), ask(`jobs?${asked}`)]);
    if (search !== location.search) return;  // something else is wanted by now
    set_master_time(status.time);
    show_version(status);
    banner.clear();
    show_jobs(page.jobs);
    set_children(by_id('older'), page.next, older_link);
  } catch (error) {
    if (error instanceof Refusal && error.status === 400) {
      banner.warn(error.message);
      show_jobs([]);
      set_children(by_id('older'), null, older_link);
    } else {
      banner.tell(error, 'What is shown here is from then.');
    }
  }
}

function go(asked) {
  const query = String(asked);
  if (query === String(asked_in_address())) return refresh_now();
  history.pushState(null, '', address(query === '' ? 'jobs' : `jobs?${query}`));
  show_asked();
  return refresh_now();
}

async function offer_values() {
  const offer = (id, values) => by_id(id).replaceChildren(
    ...[...new Set(values)].map((value) => element('option', {value})));
  const [status, agents, keys] = await Promise.all(
    ['status', 'agents', 'keys'].map((what) => ask_if_there(what)));
  offer('languages', (status?.languages ?? []).map(({id}) => id));
  offer('agent-names', (agents?.agents ?? []).map(({name}) => name));
  offer('key-names', (keys?.keys ?? []).map(({name}) => name));
}

let refresh_now = () => {};
if (await start_frame()) {
  show_asked();
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    go(asked_in_form());
  });
  form.addEventListener('change', () => go(asked_in_form()));
  by_id('clear').addEventListener('click', (event) => {
    event.preventDefault();
    go(new URLSearchParams());
  });
  addEventListener('popstate', () => {
    show_asked();
    refresh_now();
  });
  offer_values().catch(() => {});  // the list itself says when the master does not answer
  refresh_now = repeat(refresh, kPauseMs);
}
