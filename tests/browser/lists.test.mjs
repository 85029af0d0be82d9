// The list of jobs with its filters, and the pages that do something: run, files, keys, audit.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
  api, assert_accessible, confirm, eventually, kBase, picture, python_is_there, run, sum_of_lines,
  texts, use_browser, visit, with_whole_answer,
} from './harness.mjs';

let sample;

use_browser(async () => {
  await python_is_there();
  sample = await sum_of_lines();
  await run({sourcecode: 'print(', sourcefilename: 'bad.py'}, {'X-CodeRunner-Job-Id': 'Quiz-31'});
});

const ids_on = (page) =>
  page.locator('#jobs a').evaluateAll((nodes) => nodes.map((node) => node.title));

// Until the page lists what the API gives for that query.
const lists = (page, query) => eventually(async () => {
  const {jobs} = await api(`jobs?${query}`);
  assert.deepEqual(await ids_on(page), jobs.map(({id}) => id));
});

const list = async (t, query = '', options = {}) => {
  const page = await visit(t, `/jobs${query}`, options);
  await page.locator('#jobs[data-taken]').waitFor();
  return page;
};

test('each filter narrows the list and stands in the address', async (t) => {
  const page = await list(t);
  const {agent} = await api(`jobs/${sample}`);
  await lists(page, 'limit=100');
  for (const [label, name, value] of [
    ['State', 'state', 'done'], ['Outcome', 'outcome', 'ok'], ['Language', 'language', 'python3'],
    ['Agent', 'agent', agent], ['From', 'from', '1h'], ['To', 'to', '1s'],
    ['Id or client\'s job', 'text', sample.slice(-12)],
  ]) {
    const control = page.getByLabel(label, {exact: true});
    if (name === 'state' || name === 'outcome') {
      await control.selectOption(value);
    } else {
      await control.fill(value);
      await control.press('Enter');
    }
    await page.waitForURL((url) => url.searchParams.get(name) === value);
    await eventually(async () => assert.ok((await ids_on(page)).includes(sample), label));
    const states = await texts(page.locator('#jobs td[data-label="State"]'));
    assert.deepEqual([...new Set(states)], ['done']);
  }
  assert.deepEqual(await ids_on(page), [sample]);
  await assert_accessible(page);
  await picture(page, 'jobs-filtered');
  await page.reload();
  await eventually(async () => assert.deepEqual(await ids_on(page), [sample]));
  assert.equal(await page.getByLabel('State', {exact: true}).inputValue(), 'done');
  await page.goBack();
  await page.waitForURL((url) => !url.searchParams.has('text'));
  await page.getByRole('link', {name: 'Clear'}).click();
  await page.waitForURL(`${kBase}/jobs`);
  await lists(page, 'limit=100');
});

test('a filter that fits nothing says so, and a wrong one says why', async (t) => {
  const page = await list(t, '?state=expired', {may_fail: /400/});
  await page.getByText('No run fits.').waitFor();
  await page.getByLabel('From', {exact: true}).fill('yesterday');
  await page.getByLabel('From', {exact: true}).press('Enter');
  await page.getByRole('alert').filter({hasText: 'from: \'yesterday\' is neither a time'}).waitFor();
  await assert_accessible(page);
  await page.getByLabel('From', {exact: true}).fill('2026-01-02 03:04');
  await page.getByLabel('From', {exact: true}).press('Enter');
  await page.waitForURL((url) => /^2026-01-0\dT\d\d:\d\d:00Z$/.test(url.searchParams.get('from')));
});

test('the client\'s own job id finds a run', async (t) => {
  const page = await list(t, '?text=quiz-31');
  await eventually(async () => assert.equal((await ids_on(page)).length, 1));
  assert.equal(await page.locator('#jobs td[data-label="Outcome"]').textContent(), 'compile error');
});

test('the list follows what happens, in two browsers at once', async (t) => {
  const pages = await Promise.all([list(t, '?text=quiz-90'), list(t, '?text=quiz-90')]);
  const id = await run({sourcecode: 'print(1)\n', sourcefilename: 'one.py'},
    {'X-CodeRunner-Job-Id': 'quiz-90'});
  for (const page of pages) {
    await page.locator(`#jobs a[title="${id}"]`).waitFor();
    await page.locator('#jobs td[data-label="State"]', {hasText: 'done'}).waitFor();
  }
});

