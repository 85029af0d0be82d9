// Ten thousand jobs in the list: a host that takes nothing, so that all of them wait.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
  api, assert_accessible, assert_fits, eventually, kBase, kPhone, overview, picture, post_run,
  python_is_there, texts, use_browser, visit,
} from './harness.mjs';

const kJobs = 10_000;
const kAtOnce = 50;
const kListed = 100;

use_browser(async () => {
  await python_is_there();
  const [{name}] = (await api('agents')).agents;
  const held = await fetch(`${kBase}/api/v1/agents/${name}/cordon`, {method: 'POST',
    headers: {'Content-Type': 'application/json'}, body: '{"reason":"full house"}'});
  assert.equal(held.status, 204);
  let next = 0;
  await Promise.all(Array.from({length: kAtOnce}, async () => {
    while (next < kJobs) {
      const number = next++;
      const answer = await post_run({sourcecode: `print(${number})`, sourcefilename: 'a.py'},
        {Prefer: 'respond-async', 'X-CodeRunner-Job-Id': `attempt-${number}`});
      assert.equal(answer.status, 202);
      await answer.text();
    }
  }));
});

test('all pages of the list together have each job once, newest first', async () => {
  const ids = [];
  for (let cursor = ''; cursor !== null;) {
    const {jobs, next} = await api(`jobs?state=queued&limit=1000&cursor=${cursor}`);
    ids.push(...jobs.map(({id}) => id));
    cursor = next;
  }
  assert.equal(ids.length, kJobs);
  assert.deepEqual(ids, [...new Set(ids)].sort().reverse());
});

test('the list pages to older jobs and back', async (t) => {
  const page = await visit(t, '/jobs?state=queued');
  const ids = () => page.locator('#jobs a').evaluateAll((nodes) => nodes.map(({title}) => title));
  const seen = new Set();
  for (let pages = 1; pages <= 4; ++pages) {
    await page.locator('#jobs[data-taken]').waitFor();
    await eventually(async () => assert.equal((await ids()).length, kListed));
    for (const id of await ids()) seen.add(id);
    assert.equal(seen.size, pages * kListed);
    await page.getByRole('link', {name: 'Older jobs'}).click();
    await page.waitForURL(/state=queued&cursor=/);
  }
  await page.getByRole('link', {name: 'Newest jobs'}).click();
  await page.waitForURL(/jobs\?state=queued$/);
  await eventually(async () => assert.ok((await ids()).every((id) => seen.has(id))));
  await assert_accessible(page);
  await picture(page, 'jobs-ten-thousand');
  await page.setViewportSize(kPhone);
  await assert_fits(page);
});

test('one of ten thousand is found by its client\'s id, and says why it waits', async (t) => {
  const page = await visit(t, '/jobs?text=attempt-4711');
  await page.locator('#jobs[data-taken]').waitFor();
  await eventually(async () => assert.equal(await page.locator('#jobs tr').count(), 1));
  await page.locator('#jobs a').click();
  await page.getByRole('heading', {name: 'Why it waits'}).waitFor();
  assert.match(await page.textContent('#why-hosts'), /full house/);
  await picture(page, 'job-why');
});

test('the overview stays what it is', async (t) => {
  const page = await overview(t);
  await eventually(async () => assert.equal(await page.textContent('#queued'), '10,000'));
  assert.equal((await texts(page.locator('#jobs td[data-label="State"]'))).length, 20);
});
