// What stands around every page: the box that leads to a run, who is here and what they may, and
// which pages there are.

import {by_id, element, set_text} from './common.js';
import {Refusal, address, ask, ask_if_there, tell} from './master.js';

const kJobIdLength = 26;
const kEverything = {name: '', role: 'admin', source: true};

export function show_version(status) {
  set_text(by_id('version'), `Docket ${status.version}`);
}

// ---- the box that leads to a run

// An address that ends in an id will do as well.
export function job_id_in(text) {
  const id = text.trim().replace(/\/+$/, '').split('/').at(-1).toLowerCase();
  return /^[0-9a-z]+$/.test(id) && id.length === kJobIdLength ? id : null;
}

function wire_go_box() {
  const form = by_id('go');
  const input = by_id('go-id');
  const problem = by_id('go-problem');
  const complain = (text) => {
    set_text(problem, text);
    input.setAttribute('aria-invalid', String(text !== ''));
  };
  input.addEventListener('input', () => complain(''));
  form.addEventListener('submit', (event) => {
    const id = job_id_in(input.value);
    const part = input.value.trim();
    if (id === null && /^[0-9a-z]{4,}$/i.test(part)) return;  // a part of one: the list finds it
    event.preventDefault();
    if (id !== null) {
      location.assign(address(`jobs/${id}`));
      return;
    }
    complain(`A run id has ${kJobIdLength} letters and digits; four of them may do.`);
    input.focus();
  });
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input, textarea, select, dialog');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
  });
}

// ---- who is here

let session = kEverything;

export const may_see_sources = () => session.source;

// What a role may not do is not shown (style.css); the master refuses it in any case.
function show_session() {
  document.body.dataset.role = session.role;
  const place = by_id('session');
  place.hidden = session.name === '';
  if (place.hidden) return;
  const leave = element('button', {type: 'button', class: 'quiet'}, 'Log out');
  leave.addEventListener('click', async () => {
    await tell('DELETE', 'api/v1/session');
    location.reload();
  });
  place.replaceChildren(element('span', {}, session.name, ' ',
    element('span', {class: 'faint'}, session.role)), leave);
}

function ask_to_log_in() {
  const input = element('input', {id: 'token', type: 'password', autocomplete: 'current-password',
    required: '', size: '36'});
  const problem = element('p', {class: 'problem-text', role: 'alert'});
  const form = element('form', {class: 'form sheet padded login'},
    element('h1', {}, 'Log in'),
    element('p', {}, element('label', {for: 'token'}, 'Token'), input),
    element('p', {class: 'help'}, 'Made with ', element('code', {}, 'docket tokens create NAME'),
      ' on the master\u2019s host.'),
    problem, element('p', {class: 'submit'},
      element('button', {type: 'submit', class: 'primary'}, 'Log in')));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      await tell('POST', 'api/v1/session', {token: input.value.trim()});
      location.reload();
    } catch (error) {
      problem.textContent = error.message;
      input.select();
    }
  });
  by_id('main').replaceChildren(form);
  input.focus();
}

// Makes the frame ready; false when somebody must log in first: then the page has nothing to do.
export async function start_frame() {
  wire_go_box();
  try {
    session = (await ask_if_there('session')) ?? kEverything;
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) {
      ask_to_log_in();
      return false;
    }
    // No answer: the page's own asking will say so.
  }
  show_session();
  ask('audit?limit=1').then(() => { by_id('audit-link').hidden = false; }, () => {});
  return true;
}
