// The form that runs a program: it is sent as any client would send it, and its result is shown when
// it comes.

import {by_id, dotted, element, has_outcome, outcome_kind, set_children, set_text, state_dot} from './common.js';
import {show_version, start_frame} from './frame.js';
import {result_nodes} from './job_text.js';
import {address, ask, ask_if_there, banner, tell} from './master.js';

const kJobe = 'jobe/index.php/restapi';
const kWaitSeconds = 20;

const value_of = (id) => by_id(id).value.trim();

// The options of a select, the choice kept.
function offer(id, choices) {
  const select = by_id(id);
  const chosen = select.value;
  select.replaceChildren(...choices.map(([value, text]) => element('option', {value}, text)));
  if (choices.some(([value]) => value === chosen)) select.value = chosen;
}

function number_in(id, name) {
  const text = value_of(id);
  if (text === '') return null;
  if (!/^\d+$/.test(text)) throw new Error(`${name}: ${text} is not a whole number.`);
  return Number(text);
}

async function base64_of(file) {
  const reader = new FileReader();
  await new Promise((resolve, reject) => {
    reader.onload = resolve;
    reader.onerror = () => reject(new Error(`${file.name} cannot be read.`));
    reader.readAsDataURL(file);
  });
  return reader.result.slice(reader.result.indexOf(',') + 1);
}

// Sends the chosen files; Jobe's list of them.
async function send_files() {
  const list = [];
  for (const file of by_id('files').files) {
    const id = await tell('POST', `${kJobe}/files`, {file_contents: await base64_of(file)});
    list.push([id, file.name]);
  }
  return list;
}

async function run_spec_of_form() {
  const source = by_id('source').value;
  if (source.trim() === '') throw new Error('There is no program yet.');
  const spec = {language_id: value_of('language'), sourcecode: source, input: by_id('input').value};
  if (value_of('filename') !== '') spec.sourcefilename = value_of('filename');
  const parameters = {cputime: number_in('cputime', 'CPU limit'),
    memorylimit: number_in('memory', 'Memory limit')};
  const given = Object.entries(parameters).filter(([, value]) => value !== null);
  if (given.length > 0) spec.parameters = Object.fromEntries(given);
  const files = await send_files();
  if (files.length > 0) spec.file_list = files;
  return spec;
}

function show_job(job) {
  by_id('outcome').hidden = false;
  const told = has_outcome(job);
  set_children(by_id('verdict'), [job.state, job.outcome_name, told], () => [state_dot(job.state),
    ...(told ? [' ', dotted(job.outcome_name, `ending-${outcome_kind(job.outcome)}`)] : [])]);
  set_children(by_id('result'), {result: job.result, state: job.state}, result_nodes);
}

// Asks for the run until it has ended; each question stays open until then, or for a while.
async function follow(id) {
  by_id('job-link').href = address(`jobs/${id}`);
  for (;;) {
    const job = await ask(`jobs/${id}`);
    if (id !== shown) return;  // another was begun meanwhile
    show_job(job);
    if (job.finished !== null) return;
    await tell('GET', `${kJobe}/runresults/${id}`, undefined,
      {headers: {Prefer: `wait=${kWaitSeconds}`}}).catch(() => {});
  }
}

let shown = '';  // the run whose result is shown

async function submit(event) {
  event.preventDefault();
  const button = by_id('submit');
  set_text(by_id('problem'), '');
  button.disabled = true;
  try {
    const run_spec = await run_spec_of_form();
    const key = encodeURIComponent(value_of('key'));
    shown = await tell('POST', `api/v1/runs?key=${key}`, {run_spec},
      {headers: {Prefer: 'respond-async'}});
    button.disabled = false;
    await follow(shown);
  } catch (error) {
    set_text(by_id('problem'), error.message);
  }
  button.disabled = false;
}

if (await start_frame()) {
  by_id('form').addEventListener('submit', submit);
  by_id('source').addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) by_id('form').requestSubmit();
  });
  try {
    const [status, keys] = await Promise.all([ask('status'), ask_if_there('keys')]);
    show_version(status);
    offer('language', status.languages.map(({id, version}) => [id, `${id} ${version}`]));
    offer('key', [['', 'none'], ...(keys?.keys ?? []).map(({name}) => [name, name])]);
    if (status.languages.length === 0) banner.warn('No sandbox offers a language just now.');
  } catch (error) {
    banner.tell(error, 'Load the page again.');
  }
}
