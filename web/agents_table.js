// The table of agents: how each fares, and what may be done with it.

import {
  age, age_ms, badge, by_id, coarse_since, count, counted, dotted, duration, element, make_head, make_row, master_now,
  percent, set_children, set_meter, set_text, set_time, sync_rows, take_over,
} from './common.js';
import {ask_first} from './dialog.js';
import {tell} from './master.js';

const kColumns = [
  ['Name', 'name', 'th'], ['State', 'state wide'], ['Running', 'load'],
  ['Languages', 'languages wide'], ['Per minute', 'number'], ['Finished', 'number'],
  ['Host faults', 'number'], ['Clock', 'number'], ['Last seen', 'number'], ['Version', ''],
  ['Actions', 'row-actions unlabelled'],
];
const kLongSilenceMs = 10_000;
const kWrongClockMs = 2_000;  // docket doctor warns from here on
const kMinuteMs = 60_000;
const kShortestMs = 5_000;  // of a measurement that says something

const is_here = (agent) => agent.state !== 'lost' && agent.state !== 'left';

// ---- what each finishes in a minute, as far as this page has seen it

const seen = new Map();  // by name: [time, finished], oldest first

function per_minute(agent) {
  const now = master_now();
  const samples = (seen.get(agent.name) ?? []).filter(([time]) => time >= now - kMinuteMs);
  samples.push([now, agent.finished]);
  seen.set(agent.name, samples);
  const [first_time, first_finished] = samples[0];
  const lasts = now - first_time;
  // It was restarted, or has just come into view.
  if (lasts < kShortestMs || agent.finished < first_finished) return null;
  return ((agent.finished - first_finished) * kMinuteMs) / lasts;
}

const rate_words = (rate) => rate === null ? '…' : rate < 9.95 ? rate.toFixed(1).replace('.0', '') : count(Math.round(rate));

// ---- languages

// The languages that agents have in more than one version: by id, how many have each version.
function mixed_languages(agents) {
  const versions = new Map();
  for (const {id, version} of agents.filter(is_here).flatMap((agent) => agent.languages)) {
    const found = versions.get(id) ?? new Map();
    versions.set(id, found.set(version, (found.get(version) ?? 0) + 1));
  }
  return new Map([...versions].filter(([, found]) => found.size > 1));
}

// Of a mixed language, a version that most agents do not have.
function is_odd(mixed, {id, version}) {
  const found = mixed.get(id);
  if (found === undefined) return false;
  const agents = [...found.values()].reduce((sum, number) => sum + number, 0);
  return (found.get(version) ?? 0) * 2 <= agents;
}

function language_item({id, version}, differs) {
  return element('li', {class: differs ? 'differs' : null},
    id, ' ', element('span', {class: 'faint'}, version),
    differs ? element('span', {class: 'unseen'}, ' (differs from other agents)') : null);
}

const kFewLanguages = 3;

// Those that differ are always seen; many others only when asked for: twenty hosts are alike.
function languages_list([languages, odd, known]) {
  if (languages.length === 0) return element('span', {class: 'faint'}, 'none');
  const list = (some) => element('ul', {class: 'inline'},
    ...some.map((language) => language_item(language, odd.includes(language.id))));
  if (languages.length <= kFewLanguages) return list(languages);
  const differing = languages.filter(({id}) => odd.includes(id));
  const words = languages.length < known
    ? `${languages.length} of ${known} languages` : counted(languages.length, 'language');
  const all = element('details', {}, element('summary', {}, words),
    list(languages.filter((language) => !differing.includes(language))));
  return differing.length === 0 ? all : [all, list(differing)];
}

// ---- what may be done

let refresh = () => {};  // shows what has become of it

async function act(question, what) {
  if (await ask_first(question, what)) refresh();
}

const path_of = (name, verb) => `api/v1/agents/${encodeURIComponent(name)}${verb}`;

const kActions = {
  drain: (name) => act({
    title: `Drain ${name}?`,
    text: 'It gets no more runs; those it has go on to their end.',
    fields: [{name: 'reason', label: 'Why: shown to whoever wonders', required: true, maxlength: '200'}],
    action: 'Drain',
  }, ({reason}) => tell('POST', path_of(name, '/drain'), {reason})),
  resume: (name) => act({
    title: `Let ${name} take work again?`,
    text: 'Whatever kept it from that is forgotten: a drain, a cordon or a quarantine.',
    action: 'Resume',
  }, () => tell('POST', path_of(name, '/resume'))),
  remove: (name) => act({
    title: `Remove ${name}?`,
    text: 'Its key is revoked and it leaves the list; it comes back only by joining again.',
    action: 'Remove', danger: true,
  }, () => tell('DELETE', path_of(name, ''))),
};

function verbs_for(agent) {
  if (!is_here(agent)) return ['remove'];
  if (agent.state === 'drained') return ['resume', 'remove'];
  return agent.state === 'active' || agent.state === 'suspect' ? ['drain'] : ['resume'];
}

function action_buttons([name, verbs]) {
  return verbs.map((verb) => {
    const needs = verb === 'remove' ? 'admin' : 'operate';
    const button = element('button', {type: 'button', class: 'small', 'data-needs': needs,
      'aria-label': `${verb[0].toUpperCase()}${verb.slice(1)} ${name}`},
    verb[0].toUpperCase() + verb.slice(1));
    button.addEventListener('click', () => kActions[verb](name));
    return button;
  });
}

// ---- rows

