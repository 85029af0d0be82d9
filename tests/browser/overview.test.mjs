// The overview: light, cards, charts, agents, latest jobs.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
  api, assert_accessible, assert_fits, eventually, kBase, kPhone, number_in, overview, picture,
  python_is_there, run, sum_of_lines, texts, use_browser, confirm, with_answer, with_whole_answer,
} from './harness.mjs';

let sample;

use_browser(async () => {
  await python_is_there();
  sample = await sum_of_lines();
});

test('the light and the cards show the status', async (t) => {
  const page = await overview(t);
  await eventually(async () => {
    const status = await api('status');
    const level = status.well ? 'Good'
      : status.accepting && status.agents_taking_work > 0 ? 'Attention' : 'Bad';
    assert.equal(await page.textContent('#level'), level);
    assert.equal(await page.textContent('#summary'), status.summary);
    assert.equal(number_in(await page.textContent('#queued')), status.queued);
    assert.equal(number_in(await page.textContent('#running')), status.running);
    assert.equal(number_in(await page.textContent('#slots')), status.slots);
    assert.equal(number_in(await page.textContent('#done')), status.done_per_minute);
    assert.equal(await page.textContent('#version'), `Docket ${status.version}`);
  });
  await picture(page, 'overview-light');
});

test('the agents are listed with their languages', async (t) => {
  const page = await overview(t);
  const {agents} = await api('agents');
  assert.deepEqual(await texts(page.locator('#agents th')), agents.map(({name}) => name));
  for (const [place, agent] of agents.entries()) {
    const row = page.locator('#agents tr').nth(place);
    await eventually(async () => {
      const now = (await api('agents')).agents[place];
      assert.equal(await row.locator('td.state .dotted').textContent(), now.state);
      assert.equal(number_in(await row.locator('td[data-label="Finished"]').textContent()),
        now.finished);
    });
    const languages = await row.locator('td.languages').textContent();
    for (const {id, version} of agent.languages) assert.ok(languages.includes(`${id} ${version}`));
  }
});

test('the latest jobs are listed and lead to their pages', async (t) => {
  const page = await overview(t);
  await eventually(async () => {
    const {jobs} = await api('jobs?limit=20');
    const links = page.locator('#jobs a');
    assert.deepEqual(
      await links.evaluateAll((nodes) => nodes.map((node) => node.title)), jobs.map(({id}) => id));
  });
  const row = page.locator('#jobs tr', {has: page.locator(`a[title="${sample}"]`)});
  assert.equal(await row.locator('td[data-label="State"]').textContent(), 'done');
  assert.equal(await row.locator('td[data-label="Outcome"]').textContent(), 'ok');
  await row.locator('a').click();
  await page.locator('#job').waitFor();
  assert.equal(await page.textContent('#id'), sample);
});

test('the list refreshes by itself', async (t) => {
  const page = await overview(t);
  const id = await run({sourcecode: 'print(1)\n', sourcefilename: 'one.py'});
  await page.locator(`#jobs a[title="${id}"]`).waitFor();
});

test('the box leads to a run', async (t) => {
  const page = await overview(t);
  const box = page.getByLabel('Run id');
  await box.fill('no such');
  await box.press('Enter');
  assert.match(await page.textContent('#go-problem'), /26 letters and digits/);
  assert.equal(page.url(), `${kBase}/`);
  await box.fill(`  ${sample.toUpperCase()} `);
  await box.press('Enter');
  await page.waitForURL(`**/jobs/${sample}`);
  await page.locator('#job').waitFor();
});

test('nothing is asked while the page is hidden', async (t) => {
  const page = await overview(t);
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', {configurable: true, value});
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  let asked = 0;
  await hide(true);
  await page.waitForLoadState('networkidle');
  page.on('request', () => { ++asked; });
  await page.waitForTimeout(2500);
  assert.equal(asked, 0);
  await hide(false);
  await eventually(() => assert.ok(asked > 0));
});

test('runs that were refused or expired are told when there are any', async (t) => {
  const page = await overview(t);
  const notices = page.getByRole('list', {name: 'Runs that had no place'});
  assert.equal(await notices.isVisible(), false);
  const {time} = await api('status');
  const minutes_ago = (n) => new Date(Date.parse(time) - 60_000 * n).toISOString();
  await with_answer(page, 'status', {
    refused: 12, last_refused: minutes_ago(3.2), last_refusal: 'the queue is full: 100000 jobs',
    expired: 3, started: minutes_ago(3 * 1440),
  });
  await notices.waitFor();
  const [refused, expired] = await texts(notices.getByRole('listitem'));
  assert.match(refused,
    /^12 runs refused since \d{4}-\d\d-\d\d \d\d:\d\d, last 3\u00a0min ago: the queue is full: 100000 jobs$/);
  assert.equal(expired, '3 runs expired after waiting too long');
  await assert_accessible(page);
  await picture(page, 'overview-refused');
  await page.emulateMedia({colorScheme: 'dark'});
  await assert_accessible(page);
  await page.setViewportSize(kPhone);
  await assert_fits(page);
  await picture(page, 'overview-refused-dark-phone');
});