test('a program is run from the form with its input and files', async (t) => {
  const page = await visit(t, '/run');
  await page.getByLabel('Language').selectOption('python3');
  await page.getByRole('button', {name: 'Run', exact: true}).click();
  await page.getByRole('alert').filter({hasText: 'There is no program yet.'}).waitFor();
  await page.getByLabel('Standard input').fill('hello\n');
  await page.getByLabel('CPU limit, seconds').fill('4');
  await page.getByLabel('Files beside it').setInputFiles(
    {name: 'fruit.txt', mimeType: 'text/plain', buffer: Buffer.from('pears 4')});
  await page.getByLabel('Program').fill('import time\nprint(input(), open("fruit.txt").read())\ntime.sleep(1)\n');
  await page.getByRole('button', {name: 'Run', exact: true}).click();
  await page.locator('#verdict', {hasText: 'done ok'}).waitFor();
  assert.match(await page.textContent('#result'), /hello pears 4/);
  await assert_accessible(page);
  await picture(page, 'run-result');
  await page.getByRole('link', {name: 'The run\'s page'}).click();
  await page.locator('#facts', {hasText: 'CPU limit4 s'}).waitFor();
  await page.getByLabel('Run id').waitFor();
  const kept = await visit(t, '/files');
  const row = kept.locator('#files tr').first();
  await row.waitFor();
  const id = await row.locator('th').textContent();
  await row.getByRole('button', {name: `Remove ${id}`}).click();
  await picture(kept, 'files');
  await confirm(kept, 'Remove');
  await kept.getByText('No file is kept.').waitFor();
  assert.equal((await api('files')).count, 0);
  await kept.getByRole('button', {name: 'Remove unused…'}).click();
  await confirm(kept, 'Remove', {'Not used for so many days': '1'});
  await kept.getByText('0 files removed.').waitFor();
});

test('what the form sends wrongly is told, and nothing runs', async (t) => {
  const page = await visit(t, '/run', {may_fail: /400/});
  await page.getByLabel('Language').selectOption('python3');
  await page.getByLabel('Program').fill('print(1)');
  await page.getByLabel('CPU limit, seconds').fill('two');
  await page.getByRole('button', {name: 'Run', exact: true}).click();
  await page.getByRole('alert').filter({hasText: 'CPU limit: two is not a whole number.'}).waitFor();
  await page.getByLabel('CPU limit, seconds').fill('');
  await page.getByLabel('Its file\'s name').fill('../x');
  await page.getByRole('button', {name: 'Run', exact: true}).click();
  await eventually(async () =>
    assert.match(await page.textContent('#problem'), /sourcefilename|file ?name/i));
});

test('a key is made, shown once, used by the form, and revoked', async (t) => {
  const page = await visit(t, '/keys');
  await page.getByText('There is no key').waitFor();
  await page.getByRole('button', {name: 'New key…'}).click();
  const dialog = page.getByRole('dialog', {name: 'New API key'});
  await dialog.waitFor();
  await assert_accessible(page);
  await picture(page, 'dialog-key');
  await dialog.getByLabel('Priority').selectOption('high');
  await confirm(page, 'Make it', {Name: 'exams', 'Share against other keys': '3'});
  const secret = await page.textContent('#secret-text');
  assert.match(secret, /^[0-9a-f]{48}$/);
  await picture(page, 'keys');
  await assert_accessible(page);
  const [key] = (await api('keys')).keys;
  assert.deepEqual([key.name, key.priority, key.weight, key.may_async], ['exams', 'high', 3, true]);
  await page.getByRole('button', {name: 'Done'}).click();
  assert.equal(await page.textContent('#secret-text'), '');
  const form = await visit(t, '/run');
  await form.getByLabel('Language').selectOption('python3');
  await form.getByLabel('API key').selectOption('exams');
  await form.getByLabel('Program').fill('print(7)');
  await form.getByLabel('Program').press('Control+Enter');
  await form.locator('#verdict', {hasText: 'done ok'}).waitFor();
  const filtered = await list(t, '?key=exams');
  await eventually(async () => assert.equal((await ids_on(filtered)).length, 1));
  await page.getByRole('button', {name: 'Revoke exams'}).click();
  await confirm(page, 'Revoke');
  await page.getByText('There is no key').waitFor();
});

test('the audit list grows by its older entries', async (t) => {
  const entry = (n) => ({at: '2026-11-23T10:00:00Z', who: 'ann', what: 'drain', on: `lab-${n}`,
    why: 'kernel upgrade', from: '10.0.0.7'});
  const page = await visit(t, '/audit', {before: async (p) => {
    await with_whole_answer(p, 'audit?limit=50', {entries: [entry(3), entry(2)], next: '7'});
    await with_whole_answer(p, 'audit?limit=50&cursor=7', {entries: [entry(1)], next: null});
    await with_whole_answer(p, 'audit?limit=1', {entries: [entry(3)], next: '8'});
  }});
  await page.getByRole('link', {name: 'Audit'}).waitFor();
  await eventually(async () => assert.equal(await page.locator('#entries tr').count(), 2));
  await page.getByRole('button', {name: 'Older actions'}).click();
  await eventually(async () => assert.deepEqual(
    await texts(page.locator('#entries td[data-label="On"]')), ['lab-3', 'lab-2', 'lab-1']));
  assert.equal(await page.getByRole('button', {name: 'Older actions'}).isVisible(), false);
  await assert_accessible(page);
  await picture(page, 'audit');
});