function make_agent_row() {
  const row = make_row(kColumns);
  const [name, state, load] = row.cells;
  name.append(element('span', {class: 'own-name'}), element('span', {class: 'tags'}));
  state.append(
    element('div', {class: 'now'}, element('span'), element('span', {class: 'faint since'})),
    element('div', {class: 'reason'}));
  load.append(element('span', {class: 'figures'}),
    element('span', {class: 'meter', 'aria-hidden': 'true'}, element('span')));
  return row;
}

function show_name(cell, agent) {
  set_text(cell.firstChild, agent.name);
  cell.title = agent.name;
  const tags = [...(agent.weight === 1 ? [] : [`× ${agent.weight}`]), ...(agent.tags ?? [])];
  set_children(cell.lastChild, tags, () => tags.map((tag) => badge(tag, 'plain')));
  cell.lastChild.hidden = tags.length === 0;
}

function show_state(cell, agent) {
  const [word, lasts] = cell.firstChild.children;
  set_children(word, agent.state, () => dotted(agent.state, `agent-${agent.state}`));
  set_time(lasts, agent.since, agent.since === null ? '' : `for ${coarse_since(agent.since)}`);
  const reason =
    agent.reason || (agent.degraded && `degraded: ${agent.degraded}`) || agent.shortage;
  set_text(cell.lastChild, reason);
  cell.lastChild.hidden = reason === '';
}

function show_faults(cell, agent) {
  const ended = agent.finished + agent.host_faults;
  const share = agent.host_faults === 0 ? '' : ` · ${percent(agent.host_faults / ended)}`;
  set_text(cell, `${count(agent.host_faults)}${share}`);
  cell.title = share === '' ? '' : `of ${count(ended)} attempts that ended there`;
  cell.classList.toggle('warned', agent.host_faults > 0);
  cell.classList.toggle('usual', agent.host_faults === 0);
}

// Its clock less the master's. What a report takes on its way is in it, so that little says nothing.
function show_clock(cell, agent) {
  const offset_ms = is_here(agent) ? agent.host?.clock_offset_ms ?? null : null;
  const wrong = offset_ms !== null && Math.abs(offset_ms) >= kWrongClockMs;
  set_text(cell, offset_ms === null ? '–' : !wrong ? 'right'
    : `${duration(Math.abs(offset_ms))} ${offset_ms > 0 ? 'fast' : 'slow'}`);
  cell.classList.toggle('warned', wrong);
  cell.classList.toggle('usual', !wrong);
}

function show_agent(row, agent, mixed, known, master_version) {
  const [name, state, load, languages, rate, finished, faults, clock, last_seen, version, actions] =
    row.cells;
  show_name(name, agent);
  show_state(state, agent);
  set_text(load.firstChild, `${count(agent.running)} / ${count(agent.slots)}`);
  set_meter(load.lastChild, agent.running, agent.slots);
  const odd = agent.languages.filter((one) => is_here(agent) && is_odd(mixed, one)).map(({id}) => id);
  set_children(languages, [agent.languages, odd, known], languages_list);
  set_text(rate, rate_words(per_minute(agent)));
  set_text(finished, count(agent.finished));
  show_faults(faults, agent);
  show_clock(clock, agent);
  set_time(last_seen, agent.last_seen, age(agent.last_seen));
  last_seen.classList.toggle('warned', agent.state !== 'left' && agent.last_seen !== null &&
                                         age_ms(agent.last_seen) > kLongSilenceMs);
  const other = is_here(agent) && agent.version !== master_version;
  set_children(version, [agent.version, other], () =>
    [agent.version || '–', ...(other ? [' ', badge('differs', 'attention')] : [])]);
  set_children(actions, [agent.name, verbs_for(agent)], action_buttons);
}

// ---- hosts that have joined and await approval

function awaiting_items(awaiting) {
  return awaiting.map(({name, fingerprint}) => {
    const approve = element('button', {type: 'button', class: 'small', 'data-needs': 'admin',
      'aria-label': `Approve ${name}`}, 'Approve');
    approve.addEventListener('click', () => act({
      title: `Let ${name} in?`,
      text: `Compare the fingerprint of its key with what docket-agent join told there: ${fingerprint}`,
      action: 'Approve',
    }, () => tell('POST', path_of(fingerprint, '/approve'))));
    return element('li', {}, element('strong', {}, name), ' has joined and awaits approval, key ',
      element('code', {}, fingerprint), ' ', approve);
  });
}

export function show_awaiting(awaiting, again) {
  refresh = again;
  const list = by_id('awaiting');
  set_children(list, awaiting, awaiting_items);
  list.hidden = awaiting.length === 0;
}

// `again` is called when something has been done.
export function show_agents(agents, master_version, again) {
  refresh = again;
  const mixed = mixed_languages(agents);
  const known = new Set(agents.filter(is_here).flatMap(({languages}) => languages.map(({id}) => id))).size;
  const head = by_id('agents-head');
  set_children(head, kColumns, make_head);
  sync_rows(take_over(by_id('agents')), agents, (agent) => agent.name, make_agent_row,
    (row, agent) => show_agent(row, agent, mixed, known, master_version));
  by_id('agents-empty').hidden = agents.length > 0;
  const told = [...mixed].map(([id, versions]) => `${id} (${[...versions.keys()].sort().join(', ')})`);
  const hint = by_id('agents-hint');
  set_children(hint, told, () => told.length === 0 ? [] :
    [badge('versions differ', 'attention'), ` ${told.join(', ')}`]);
}
