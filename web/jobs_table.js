// Rows of jobs, as the overview and the list show them.

import {
  age, by_id, count, duration, element, has_outcome, make_row, outcome_kind, set_children, set_text,
  set_time, state_dot, sync_rows, take_over,
} from './common.js';

const kColumns = [
  ['Run', 'run', 'th'], ['State', 'state'], ['Language', ''], ['Outcome', ''], ['Agent', 'agent'],
  ['Key', 'key'], ['Attempts', 'number'], ['Waited', 'number'], ['Run time', 'number'],
  ['Received', 'number'],
];

// The head of an id is the time, the same for all that came together; its tail tells them apart.
const short_id = (id) => `…${id.slice(-8)}`;

function make_job_row(job) {
  const row = make_row(kColumns);
  row.cells[0].append(element('a', {href: `jobs/${job.id}`, title: job.id}, short_id(job.id)));
  return row;
}

function show_job(row, job) {
  const [, state, language, outcome, agent, key, attempts, waited, run_time, received] = row.cells;
  set_children(state, job.state, state_dot);
  set_text(language, job.language);
  const told = has_outcome(job) ? [job.outcome_name, outcome_kind(job.outcome)] : null;
  set_children(outcome, told, (value) =>
    value === null ? '–' : element('span', {class: `outcome ${value[1]}`}, value[0]));
  set_text(agent, job.agent ?? '–');
  agent.title = job.agent ?? '';
  set_text(key, job.key || '–');
  set_text(attempts, count(job.attempts));
  attempts.classList.toggle('warned', job.attempts > 1);
  set_text(waited, duration(job.waited_ms));
  set_text(run_time, has_outcome(job) && job.run_ms !== null ? duration(job.run_ms) : '–');
  set_time(received, job.received, age(job.received));
}

// Shows them in the page's table of jobs, and the word for none when there are none.
export function show_jobs(jobs) {
  sync_rows(take_over(by_id('jobs')), jobs, (job) => job.id, make_job_row, show_job);
  by_id('jobs-empty').hidden = jobs.length > 0;
}