test('a master that does not answer is told, and so is its return', async (t) => {
  const page = await overview(t, {may_fail: /Failed to load resource/});
  await page.route('**/api/**', (route) => route.abort());
  const banner = page.getByRole('alert').filter({hasText: 'No answer from the master since'});
  await banner.waitFor();
  assert.match(await banner.textContent(), /since \d\d:\d\d:\d\d\./);
  assert.equal(await page.textContent('#level'), 'Unknown');
  const filter = await page.locator('.fresh').first().evaluate((n) => getComputedStyle(n).filter);
  assert.equal(filter, 'grayscale(1)');
  await assert_accessible(page);
  await picture(page, 'overview-no-answer');
  await page.unroute('**/api/**');
  await banner.waitFor({state: 'hidden'});
  await page.locator('#light:not([data-level="unknown"])').waitFor();
});

test('a part of an id leads to the list of those that have it', async (t) => {
  const page = await overview(t);
  await page.keyboard.press('/');
  await page.keyboard.type(sample.slice(-8));
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/jobs?text=${sample.slice(-8)}`);
  await eventually(async () => assert.deepEqual(
    await page.locator('#jobs a').evaluateAll((nodes) => nodes.map((node) => node.title)), [sample]));
});

// Nothing is known of the first steps, nor of some in the middle but for one.
const is_unknown = (i) => i < 20 || (i >= 200 && i <= 220 && i !== 210);
const wave = (most) => Array.from({length: 360}, (_, i) =>
  is_unknown(i) ? null : Math.round(most * (0.5 + 0.5 * Math.sin(i / 30)) + (i * 7919) % 5));

const kHour = {
  step_seconds: 10, until: '2026-11-23T14:05:10Z',
  series: {arrived: wave(80), done: wave(76), failed: wave(1), waiting: wave(340), busy: wave(12),
    slots: wave(0).map((value) => value === null ? null : 16), oldest_wait_seconds: wave(28)},
};

const chart_of = (page, name) => page.getByRole('img', {name});
const moves_in = async (path) => (await path.getAttribute('d')).match(/M/g).length;

test('the last hour is drawn, and told in words', async (t) => {
  const page = await overview(t, {before: (p) => with_whole_answer(p, 'history', kHour)});
  const chart = chart_of(page, /^waiting: now \d+, at most 34\d at \d\d:\d\d:\d\d$/);
  await chart.waitFor();
  assert.equal(await page.locator('.chart').count(), 4);
  for (const path of await chart.locator('path').all()) {
    assert.doesNotMatch(await path.getAttribute('d'), /NaN|undefined/);
  }
  const line = chart.locator('path.line');
  assert.equal(await moves_in(line), 3);  // broken by what is not known, which is shaded
  assert.equal((await line.getAttribute('d')).match(/h0/g).length, 1);
  assert.equal(await moves_in(chart.locator('path.area')), 3);
  assert.equal(await moves_in(chart.locator('path.unknown')), 3);
  assert.match(await page.textContent('#history-hint'), /^known since \d\d:\d\d:\d\d$/);
  const readout = page.locator('.chart', {has: chart}).locator('.readout');
  await chart.hover({position: {x: 100, y: 40}});
  assert.match(await readout.textContent(), /^\d\d:\d\d:\d\dwaiting \d+$/);
  await chart.hover({position: {x: 2, y: 40}});
  assert.match(await readout.textContent(), /^\d\d:\d\d:\d\dwaiting –$/);
  await page.mouse.move(0, 0);
  for (const [colorScheme, viewport] of [['light', null], ['dark', null], ['light', kPhone]]) {
    await page.emulateMedia({colorScheme});
    if (viewport !== null) await page.setViewportSize(viewport);
    await assert_accessible(page);
    await assert_fits(page);
    await picture(page, `overview-charts-${colorScheme}${viewport === null ? '' : '-phone'}`);
  }
});

test('the last hour is a table as well', async (t) => {
  const page = await overview(t, {before: (p) => with_whole_answer(p, 'history', kHour)});
  await page.getByText('The last hour as a table').click();
  const rows = page.locator('#history-rows tr');
  await eventually(async () => assert.equal(await rows.count(), 12));
  const column = async (label) =>
    (await texts(page.locator(`#history-rows td[data-label="${label}"]`))).map(number_in);
  const known = (name) => kHour.series[name].filter((value) => value !== null);
  assert.equal((await column('Arrived')).reduce((sum, n) => sum + n),
    known('arrived').reduce((sum, n) => sum + n));
  assert.equal(Math.max(...await column('Most waiting')), Math.max(...known('waiting')));
  assert.deepEqual([...new Set(await column('Slots'))], [16]);
  await assert_accessible(page);
  await picture(page, 'overview-table');
  await page.setViewportSize(kPhone);
  await assert_fits(page);
});

