// The page of one run: why it waits, its facts, timeline, attempts, request and result, and what may
// be done with it.

import {
  by_id, clock, count, date_and_clock, dotted, duration, element, has_outcome, make_row, master_now,
  outcome_kind, set_children, set_master_time, set_text, set_time, state_dot, sync_rows,
} from './common.js';
import {ask_first} from './dialog.js';
import {show_version, start_frame} from './frame.js';
import {fact_nodes, request_nodes, result_nodes} from './job_text.js';
import {Refusal, address, ask, banner, repeat, tell} from './master.js';
import {ending_kind, ending_words, late_words, timeline_items} from './timeline.js';
import {show_why} from './why.js';

const kPauseMs = 1000;

const id = decoded(location.pathname.split('/').at(-1));
const path = `jobs/${encodeURIComponent(id)}`;

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// ---- facts

const moment = (time_text) => date_and_clock(new Date(time_text));

function facts_of(job) {
  const last = job.timeline.at(-1);
  const version = last === undefined ? '' : ` ${last.language_version}`;
  const facts = [
    ['Language', `${job.language}${version}`],
    ['Agent', job.agent ?? '–'],
    ['Waited', duration(job.waited_ms)],
    ['Run time', has_outcome(job) && job.run_ms !== null ? duration(job.run_ms) : '–'],
    ['Attempts', count(job.attempts)],
    ['CPU limit', `${job.cputime_s} s`],
    ['Received', moment(job.received), job.received],
    ['Finished', job.finished === null ? '–' : moment(job.finished), job.finished],
    ['Client', job.asynchronous ? 'asked for it to run on its own' : 'waits for the answer'],
    ['Answer', job.http_status === null ? '–' : `HTTP ${job.http_status}`],
  ];
  if (job.key !== '') facts.push(['API key', job.key]);
  if (job.client_job !== '') facts.push(['CodeRunner job', job.client_job]);
  if (job.files.length > 0) facts.push(['Support files', count(job.files.length)]);
  return facts;
}

function show_verdict(job) {
  const told = has_outcome(job);
  set_children(by_id('verdict'), [job.state, job.outcome_name, told], () => {
    const parts = [state_dot(job.state)];
    if (told) parts.push(' ', dotted(job.outcome_name, `ending-${outcome_kind(job.outcome)}`));
    return parts;
  });
  document.title = `${told ? job.outcome_name : job.state} · ${id.slice(-8)} · Docket`;
}

// ---- attempts

const kAttemptColumns = [
  ['Number', 'number', 'th'], ['Agent', 'agent one-line'], ['Language', 'one-line'],
  ['Assigned', ''], ['Files', 'number'], ['Run time', 'number'], ['In all', 'number'], ['Ending', ''],
  ['Detail', 'detail wide'],
];

function show_attempt(row, attempt, language) {
  const [number, agent, version, assigned, files, run_time, in_all, ending, detail] = row.cells;
  const ended = attempt.ended !== null;
  const to = ended ? Date.parse(attempt.ended) : master_now();
  set_text(number, count(attempt.number));
  set_text(agent, attempt.agent);
  agent.title = attempt.agent;
  set_text(version, `${language} ${attempt.language_version}`);
  set_time(assigned, attempt.assigned, clock(new Date(attempt.assigned)));
  set_text(files, ended && attempt.push_ms > 0 ? duration(attempt.push_ms) : '–');
  set_text(run_time, ended && attempt.run_ms > 0 ? duration(attempt.run_ms) : '–');
  set_text(in_all, duration(Math.max(0, to - Date.parse(attempt.assigned))));
  set_children(ending, [ending_words(attempt), `ending-${ending_kind(attempt)}`],
    (value) => dotted(...value));
  const {late_answer} = attempt;
  set_children(detail, [attempt.detail || '–', late_answer], ([text]) => [text,
    ...(late_answer === null ? [] : [element('div', {}, late_words(late_answer))])]);
}

// ---- what may be done

const is_over = (job) => job.finished !== null;

function show_actions(job) {
  by_id('actions').hidden = false;
  by_id('cancel').hidden = is_over(job);
  by_id('retry').hidden = !is_over(job) || job.run_spec === null;
}

async function cancel() {
  const done = await ask_first({
    title: 'Cancel this run?',
    text: 'Whoever waits for it is told. A program that runs goes on to its own limits, because ' +
          'Jobe cannot stop it; its result is thrown away.',
    action: 'Cancel the run', danger: true,
  }, () => tell('POST', `api/v1/${path}/cancel`));
  if (done) refresh_now();
}

async function run_again() {
  let again = null;
  const done = await ask_first({
    title: 'Run this program again?',
    text: 'It becomes a new run of the same request, under the same API key.',
    action: 'Run again',
  }, async () => { again = await tell('POST', `api/v1/${path}/retry`); });
  if (done) location.assign(address(`jobs/${again}`));
}

async function copy_id() {
  await navigator.clipboard?.writeText(id);
  set_text(by_id('copy-id'), 'Copied');
}

// ---- the page

function show_job(job) {
  show_verdict(job);
  show_actions(job);
  set_children(by_id('facts'), facts_of(job), fact_nodes);
  const moving = is_over(job) ? null : master_now();
  set_children(by_id('timeline'), [job.timeline, job.state, moving],
    () => timeline_items(job, master_now()));
  sync_rows(by_id('attempts'), job.timeline, (attempt) => `${attempt.number} ${attempt.agent}`,
    () => make_row(kAttemptColumns), (row, attempt) => show_attempt(row, attempt, job.language));
  by_id('attempts-empty').hidden = job.timeline.length > 0;
  set_children(by_id('request'), job.run_spec, request_nodes);
  set_children(by_id('result'), {result: job.result, state: job.state}, result_nodes);
  by_id('job').hidden = false;
}

function show_unknown(text) {
  banner.clear();
  by_id('job').hidden = true;
  by_id('actions').hidden = true;
  set_text(by_id('verdict'), `This run is not known: ${text}.`);
  document.title = 'Unknown run · Docket';
}

// It may end between the two questions: then there is no answer to why.
async function refresh_why(job) {
  const why = job.state !== 'queued' ? null : await ask(`${path}/why`).catch((error) => {
    if (error instanceof Refusal) return null;
    throw error;
  });
  show_why(why);
}

// Returns false when nothing will change any more.
async function refresh() {
  try {
    const [status, job] = await Promise.all([ask('status'), ask(path)]);
    set_master_time(status.time);
    show_version(status);
    banner.clear();
    await refresh_why(job);
    show_job(job);
    return !is_over(job);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) {
      show_unknown(error.message);
      return false;
    }
    banner.tell(error, 'This page goes on when it answers again.');
    return true;
  }
}

set_text(by_id('id'), id);
by_id('json').href = address(`api/v1/${path}`);
set_text(by_id('json'), 'this run');
let refresh_now = () => {};
if (await start_frame()) {
  by_id('cancel').addEventListener('click', cancel);
  by_id('retry').addEventListener('click', run_again);
  by_id('copy-id').addEventListener('click', copy_id);
  by_id('copy-id').hidden = navigator.clipboard === undefined;
  refresh_now = repeat(refresh, kPauseMs);
}
