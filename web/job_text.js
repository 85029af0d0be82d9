// A run's request and result as they are: text with numbered lines, never markup.

import {bytes, counted, element} from './common.js';
import {may_see_sources} from './frame.js';

const kShownChars = 100_000;  // of one text, until all of it is asked for

// [name, value] or [name, value, time] as a list of names and values.
export function fact_nodes(facts) {
  return facts.map(([name, value, time]) => element('div', {}, element('dt', {}, name),
    element('dd', {}, time ? element('time', {datetime: time, title: time}, value) : value)));
}

const kept_words = (what) => may_see_sources()
  ? `${what} is not kept.` : `${what} is shown only to those who may see sources.`;

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

export function request_nodes(run_spec) {
  if (run_spec === null) return element('p', {class: 'empty'}, kept_words('The request'));
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

export function result_nodes({result, state}) {
  if (result === null) {
    const why = state === 'queued' || state === 'running' ? 'Not there yet.' : kept_words('The result');
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