test('the last hour survives a reload', async (t) => {
  await eventually(async () => {
    const {series} = await api('history');
    assert.ok(series.arrived.some((count) => count > 0), 'no step with a run has ended yet');
  });
  const page = await overview(t);
  const chart = chart_of(page, /^arrived: now \d+, at most [1-9]\d* at /);
  await chart.waitFor();
  const most = async () => (await chart.getAttribute('aria-label')).match(/^arrived: now \d+, (.*?);/)[1];
  const before = await most();
  await page.reload();
  await chart.waitFor();
  assert.equal(await most(), before);
});

test('an hour of which nothing is known yet says so', async (t) => {
  const nothing = Object.fromEntries(
    Object.keys(kHour.series).map((name) => [name, Array(360).fill(null)]));
  const page = await overview(t,
    {before: (p) => with_whole_answer(p, 'history', {...kHour, series: nothing})});
  await chart_of(page, 'waiting: not known').waitFor();
  assert.match(await page.textContent('#history-hint'), /first figures come/);
  await assert_accessible(page);
  await picture(page, 'overview-no-history');
});

test('what failed and how long runs wait and take has its cards', async (t) => {
  const page = await overview(t, {before: (p) => with_answer(p, 'status',
    {wait_p95_seconds: 0.25, run_p95_seconds: 3.5, failed_per_minute: 2})});
  await page.locator('#failed', {hasText: '2 failed'}).waitFor();
  assert.equal(await page.textContent('#wait-p95'), '250\u00a0ms');
  assert.equal(await page.textContent('#run-p95'), '3.50\u00a0s');
  await assert_accessible(page);
  await with_answer(page, 'status',
    {wait_p95_seconds: null, run_p95_seconds: null, failed_per_minute: 0});
  await page.locator('#failed', {hasText: 'none failed'}).waitFor();
  assert.equal(await page.textContent('#wait-p95'), '–');
  assert.equal(await page.textContent('#wait-p95-note'), 'no run ended lately');
});

// Twenty hosts in every state, with tags, weights and odd names.
function many_agents([model]) {
  const states = ['active', 'active', 'active', 'suspect', 'quarantined', 'probing', 'cordoned',
    'draining', 'drained', 'lost', 'left', 'active'];
  const reasons = {quarantined: 'runguard cannot start `sh\': Resource temporarily unavailable',
    cordoned: 'slow disk', draining: 'kernel upgrade', drained: 'kernel upgrade',
    lost: 'silent', probing: 'python3 is tried'};
  return states.map((state, n) => ({
    ...model, name: `lab-${String(n + 1).padStart(2, '0')}`, state, reason: reasons[state] ?? '',
    weight: n === 2 ? 1.5 : 1, tags: n % 3 === 0 ? ['exam', 'big'] : [], running: n % 3,
    host_faults: n === 4 ? 17 : 0, finished: 1000 * n,
    languages: n === 1 ? [...model.languages.slice(0, 2), {id: 'python3', version: '3.13.0'}] : model.languages,
    version: n === 3 ? '0.0.9' : model.version,
    host: model.host && {...model.host, clock_offset_ms: n === 5 ? -3500 : 12},
  }));
}

test('agents in every state are told apart, and odd versions are marked', async (t) => {
  const {agents} = await api('agents');
  const page = await overview(t, {before: (p) => with_answer(p, 'agents', {agents: many_agents(agents)})});
  const row = (name) => page.locator('#agents tr', {hasText: name});
  await row('lab-05').waitFor();
  assert.match(await row('lab-05').textContent(), /quarantined.*runguard cannot start.*17 · 0.4\u00a0%/);
  assert.match(await row('lab-03').textContent(), /× 1.5/);
  assert.match(await row('lab-04').textContent(), /differs/);
  assert.match(await page.textContent('#agents-hint'), /versions differ.*python3 \(3\.\d+\.\d+, 3\.13\.0\)/);
  assert.deepEqual(await texts(page.locator('#agents .differs')),
    ['python3 3.13.0 (differs from other agents)']);
  await row('lab-01').getByText('8 languages').click();
  await row('lab-01').getByText('pascal').waitFor();
  await row('lab-01').getByText('8 languages').click();
  assert.equal(await row('lab-01').getByRole('button', {name: 'Drain lab-01'}).count(), 1);
  assert.equal(await row('lab-08').getByRole('button', {name: 'Resume lab-08'}).count(), 1);
  assert.equal(await row('lab-10').getByRole('button', {name: 'Remove lab-10'}).count(), 1);
  assert.equal(await row('lab-09').getByRole('button', {name: 'Remove lab-09'}).count(), 1);
  assert.equal(await row('lab-01').locator('td[data-label="Clock"]').textContent(), 'right');
  assert.equal(await row('lab-06').locator('td[data-label="Clock"].warned').textContent(), '3.50\u00a0s slow');
  for (const [colorScheme, viewport] of [['light', null], ['dark', null], ['dark', kPhone]]) {
    await page.emulateMedia({colorScheme});
    if (viewport !== null) await page.setViewportSize(viewport);
    await assert_accessible(page);
    await assert_fits(page);
    await picture(page, `agents-${colorScheme}${viewport === null ? '' : '-phone'}`);
  }
});

