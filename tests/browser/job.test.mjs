// The page of one run.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
  api, assert_accessible, confirm, job_page, kBase, overview, picture, post_run, python_is_there,
  run, sum_of_lines, texts, use_browser, visit, with_answer, with_whole_answer,
} from './harness.mjs';

let sample;

use_browser(async () => {
  await python_is_there();
  sample = await sum_of_lines();
});

test('a run has its facts, timeline, attempts, request and result', async (t) => {
  const page = await job_page(t, sample);
  const job = await api(`jobs/${sample}`);
  const facts = await page.textContent('#facts');
  for (const text of [job.agent, 'python3', job.timeline[0].language_version, 'HTTP 200']) {
    assert.ok(facts.includes(text), `${text} in ${facts}`);
  }
  assert.equal(await page.textContent('#verdict'), 'done ok');
  assert.deepEqual(await texts(page.locator('#timeline strong')),
    ['Received', 'Waited', `Attempt 1 on ${job.agent}`, 'Finished']);
  assert.ok(await page.locator('#timeline .bar.run').isVisible());
  assert.equal(await page.locator('#attempts tr').count(), job.attempts);
  const shown = (title) => page.getByRole('group', {name: title}).locator('.content').textContent();
  assert.equal(await shown('Source code'), job.run_spec.sourcecode);
  assert.equal(await shown('Standard input'), '1\n2\n3\n');
  assert.equal(await shown('Standard output'), '6\n');
  assert.match(await page.textContent('#request'), /sum\.py.*Parameters.*cputime/s);
  await picture(page, 'job-light');
});

test('a run that is not over refreshes until it is', async (t) => {
  const answer = await post_run(
    {sourcecode: 'import time\ntime.sleep(2.5)\nprint("slept")\n', sourcefilename: 'nap.py'},
    {Prefer: 'respond-async'});
  const id = await answer.json();
  const page = await job_page(t, id);
  assert.match(await page.textContent('#verdict'), /^(queued|running)$/);
  await picture(page, 'job-running');
  await page.locator('#verdict', {hasText: 'done ok'}).waitFor();
  assert.match(await page.textContent('#result'), /slept/);
});

test('the key of a run is told', async (t) => {
  const page = await job_page(t, sample);
  assert.doesNotMatch(await page.textContent('#facts'), /API key/);
  await with_answer(page, `jobs/${sample}`, {key: 'moodle-<b>1</b>'});
  await page.reload();
  await page.locator('#facts', {hasText: 'API key' + 'moodle-<b>1</b>'}).waitFor();
});

test('a long text is cut until all of it is asked for', async (t) => {
  const input = 'a line of text\n'.repeat(20_000);
  const id = await run({sourcecode: 'print(1)\n', sourcefilename: 'one.py', input});
  const page = await job_page(t, id);
  const shown = page.getByRole('group', {name: 'Standard input'}).locator('.content');
  assert.ok((await shown.textContent()).length < input.length);
  await page.locator('#request').getByRole('button', {name: 'Show all 300.0 kB'}).click();
  assert.equal(await shown.textContent(), input);
});

test('an unknown run says so', async (t) => {
  for (const id of ['0'.repeat(26), 'nonsense']) {
    const page = await visit(t, `/jobs/${id}`, {may_fail: /Failed to load resource.*404/});
    await page.locator('#verdict', {hasText: 'This run is not known'}).waitFor();
    assert.equal(await page.textContent('#id'), id);
    assert.equal(await page.locator('#job').isVisible(), false);
  }
});

