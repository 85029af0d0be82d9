// The overview: the state of the cluster, its last hour, its agents and the latest jobs.

import {show_agents, show_awaiting} from './agents_table.js';
import {show_history} from './charts.js';
import {
  age, by_id, bytes, count, counted, duration, element, set_children, set_master_time, set_meter,
  set_text, set_time, short_moment, since,
} from './common.js';
import {show_version, start_frame} from './frame.js';
import {show_jobs} from './jobs_table.js';
import {Refusal, ask, banner, repeat} from './master.js';

const kPauseMs = 1000;
const kHistoryMs = 10_000;
const kLinkMs = 5_000;
const kListedJobs = 20;

// ---- the light and the cards

const kLevels = {good: 'Good', attention: 'Attention', bad: 'Bad', unknown: 'Unknown'};

function level_of(status) {
  if (status.well) return 'good';
  return status.accepting && status.agents_taking_work > 0 ? 'attention' : 'bad';
}

function show_light(level, summary) {
  by_id('light').dataset.level = level;
  set_text(by_id('level'), kLevels[level]);
  set_text(by_id('summary'), summary);
  document.title = level === 'good' ? 'Docket' : `${kLevels[level]} · Docket`;
}

// Of runs that ended lately; null when none has.
function show_p95(id, seconds, what) {
  set_text(by_id(id), seconds === null ? '–' : duration(seconds * 1000));
  set_text(by_id(`${id}-note`), seconds === null ? 'no run ended lately' : what);
}

function show_cards(status) {
  set_text(by_id('queued'), count(status.queued));
  set_text(by_id('queued-note'), status.queued > 0 ? bytes(status.queued_bytes) : 'nothing waits');
  const waits = status.queued > 0;
  set_text(by_id('oldest-wait'), waits ? duration(status.oldest_wait_ms) : '–');
  set_text(by_id('oldest-wait-note'), waits ? 'of the queued jobs' : 'nothing waits');
  set_text(by_id('running'), count(status.running));
  set_text(by_id('slots'), ` of ${counted(status.slots, 'slot')}`);
  set_meter(by_id('load-meter'), status.running, status.slots);
  const percent = status.slots > 0 ? Math.round((100 * status.running) / status.slots) : null;
  set_text(by_id('load-note'), percent === null ? 'no slots' : `${percent} % in use`);
  set_text(by_id('done'), count(status.done_per_minute));
  const failed = status.failed_per_minute;
  set_text(by_id('failed'), failed === 0 ? 'none failed' : `${count(failed)} failed`);
  by_id('failed').classList.toggle('warned', failed > 0);
  show_p95('wait-p95', status.wait_p95_seconds, '95\u00a0% waited less');
  show_p95('run-p95', status.run_p95_seconds, '95\u00a0% ran shorter');
}

// What the master could not serve since its start; the lights do not tell, as it may be long ago.
function show_notices(status) {
  const told = [];
  if (status.refused > 0) {
    told.push(`${counted(status.refused, 'run')} refused since ${short_moment(status.started)}, ` +
              `last ${age(status.last_refused)}: ${status.last_refusal}`);
  }
  if (status.expired > 0) {
    told.push(`${counted(status.expired, 'run')} expired after waiting too long`);
  }
  const notices = by_id('notices');
  set_children(notices, told, () => told.map((text) => element('li', {}, text)));
  notices.hidden = told.length === 0;
}

function show_status(status) {
  set_master_time(status.time);
  show_light(level_of(status), status.summary);
  const late = status.late_results > 0 ? `, ${count(status.late_results)} late` : '';
  set_time(by_id('uptime'), status.started,
    `up ${since(status.started)}, ${counted(status.finished, 'run')} ended${late}`);
  show_cards(status);
  show_notices(status);
  show_version(status);
}

// ---- refreshing

let last_hour = null;  // the last that came
let history_due = 0;  // by this page's clock

async function refresh_history() {
  if (performance.now() < history_due) return;
  const came = await ask('history').catch(() => null);  // the next refreshing says what is wrong
  if (came === null) return;
  last_hour = came;
  history_due = performance.now() + kHistoryMs;
  show_history(last_hour);
}

async function refresh() {
  const [status, agents, jobs] = await Promise.allSettled(
    ['status', 'agents', `jobs?limit=${kListedJobs}`].map(ask));
  const failed = [status, agents, jobs].filter((answer) => answer.status === 'rejected');
  if (failed.some((answer) => !(answer.reason instanceof Refusal))) {
    banner.no_answer('What is shown here is from then.');
    show_light('unknown', 'The master does not answer.');
    return;
  }
  if (failed.length > 0) banner.tell(failed[0].reason);
  else banner.clear();
  if (status.status === 'fulfilled') show_status(status.value);
  if (agents.status === 'fulfilled') {
    show_agents(agents.value.agents, status.value?.version ?? null, refresh_now);
  }
  if (jobs.status === 'fulfilled') {
    show_jobs(jobs.value.jobs);
    set_text(by_id('jobs-hint'), jobs.value.next === null ? '' : `the last ${kListedJobs}`);
  }
  await Promise.all([refresh_history(), refresh_awaiting()]);
}

let link_due = 0;  // by this page's clock

async function refresh_awaiting() {
  if (performance.now() < link_due) return;
  const link = await ask('link').catch(() => null);  // likewise
  if (link === null) return;
  link_due = performance.now() + kLinkMs;
  show_awaiting(link.awaiting, () => { link_due = 0; refresh_now(); });
}

let refresh_now = () => {};
if (await start_frame()) {
  by_id('history-details').addEventListener('toggle', () => {
    if (last_hour !== null) show_history(last_hour);
  });
  refresh_now = repeat(refresh, kPauseMs);
}