test('an agent is drained with a reason and let in again, from the keyboard', async (t) => {
  const page = await overview(t);
  const [{name}] = (await api('agents')).agents;
  const row = page.locator('#agents tr', {hasText: name});
  await row.getByRole('button', {name: `Drain ${name}`}).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', {name: `Drain ${name}?`});
  await dialog.waitFor();
  await assert_accessible(page);
  await picture(page, 'dialog-drain');
  await page.keyboard.press('Escape');
  await dialog.waitFor({state: 'hidden'});
  assert.equal((await api('agents')).agents[0].state, 'active');
  await row.getByRole('button', {name: `Drain ${name}`}).click();
  await confirm(page, 'Drain', {'Why: shown to whoever wonders': 'a <b>test</b>'});
  await row.getByText('a <b>test</b>').waitFor();
  assert.match((await api('agents')).agents[0].state, /^drain/);
  await row.getByRole('button', {name: `Resume ${name}`}).click();
  await confirm(page, 'Resume');
  await row.getByRole('button', {name: `Drain ${name}`}).waitFor();
  assert.equal((await api('agents')).agents[0].state, 'active');
});

test('a host that awaits approval is shown with its fingerprint, and approved by it', async (t) => {
  const fingerprint = '0a1b-2c3d-4e5f-6071-8293-a4b5-c6d7-e8f9';
  const awaiting = [{name: 'lab-<b>7', fingerprint, since: '2026-11-23T10:00:00.000Z'}];
  const link = await api('link');
  const page = await overview(t, {before: (p) => with_whole_answer(p, 'link', {...link, awaiting})});
  const item = page.locator('#awaiting li');
  await item.getByText('lab-<b>7').waitFor();
  assert.match(await item.textContent(), new RegExp(fingerprint));
  await assert_accessible(page);
  await picture(page, 'awaiting');
  let asked = null;
  await page.route('**/approve', (route) => {
    asked = route.request().url();
    return route.fulfill({status: 204});
  });
  await item.getByRole('button', {name: 'Approve lab-<b>7'}).click();
  await page.getByRole('dialog').getByText(fingerprint).waitFor();
  await confirm(page, 'Approve');
  assert.match(asked, new RegExp(`/api/v1/agents/${fingerprint}/approve$`));
});

test('what the master refuses is told in the question, which stays', async (t) => {
  const page = await overview(t, {may_fail: /409/});
  const [{name}] = (await api('agents')).agents;
  await page.route('**/drain', (route) => route.fulfill({status: 409, json: {error: 'not <i>now</i>'}}));
  await page.getByRole('button', {name: `Drain ${name}`}).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Why: shown to whoever wonders').fill('x');
  await dialog.getByRole('button', {name: 'Drain'}).click();
  await dialog.getByRole('alert').filter({hasText: 'not <i>now</i>'}).waitFor();
  await dialog.getByRole('button', {name: 'Leave it'}).click();
  await dialog.waitFor({state: 'hidden'});
});

test('who may only read is shown nothing to do', async (t) => {
  const page = await overview(t,
    {before: (p) => with_whole_answer(p, 'session', {name: 'ann', role: 'read', source: false})});
  await page.locator('#session', {hasText: 'ann'}).waitFor();
  assert.equal(await page.locator('[data-needs]:visible').count(), 0);
  await assert_accessible(page);
});

test('who is not known is asked for a token', async (t) => {
  const page = await overview(t, {may_fail: /401/, wait: false, before: async (p) => {
    await p.route('**/api/v1/session', (route) => route.fulfill(
      route.request().method() === 'GET' ? {status: 401, json: {error: 'log in'}}
        : {status: 403, json: {error: 'this token is not known'}}));
  }});
  await page.getByLabel('Token').fill('guess');
  await page.getByLabel('Token').press('Enter');
  await page.getByRole('alert').filter({hasText: 'this token is not known'}).waitFor();
  await assert_accessible(page);
  await picture(page, 'login');
});