test('a cancelled run says so and has no outcome', async (t) => {
  const accepted = await post_run(
    {sourcecode: 'import time\ntime.sleep(2.5)\n', sourcefilename: 'nap.py'},
    {Prefer: 'respond-async'});
  const id = await accepted.json();
  const removed = await fetch(`${kBase}/jobe/index.php/restapi/runresults/${id}`,
    {method: 'DELETE'});
  assert.equal(removed.status, 204);
  const list = await visit(t, '/jobs?state=cancelled');
  const row = list.locator('#jobs tr', {has: list.locator(`a[title="${id}"]`)});
  assert.equal(await row.locator('td[data-label="State"]').textContent(), 'cancelled');
  assert.equal(await row.locator('td[data-label="Outcome"]').textContent(), '–');
  const page = await job_page(t, id);
  assert.equal(await page.textContent('#verdict'), 'cancelled');
  const steps = await texts(page.locator('#timeline strong'));
  assert.equal(steps.at(-1), 'Cancelled');
  assert.match(await page.textContent('#result'), /this run was cancelled/);
  for (const colorScheme of ['light', 'dark']) {
    for (const [name, looked_at] of [['jobs', list], ['job', page]]) {
      await looked_at.emulateMedia({colorScheme});
      await assert_accessible(looked_at);
      await picture(looked_at, `${name}-cancelled-${colorScheme}`);
    }
  }
});

test('a run is cancelled from its page, and run again', async (t) => {
  const accepted = await post_run(
    {sourcecode: 'import time\ntime.sleep(4)\nprint("slept")\n', sourcefilename: 'nap.py'},
    {Prefer: 'respond-async', 'X-CodeRunner-Job-Id': 'quiz-77'});
  const page = await job_page(t, await accepted.json());
  assert.equal(await page.getByRole('button', {name: 'Run again'}).isVisible(), false);
  await page.getByRole('button', {name: 'Cancel', exact: true}).click();
  await picture(page, 'dialog-cancel');
  await confirm(page, 'Cancel the run');
  await page.locator('#verdict', {hasText: 'cancelled'}).waitFor();
  assert.equal(await page.getByRole('button', {name: 'Cancel', exact: true}).isVisible(), false);
  const first = page.url();
  await page.getByRole('button', {name: 'Run again'}).click();
  await confirm(page, 'Run again');
  await page.waitForURL((url) => String(url) !== first);
  await page.locator('#verdict', {hasText: 'done ok'}).waitFor();
  assert.match(await page.textContent('#result'), /slept/);
  assert.match(await page.textContent('#facts'), /quiz-77/);
});

const kWhy = {
  state: 'queued', language: 'python3', key: 'moodle', priority: 'normal',
  summary: 'At most 13 runs begin before it, if no others come.', retry_in_ms: 400,
  gives_up_in_ms: 540_000,
  ahead: [{key: 'exams', jobs: 12, by_priority: true}, {key: '', jobs: 1, by_priority: false}],
  hosts: [
    {name: 'lab-1', state: 'active', since: null, obstacle: 'full', reason: 'full: 4 of 4 slots'},
    {name: 'lab-2', state: 'quarantined', since: null, obstacle: 'quarantined',
      reason: 'runguard <b>cannot</b> start'},
  ],
  history: [],
};

test('a queued run says why it waits, host by host', async (t) => {
  const page = await job_page(t, sample, {before: async (p) => {
    await with_answer(p, `jobs/${sample}`, {state: 'queued', finished: null, result: null, timeline: [],
      outcome: null, agent: null});
    await with_whole_answer(p, `jobs/${sample}/why`, {id: sample, ...kWhy});
  }});
  await page.getByRole('heading', {name: 'Why it waits'}).waitFor();
  assert.match(await page.textContent('#why-summary'), /^At most 13 runs .* tried again in 400\u00a0ms\. It gives up waiting in 9\u00a0min\.$/);
  assert.deepEqual(await texts(page.locator('#why-ahead li')),
    ['12 runs of exams by priority', '1 run without a key']);
  assert.match(await page.locator('#why-hosts tr').nth(1).textContent(), /lab-2quarantinedrunguard <b>cannot<\/b> start/);
  await assert_accessible(page);
  await picture(page, 'job-queued');
});
