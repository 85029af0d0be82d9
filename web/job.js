// The page of one run: its facts, timeline, attempts, request and result.

import {
  Banner, Refusal, ask, by_id, bytes, clock, count, counted, date_and_clock, dotted, duration,
  element, has_outcome, make_row, master_now, outcome_kind, repeat, set_children, set_master_time,
  set_text, set_time, show_version, state_dot, sync_rows, wire_go_box,
} from './common.js';
import {ending_kind, ending_words, late_words, timeline_items} from './timeline.js';

const kPauseMs = 1000;
const kShownChars = 100_000;  // of one text, until all of it is asked for

const banner = new Banner(by_id('banner'));
const id = decoded(location.pathname.split('/').at(-1));

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

function fact_nodes(facts) {
  return facts.map(([name, value, time]) => element('div', {}, element('dt', {}, name),
    element('dd', {}, time ? element('time', {datetime: time, title: time}, value) : value)));
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

// ---- request and result

function lines_in(text) {
  if (text === '') return 0;
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

function numbers_to(last) {
  return Array.from({length: last}, (_, index) => index + 1).join('\n');
}

// A program's text: as it is, with numbered lines, cut when very long until all is asked for.
function text_sheet(title, text, name = '') {
  const size = new TextEncoder().encode(text).length;
  const about = [name, counted(lines_in(text), 'line'), bytes(size)].filter((part) => part !== '');
  const heading = element('h3', {}, title, ' ',
    element('span', {class: 'faint'}, text === '' ? 'empty' : about.join(', ')));
  if (text === '') return element('div', {class: 'text'}, heading);
  const gutter = element('pre', {class: 'gutter', 'aria-hidden': 'true'});
  const content = element('pre', {class: 'content'});
  const show = (shown) => {
    gutter.textContent = numbers_to(lines_in(shown));
    content.textContent = shown;
  };
  show(text.slice(0, kShownChars));
  const sheet = element('div',
    {class: 'sheet code', role: 'group', 'aria-label': title, tabindex: '0'}, gutter, content);
  if (text.length <= kShownChars) return element('div', {class: 'text'}, heading, sheet);
  const more = element('button', {type: 'button'}, `Show all ${bytes(size)}`);
  more.addEventListener('click', () => {
    show(text);
    more.remove();
  });
  return element('div', {class: 'text'}, heading, sheet, more);
}

const words_of = (value) => typeof value === 'string' ? value : JSON.stringify(value);

function named_values(title, entries) {
  return element('div', {class: 'text'}, element('h3', {}, title),
    element('dl', {class: 'facts narrow'}, ...fact_nodes(entries)));
}

function file_nodes(file_list) {
  const files = Object.values(file_list).map((file) => {
    const [file_id, name] = Array.isArray(file) ? file : [words_of(file), ''];
    return element('li', {}, words_of(name ?? ''), ' ',
      element('code', {class: 'faint'}, words_of(file_id ?? '')));
  });
  return element('div', {class: 'text'}, element('h3', {}, 'Files'),
    element('ul', {class: 'files'}, ...files));
}

function request_nodes(run_spec) {
  if (run_spec === null) return element('p', {class: 'empty'}, 'The request is not kept.');
  if (typeof run_spec !== 'object') return text_sheet('As it came', words_of(run_spec));
  const {sourcecode, sourcefilename, input, file_list, parameters, language_id, ...rest} = run_spec;
  const nodes = [
    text_sheet('Source code', words_of(sourcecode ?? ''), words_of(sourcefilename ?? '')),
    text_sheet('Standard input', words_of(input ?? '')),
  ];
  const settings = parameters !== null && typeof parameters === 'object'
    ? {...rest, ...parameters} : {...rest, ...(parameters === undefined ? {} : {parameters})};
  const entries = Object.entries(settings).map(([name, value]) => [name, words_of(value)]);
  if (entries.length > 0) nodes.push(named_values('Parameters', entries));
  if (file_list && Object.keys(file_list).length > 0) nodes.push(file_nodes(file_list));
  return nodes;
}

function result_nodes({result, state}) {
  if (result === null) {
    const why = state === 'queued' || state === 'running' ? 'Not there yet.' : 'It is not kept.';
    return element('p', {class: 'empty'}, why);
  }
  if (typeof result !== 'object') return text_sheet('As it came', words_of(result));
  const {cmpinfo, stdout, stderr} = result;
  const nodes = [];
  if (cmpinfo) nodes.push(text_sheet('Compiler', words_of(cmpinfo)));
  nodes.push(text_sheet('Standard output', words_of(stdout ?? '')));
  nodes.push(text_sheet('Standard error', words_of(stderr ?? '')));
  return nodes;
}

// ---- the page

function show_job(job) {
  show_verdict(job);
  set_children(by_id('facts'), facts_of(job), fact_nodes);
  const moving = job.finished === null ? master_now() : null;
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
  set_text(by_id('verdict'), `This run is not known: ${text}.`);
  document.title = 'Unknown run · Docket';
}

// Returns false when nothing will change any more.
async function refresh() {
  try {
    const [status, job] = await Promise.all(
      [ask('../api/v1/status'), ask(`../api/v1/jobs/${encodeURIComponent(id)}`)]);
    set_master_time(status.time);
    show_version(status);
    banner.clear();
    show_job(job);
    return job.finished === null;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) {
      show_unknown(error.message);
      return false;
    }
    if (error instanceof Refusal) banner.warn(`The master has a problem: ${error.message}`);
    else banner.no_answer('This page goes on when it answers again.');
    return true;
  }
}

set_text(by_id('id'), id);
by_id('json').href = `../api/v1/jobs/${encodeURIComponent(id)}`;
wire_go_box();
repeat(refresh, kPauseMs, banner);
