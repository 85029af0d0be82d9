// Every page in every look: colours, widths, without scripts, below a prefix, with hostile data.

import assert from 'node:assert/strict';
import {createServer, request as http_request} from 'node:http';
import {test} from 'node:test';
import {
  api, assert_accessible, assert_fits, job_page, kBase, kPhone, kWide, overview, picture,
  python_is_there, run, sum_of_lines, use_browser, visit,
} from './harness.mjs';

const kPages = ['/', '/jobs', '/run', '/files', '/keys'];

let sample;

use_browser(async () => {
  await python_is_there();
  sample = await sum_of_lines();
});

for (const colorScheme of ['light', 'dark']) {
  for (const [width, viewport] of Object.entries({wide: kWide, phone: kPhone})) {
    test(`every page is accessible and fits: ${colorScheme}, ${width}`, async (t) => {
      for (const path of [...kPages, `/jobs/${sample}`]) {
        const page = await visit(t, path, {colorScheme, viewport});
        await page.locator('#version', {hasText: /Docket \d/}).waitFor();
        await page.evaluate(() => document.fonts.ready);
        await assert_fits(page);
        await assert_accessible(page);
        const name = path === '/' ? 'overview' : path.startsWith('/jobs/') ? 'job' : path.slice(1);
        await picture(page, `${name}-${colorScheme}-${width}`);
        await page.context().close();
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
  for (const name of ['Jobs', 'Run', 'Files', 'Keys', 'Overview']) {
    await page.getByRole('link', {name, exact: true}).click();
    await page.waitForURL(`${base}/${name === 'Overview' ? '' : name.toLowerCase()}`);
    await page.locator('#version', {hasText: /Docket \d/}).waitFor();
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

test('hostile data of every kind is text on every page', async (t) => {
  const attack = '"><img src=x onerror="window.broken=1"><script>window.broken=1</script>{{jobs}}';
  const job = (await api(`jobs/${sample}`));
  const page = await visit(t, '/', {before: async (p) => {
    const answers = {
      status: async () => ({...await api('status'), summary: attack, refused: 1, version: attack,
        last_refusal: attack, last_refused: job.received}),
      agents: async () => ({agents: (await api('agents')).agents.map((agent) => ({...agent,
        name: attack, reason: attack, version: attack, tags: [attack],
        languages: [{id: attack, version: attack}]}))}),
      jobs: async () => ({next: null, jobs: [{...job, agent: attack, key: attack, language: attack,
        outcome_name: attack, client_job: attack}]}),
      keys: async () => ({keys: [{name: attack, hourly_rate: 0, max_queued: 0, weight: 1,
        priority: attack, may_async: true, require_tags: [attack], created: job.received}]}),
      files: async () => ({count: 1, bytes: 1, needed_bytes: 0, max_bytes: 2,
        files: [{id: attack, bytes: 1, used: job.received, needed: false}]}),
      audit: async () => ({next: null, entries: [{at: job.received, who: attack, what: attack,
        on: attack, why: attack, from: attack}]}),
    };
    await p.route(/\/api\/v1\/(status|agents|jobs|keys|files|audit)(\?.*)?$/, async (route) => {
      const name = new URL(route.request().url()).pathname.split('/').at(-1);
      await route.fulfill({status: 200, json: await answers[name]()});
    });
  }});
  for (const path of [...kPages, '/audit']) {
    if (path !== '/') await page.goto(kBase + path);
    await page.locator('#version', {hasText: 'onerror'}).waitFor();
    await page.getByText(attack).first().waitFor({state: 'attached'});
    assert.equal(await page.locator('main :is(img, script)').count(), 0, path);
    assert.equal(await page.evaluate(() => window.broken), undefined, path);
    await assert_accessible(page);
  }
});

test('no file of the page can turn text into markup', async () => {
  const sinks = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|srcdoc/;
  const page = await (await fetch(`${kBase}/`)).text();
  const files = new Set(['job.js', 'jobs.js', 'run.js', 'files.js', 'keys.js', 'audit.js', page.match(/src="(\w+\.js)"/)[1]]);
  for (const name of files) {  // grows by what they import
    const response = await fetch(`${kBase}/${name}`);
    assert.equal(response.status, 200, name);
    const text = await response.text();
    assert.doesNotMatch(text, sinks, name);
    for (const [, imported] of text.matchAll(/from '\.\/([\w.]+)'/g)) files.add(imported);
  }
  assert.ok(files.size > 15);
});

test('every page forbids what it does not need', async () => {
  for (const path of [...kPages, `/jobs/${sample}`]) {
    const {headers} = await fetch(kBase + path);
    const policy = headers.get('content-security-policy');
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  }
});

test('without JavaScript the tables are there, and the filters work', async (t) => {
  const page = await visit(t, '/', {javaScriptEnabled: false});
  assert.match(await page.textContent('#summary'), /sandbox(es)? takes? work/);
  const {agents} = await api('agents');
  assert.equal(await page.locator('#agents tr').count(), agents.length);
  assert.match(await page.locator('#agents tr').first().textContent(), /active.*python3/s);
  await page.locator(`#jobs a[title="${sample}"]`).waitFor();
  await picture(page, 'overview-no-script');
  await page.getByRole('link', {name: 'Jobs', exact: true}).click();
  await page.getByLabel('State').selectOption('done');
  await page.getByLabel('Id or client\'s job').fill(sample.slice(-10));
  await page.getByRole('button', {name: 'Filter'}).click();
  await page.waitForURL(/state=done/);
  assert.equal(await page.locator('#jobs tr').count(), 1);
  assert.match(await page.textContent('#asked'), /^state done, text /);
  const job = await visit(t, `/jobs/${sample}`, {javaScriptEnabled: false});
  assert.match(await job.locator('.note-box').first().textContent(), /needs JavaScript.*docket jobs show/s);
});
