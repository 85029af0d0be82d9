// The status page in a real browser, against a running master with an agent that has python3.
// DOCKET_OPS_URL is the master's operations address; DOCKET_SCREENSHOTS a folder for pictures.

import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {createServer, request as http_request} from 'node:http';
import {join} from 'node:path';
import {after, afterEach, before, test} from 'node:test';
import axe from 'axe-core';
import {chromium} from 'playwright-core';

const kBase = (process.env.DOCKET_OPS_URL ?? '').replace(/\/+$/, '');
const kPictures = process.env.DOCKET_SCREENSHOTS ?? '';
const kPatienceMs = 15_000;
const kWide = {width: 1280, height: 900};
const kPhone = {width: 380, height: 800};

if (kBase === '') throw new Error('DOCKET_OPS_URL is not set: the address of a running master');

let browser;
let complaints = [];  // of the pages: errors, refused scripts, requests to strangers
let sample;           // a finished run

before(async () => {
  if (kPictures !== '') mkdirSync(kPictures, {recursive: true});
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  await eventually(async () => {
    const {languages} = await api('status');
    assert.ok(languages.some(({id}) => id === 'python3'), 'no agent offers python3');
  });
  sample = await run({
    sourcecode: '# A sum.\nimport sys\n\nprint(sum(int(line) for line in sys.stdin))\n',
    sourcefilename: 'sum.py', input: '1\n2\n3\n', parameters: {cputime: 3},
  });
});

after(async () => {
  await browser?.close();
});

afterEach(() => {
  const seen = complaints;
  complaints = [];
  assert.deepEqual(seen, [], 'the page complains');
});

// ---- helpers

async function api(resource) {
  const response = await fetch(`${kBase}/api/v1/${resource}`);
  assert.equal(response.status, 200, resource);
  return response.json();
}

async function post_run(run_spec, headers = {}) {
  return fetch(`${kBase}/jobe/index.php/restapi/runs`, {
    method: 'POST',
    headers: {'Content-Type': 'application/json', ...headers},
    body: JSON.stringify({run_spec: {language_id: 'python3', ...run_spec}}),
  });
}

// Runs it to its end; the id of the job.
async function run(run_spec, headers = {}) {
  const response = await post_run(run_spec, {...headers, Prefer: 'respond-async'});
  assert.equal(response.status, 202);
  const id = await response.json();
  await eventually(async () => assert.notEqual((await api(`jobs/${id}`)).finished, null));
  return id;
}

async function eventually(check) {
  const give_up = Date.now() + kPatienceMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > give_up) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function watch(page, origin, may_fail) {
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    if (!may_fail.test(message.text())) complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`asked ${request.url()}`);
  });
}

// Opens a page of its own for one test and closes it behind it.
async function visit(t, path, {base = kBase, may_fail = /^$/, ...options} = {}) {
  const context = await browser.newContext({viewport: kWide, ...options});
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(kPatienceMs);
  watch(page, new URL(base).origin, may_fail);
  await page.goto(base + path);
  return page;
}

const overview = async (t, options) => {
  const page = await visit(t, '/', options);
  await page.locator('#light:not([data-level="unknown"])').waitFor();
  await page.locator('#jobs tr').first().waitFor();
  return page;
};

const job_page = async (t, id, options) => {
  const page = await visit(t, `/jobs/${id}`, options);
  await page.locator('#job').waitFor();
  return page;
};

async function picture(page, name) {
  if (kPictures === '') return;
  await page.screenshot({path: join(kPictures, `${name}.png`), fullPage: true});
}

async function assert_accessible(page) {
  await page.evaluate(axe.source);
  const {violations} = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  const told = violations.map(({id, nodes}) => `${id}: ${nodes.map((n) => n.html).join(' | ')}`);
  assert.deepEqual(told, []);
}

