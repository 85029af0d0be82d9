// The overview: the state of the cluster, its agents and the latest jobs, about once a second.

import {
  Banner, Refusal, age, age_ms, ask, badge, by_id, bytes, coarse_since, count, counted, dotted,
  duration, element, has_outcome, make_row, outcome_kind, repeat, set_children, set_master_time,
  set_meter, set_text, set_time, short_moment, show_version, since, state_dot, sync_rows,
  wire_go_box,
} from './common.js';

const kPauseMs = 1000;
const kListedJobs = 50;
const kLongSilenceMs = 10_000;

const banner = new Banner(by_id('banner'));

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
  const late = status.late_results > 0 ? `, ${count(status.late_results)} late` : '';
  set_text(by_id('done-note'), `${count(status.finished)} since the start${late}`);
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
  set_time(by_id('uptime'), status.started, `up ${since(status.started)}`);
  show_cards(status);
  show_notices(status);
  show_version(status);
}

// ---- agents

const kAgentColumns = [
  ['Name', 'name', 'th'], ['State', 'state wide'], ['Running', 'load'], ['Weight', 'number'],
  ['Languages', 'languages wide'], ['Finished', 'number'], ['Host faults', 'number'],
  ['Last seen', 'number'], ['Version', ''],
];

const is_here = (agent) => agent.state !== 'lost' && agent.state !== 'left';

// The languages that agents have in more than one version, each with its versions.
function mixed_languages(agents) {
  const versions = new Map();
  for (const {id, version} of agents.filter(is_here).flatMap((agent) => agent.languages)) {
    versions.set(id, (versions.get(id) ?? new Set()).add(version));
  }
  return new Map([...versions].filter(([, seen]) => seen.size > 1));
}

function languages_list(languages, mixed) {
  if (languages.length === 0) return element('span', {class: 'faint'}, 'none');
  const items = languages.map(({id, version}) => {
    const differs = mixed.includes(id);
    return element('li', {class: differs ? 'differs' : null},
      id, ' ', element('span', {class: 'faint'}, version),
      differs ? element('span', {class: 'unseen'}, ' (differs between agents)') : null);
  });
  return element('ul', {class: 'inline'}, ...items);
}

function make_agent_row() {
  const row = make_row(kAgentColumns);
  const [, state, load] = row.cells;
  state.append(
    element('div', {class: 'now'}, element('span'), element('span', {class: 'faint since'})),
    element('div', {class: 'reason'}));
  load.append(element('span', {class: 'figures'}),
    element('span', {class: 'meter', 'aria-hidden': 'true'}, element('span')));
  return row;
}

function show_agent(row, agent, mixed, master_version) {
  const [name, state, load, weight, languages, finished, faults, seen, version] = row.cells;
  set_text(name, agent.name);
  name.title = agent.name;
  const [word, lasts] = state.firstChild.children;
  set_children(word, agent.state, () => dotted(agent.state, `agent-${agent.state}`));
  set_time(lasts, agent.since, agent.since === null ? '' : `for ${coarse_since(agent.since)}`);
  const reason =
    agent.reason || (agent.degraded && `degraded: ${agent.degraded}`) || agent.shortage;
  set_text(state.lastChild, reason);
  state.lastChild.hidden = reason === '';
  set_text(load.firstChild, `${count(agent.running)} / ${count(agent.slots)}`);
  set_meter(load.lastChild, agent.running, agent.slots);
  set_text(weight, `× ${agent.weight}`);
  const ids = is_here(agent) ? agent.languages.map(({id}) => id) : [];
  const mixed_here = ids.filter((id) => mixed.has(id));
  set_children(languages, [agent.languages, mixed_here], (v) => languages_list(...v));
  set_text(finished, count(agent.finished));
  set_text(faults, count(agent.host_faults));
  faults.classList.toggle('warned', agent.host_faults > 0);
  set_time(seen, agent.last_seen, age(agent.last_seen));
  seen.classList.toggle('warned', agent.state !== 'left' && agent.last_seen !== null &&
                                    age_ms(agent.last_seen) > kLongSilenceMs);
  const other = is_here(agent) && agent.version !== master_version;
  set_children(version, [agent.version, other], () =>
    [agent.version || '–', ...(other ? [' ', badge('differs', 'attention')] : [])]);
}

