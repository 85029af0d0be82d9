// Questions before something is done, in the page's own dialog.

import {by_id, element} from './common.js';

function field_nodes({name, label, type = 'text', value = '', choices = null, required = false, ...more}) {
  const id = `ask-${name}`;
  const control = choices === null
    ? element('input', {id, name, type, value: type === 'checkbox' ? null : value, ...more})
    : element('select', {id, name}, ...choices.map((choice) => element('option', {}, choice)));
  if (choices !== null) control.value = value;
  if (type === 'checkbox') control.checked = value === true;
  control.required = required;
  return element('p', {class: type === 'checkbox' ? 'check' : null},
    element('label', {for: id}, label), control);
}

function values_of(form, fields) {
  return Object.fromEntries(fields.map(({name, type}) =>
    [name, type === 'checkbox' ? form.elements[name].checked : form.elements[name].value.trim()]));
}

// Opens the dialog. `act` gets the fields' values when it is confirmed; what it throws is shown and
// the dialog stays. True when it was done, false when it was given up.
export function ask_first({title, text, fields = [], action, danger = false}, act) {
  const dialog = by_id('ask');
  const problem = element('p', {class: 'problem-text', role: 'alert'});
  const confirm = element('button', {type: 'submit', class: danger ? 'danger' : 'primary'}, action);
  const give_up = element('button', {type: 'button', class: 'quiet'}, 'Leave it');
  const form = element('form', {method: 'dialog', autocomplete: 'off'},
    element('h2', {id: 'ask-title'}, title), element('p', {class: 'ask-text'}, text),
    ...fields.map(field_nodes), problem, element('p', {class: 'actions'}, confirm, give_up));
  dialog.replaceChildren(form);
  return new Promise((resolve) => {
    let done = false;
    give_up.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => resolve(done), {once: true});
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      confirm.disabled = true;
      try {
        await act(values_of(form, fields));
        done = true;
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
      }
      confirm.disabled = false;
    });
    dialog.showModal();
  });
}