async function assert_fits(page) {
  const [needed, there] = await page.evaluate(
    () => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(needed <= there, `the page is ${needed} wide in a window of ${there}`);
}

const texts = (locator) => locator.allTextContents();
const number_in = (text) => Number(text.replace(/[^0-9]/g, ''));

// ---- the overview

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
    const {jobs} = await api('jobs?limit=50');
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

test('the list shows one state when asked to', async (t) => {
  const page = await overview(t);
  const filter = page.getByRole('combobox', {name: 'State'});
  await filter.selectOption('expired');
  await page.getByText('No run is in this state.').waitFor();
  assert.equal(await page.locator('#jobs tr').count(), 0);
  await filter.selectOption('done');
  await page.locator('#jobs tr').first().waitFor();
  const states = await texts(page.locator('#jobs td[data-label="State"]'));
  assert.deepEqual([...new Set(states)], ['done']);
  await filter.selectOption('any');
  await eventually(async () => assert.equal(await page.locator('#jobs tr').count(),
    (await api('jobs?limit=50')).jobs.length));
});

test('the list refreshes by itself', async (t) => {
  const page = await overview(t);
  const id = await run({sourcecode: 'print(1)\n', sourcefilename: 'one.py'});
  await page.locator(`#jobs a[title="${id}"]`).waitFor();
});

test('the box leads to a run', async (t) => {
  const page = await overview(t);
  const box = page.getByLabel('Run id');
  await box.fill('nonsense');
  await box.press('Enter');
  assert.match(await page.textContent('#go-problem'), /26 letters and digits/);
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

// Lets the page see `change` in each answer of `resource`.
async function with_answer(page, resource, change) {
  await page.route(`**/api/v1/${resource}`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({response, json: {...await response.json(), ...change}});
  });
}

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

// ---- the page of a run

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

test('a cancelled run says so and has no outcome', async (t) => {
  const accepted = await post_run(
    {sourcecode: 'import time\ntime.sleep(2.5)\n', sourcefilename: 'nap.py'},
    {Prefer: 'respond-async'});
  const id = await accepted.json();
  const removed = await fetch(`${kBase}/jobe/index.php/restapi/runresults/${id}`,
    {method: 'DELETE'});
  assert.equal(removed.status, 204);
  const list = await overview(t);
  await list.getByRole('combobox', {name: 'State'}).selectOption('cancelled');
  const row = list.locator('#jobs tr', {has: list.locator(`a[title="${id}"]`)});
  assert.equal(await row.locator('td[data-label="State"]').textContent(), 'cancelled');
  assert.equal(await row.locator('td[data-label="Outcome"]').textContent(), '–');
  const page = await job_page(t, id);
  assert.equal(await page.textContent('#verdict'), 'cancelled');
  const steps = await texts(page.locator('#timeline strong'));
  assert.equal(steps.at(-1), 'Cancelled');
  assert.match(await page.textContent('#result'), /this run was cancelled/);
  for (const colorScheme of ['light', 'dark']) {
    for (const [name, looked_at] of [['overview', list], ['job', page]]) {
      await looked_at.emulateMedia({colorScheme});
      await assert_accessible(looked_at);
      await picture(looked_at, `${name}-cancelled-${colorScheme}`);
    }
  }
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

test('a program cannot put markup into the pages', async (t) => {
  const attack = '<img src=x onerror="window.broken=1"><script>window.broken=1</script></pre>';
  const copy = 'import sys\ntext = sys.stdin.read()\nprint(text)\nsys.stderr.write(text)\n';
  const ids = [
    await run({sourcecode: `${copy}# ${attack}\n`, sourcefilename: 'copy.py', input: attack},
      {'X-CodeRunner-Job-Id': '<b onclick="window.broken=1">7</b>'}),
    await run({sourcecode: attack, sourcefilename: 'a b.py', input: ''}),
  ];
  for (const id of ids) {
    const page = await job_page(t, id);
    assert.ok((await page.textContent('#request')).includes(attack));
    assert.equal(await page.locator('main :is(img, script, b)').count(), 0);
    assert.equal(await page.evaluate(() => window.broken), undefined);
  }
  const page = await job_page(t, ids[0]);
  assert.ok((await page.textContent('#result')).includes(attack));
  assert.ok((await page.textContent('#facts')).includes('<b onclick="window.broken=1">7</b>'));
  const named = await job_page(t, ids[1]);
  assert.ok((await named.textContent('#request')).includes('a b.py'));
  await picture(named, 'job-markup');
});

test('no file of the page can turn text into markup', async () => {
  const sinks = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|srcdoc/;
  for (const name of ['app.js', 'common.js', 'job.js', 'timeline.js']) {
    const response = await fetch(`${kBase}/${name}`);
    assert.equal(response.status, 200, name);
    assert.doesNotMatch(await response.text(), sinks, name);
  }
});

// ---- every way of looking at them

for (const colorScheme of ['light', 'dark']) {
  for (const [width, viewport] of Object.entries({wide: kWide, phone: kPhone})) {
    test(`both pages are accessible and fit: ${colorScheme}, ${width}`, async (t) => {
      const options = {colorScheme, viewport};
      for (const [name, page] of [['overview', await overview(t, options)],
                                  ['job', await job_page(t, sample, options)]]) {
        await assert_fits(page);
        await assert_accessible(page);
        await picture(page, `${name}-${colorScheme}-${width}`);
      }
    });
  }
}

test('dark is dark', async (t) => {
  const ground = async (colorScheme) => {
    const page = await overview(t, {colorScheme});
    const color = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    return color.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3;
  };
  assert.ok(await ground('light') > 200);
  assert.ok(await ground('dark') < 55);
});

test('without JavaScript the pages name the command line', async (t) => {
  for (const path of ['/', `/jobs/${sample}`]) {
    const page = await visit(t, path, {javaScriptEnabled: false});
    const note = page.locator('noscript .banner');
    await note.waitFor();
    assert.match(await note.textContent(), /This page needs JavaScript.*docket/s);
  }
});

test('the pages work below a prefix', async (t) => {
  const target = new URL(kBase);
  const proxy = createServer((request, response) => {
    if (!request.url.startsWith('/a/docket/')) return response.writeHead(404).end();
    const path = request.url.slice('/a/docket'.length);
    const onward = http_request(
      {host: target.hostname, port: target.port, path, method: request.method}, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
    onward.on('error', () => response.destroy());
    onward.end();
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => { proxy.closeAllConnections(); proxy.close(); });
  const base = `http://127.0.0.1:${proxy.address().port}/a/docket`;
  const page = await overview(t, {base});
  await page.locator(`#jobs a[title="${sample}"]`).click();
  await page.locator('#verdict', {hasText: 'done ok'}).waitFor();
  await page.getByRole('link', {name: 'All runs'}).click();
  await page.locator('#jobs tr').first().waitFor();
  assert.equal(page.url(), `${base}/`);
});