function show_agents(agents, master_version) {
  const mixed = mixed_languages(agents);
  sync_rows(by_id('agents'), agents, (agent) => agent.name, make_agent_row,
    (row, agent) => show_agent(row, agent, mixed, master_version));
  by_id('agents-empty').hidden = agents.length > 0;
  const told = [...mixed].map(([id, versions]) => `${id} (${[...versions].sort().join(', ')})`);
  const hint = by_id('agents-hint');
  set_children(hint, told, () => told.length === 0 ? [] :
    [badge('versions differ', 'attention'), ` ${told.join(', ')}`]);
}

// ---- jobs

const kJobColumns = [
  ['Run', 'run', 'th'], ['State', 'state'], ['Language', ''], ['Outcome', ''], ['Agent', 'agent'],
  ['Attempts', 'number'], ['Waited', 'number'], ['Run time', 'number'], ['Received', 'number'],
];

// The head of an id is the time, the same for all that came together; its tail tells them apart.
const short_id = (id) => `…${id.slice(-8)}`;

function make_job_row(job) {
  const row = make_row(kJobColumns);
  row.cells[0].append(element('a', {href: `jobs/${job.id}`, title: job.id}, short_id(job.id)));
  return row;
}

function show_job(row, job) {
  const [, state, language, outcome, agent, attempts, waited, run_time, received] = row.cells;
  set_children(state, job.state, state_dot);
  set_text(language, job.language);
  const told = has_outcome(job) ? [job.outcome_name, outcome_kind(job.outcome)] : null;
  set_children(outcome, told, (value) =>
    value === null ? '–' : element('span', {class: `outcome ${value[1]}`}, value[0]));
  set_text(agent, job.agent ?? '–');
  agent.title = job.agent ?? '';
  set_text(attempts, count(job.attempts));
  attempts.classList.toggle('warned', job.attempts > 1);
  set_text(waited, duration(job.waited_ms));
  set_text(run_time, has_outcome(job) && job.run_ms !== null ? duration(job.run_ms) : '–');
  set_time(received, job.received, age(job.received));
}

const wanted_state = () => by_id('jobs-state').value;

function jobs_wanted() {
  const state = wanted_state();
  return `jobs?limit=${kListedJobs}${state === '' ? '' : `&state=${state}`}`;
}

function show_jobs(jobs) {
  sync_rows(by_id('jobs'), jobs, (job) => job.id, make_job_row, show_job);
  const empty = by_id('jobs-empty');
  set_text(empty, wanted_state() === '' ? 'No run has been submitted yet.'
                                        : 'No run is in this state.');
  empty.hidden = jobs.length > 0;
  set_text(by_id('jobs-hint'), jobs.length < kListedJobs ? '' : `the last ${kListedJobs}`);
}

// ---- refreshing

async function refresh() {
  const [status, agents, jobs] = await Promise.allSettled(
    ['status', 'agents', jobs_wanted()].map((what) => ask(`api/v1/${what}`)));
  const failed = [status, agents, jobs].filter((answer) => answer.status === 'rejected');
  if (failed.some((answer) => !(answer.reason instanceof Refusal))) {
    banner.no_answer('What is shown here is from then.');
    show_light('unknown', 'The master does not answer.');
    return;
  }
  if (failed.length > 0) banner.warn(`The master has a problem: ${failed[0].reason.message}`);
  else banner.clear();
  if (status.status === 'fulfilled') show_status(status.value);
  if (agents.status === 'fulfilled') {
    show_agents(agents.value.agents, status.value?.version ?? null);
  }
  if (jobs.status === 'fulfilled') show_jobs(jobs.value.jobs);
}

wire_go_box();
by_id('jobs-state').addEventListener('change', refresh);
repeat(refresh, kPauseMs, banner);
