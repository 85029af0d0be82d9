// A real Chromium at the pages of a running master that has an agent with python3.
// DOCKET_OPS_URL is the master's operations address; DOCKET_SCREENSHOTS a folder for pictures.

import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {after, afterEach, before as before_all} from 'node:test';
import axe from 'axe-core';
import {chromium} from 'playwright-core';

export const kBase = (process.env.DOCKET_OPS_URL ?? '').replace(/\/+$/, '');
export const kWide = {width: 1280, height: 900};
export const kPhone = {width: 360, height: 780};
const kPictures = process.env.DOCKET_SCREENSHOTS ?? '';
const kPatienceMs = 15_000;

if (kBase === '') throw new Error('DOCKET_OPS_URL is not set: the address of a running master');

let browser;
let complaints = [];  // of the pages: errors, refused scripts, requests to strangers

// What the browser and every test of a file need; `prepare` comes once, behind the browser.
export function use_browser(prepare = async () => {}) {
  before_all(async () => {
    if (kPictures !== '') mkdirSync(kPictures, {recursive: true});
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
    await prepare();
  });
  after(async () => {
    await browser?.close();
  });
  afterEach(() => {
    const seen = complaints;
    complaints = [];
    assert.deepEqual(seen, [], 'the page complains');
  });
}

export async function python_is_there() {
  await eventually(async () => {
    const {languages} = await api('status');
    assert.ok(languages.some(({id}) => id === 'python3'), 'no agent offers python3');
  });
}

export const sum_of_lines = () => run({
  sourcecode: '# A sum.\nimport sys\n\nprint(sum(int(line) for line in sys.stdin))\n',
  sourcefilename: 'sum.py', input: '1\n2\n3\n', parameters: {cputime: 3},
});

export async function api(resource) {
  const response = await fetch(`${kBase}/api/v1/${resource}`);
  assert.equal(response.status, 200, resource);
  return response.json();
}

export async function post_run(run_spec, headers = {}) {
  return fetch(`${kBase}/jobe/index.php/restapi/runs`, {
    method: 'POST',
    headers: {'Content-Type': 'application/json', ...headers},
    body: JSON.stringify({run_spec: {language_id: 'python3', ...run_spec}}),
  });
}

// Runs it to its end; the id of the job.
export async function run(run_spec, headers = {}) {
  const response = await post_run(run_spec, {...headers, Prefer: 'respond-async'});
  assert.equal(response.status, 202);
  const id = await response.json();
  await eventually(async () => assert.notEqual((await api(`jobs/${id}`)).finished, null));
  return id;
}

export async function eventually(check) {
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
    // Pages ask whether there is what only some masters have.
    if (/\/api\/v1\/(session|history|audit)(\?|$)/.test(message.location().url)) return;
    if (!may_fail.test(message.text())) complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`asked ${request.url()}`);
  });
}

// Opens a page of its own for one test and closes it behind it.
export async function visit(t, path,
  {base = kBase, may_fail = /^$/, before = async () => {}, ...options} = {}) {
  const context = await browser.newContext({viewport: kWide, ...options});
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(kPatienceMs);
  watch(page, new URL(base).origin, may_fail);
  await before(page);
  await page.goto(base + path);
  return page;
}

// Once its scripts have taken it over, unless told not to wait for them.
export const overview = async (t, {wait = true, ...options} = {}) => {
  const page = await visit(t, '/', options);
  if (!wait) return page;
  await page.locator('#light:not([data-level="unknown"])').waitFor();
  await page.locator('#jobs[data-taken] tr').first().waitFor();
  return page;
};

export const job_page = async (t, id, options) => {
  const page = await visit(t, `/jobs/${id}`, options);
  await page.locator('#job').waitFor();
  return page;
};

export async function picture(page, name) {
  if (kPictures === '') return;
  await page.screenshot({path: join(kPictures, `${name}.png`), fullPage: true});
}

export async function assert_accessible(page) {
  await page.evaluate(axe.source);
  const {violations} = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  const told = violations.map(({id, nodes}) => `${id}: ${nodes.map((n) => n.html).join(' | ')}`);
  assert.deepEqual(told, []);
}

export async function assert_fits(page) {
  const [needed, there] = await page.evaluate(
    () => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(needed <= there, `the page is ${needed} wide in a window of ${there}`);
}

export const texts = (locator) => locator.allTextContents();
export const number_in = (text) => Number(text.replace(/[^0-9]/g, ''));

// Lets the page see `change` in each answer of `resource`.
export async function with_answer(page, resource, change) {
  await page.route(`**/api/v1/${resource}`, async (route) => {
    const headers = {...route.request().headers(), 'if-none-match': ''};
    const response = await route.fetch({headers});
    const answer = response.ok() ? await response.json() : {};
    await route.fulfill({status: 200, json: {...answer, ...change}});
  });
}

// Makes the page see an answer of a resource that may not exist here.
export const with_whole_answer = (page, resource, json) =>
  page.route(`**/api/v1/${resource}`, (route) => route.fulfill({status: 200, json}));

// The page's dialog, confirmed; `fields` by label.
export async function confirm(page, action, fields = {}) {
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label).fill(value);
  await dialog.getByRole('button', {name: action}).click();
  await dialog.waitFor({state: 'hidden'});
}
