// Asking the master and telling it what to do; the banner that says when it does not answer.

import {by_id, clock, set_text} from './common.js';

const kAnswerMs = 5000;  // after so long without an answer there is none
const kKnownAnswers = 20;

// All modules stand at the root of the site, whatever prefix it has.
const kRoot = new URL('.', import.meta.url);

export const address = (path) => new URL(path, kRoot).href;

// The master answered, and the answer is no.
export class Refusal extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

// Jobe's API refuses with a JSON string, the master's own with {"error": text}.
async function answer_of(response) {
  const text = await response.text();
  let answer = null;
  try {
    answer = text === '' ? null : JSON.parse(text);
  } catch (error) {
    if (response.ok) throw error;
  }
  if (response.ok) return answer;
  const told = typeof answer === 'string' ? answer : answer?.error;
  throw new Refusal(response.status, String(told || `HTTP ${response.status}`));
}

const known = new Map();  // by address: {tag, answer}, so that what has not changed is not sent

// Throws Refusal, or any other error when no usable answer came.
export async function ask(path) {
  const url = address(`api/v1/${path}`);
  const seen = known.get(url);
  const response = await fetch(url, {
    cache: 'no-store',
    headers: seen === undefined ? {} : {'If-None-Match': seen.tag},
    signal: AbortSignal.timeout(kAnswerMs),
  });
  if (response.status === 304) return seen.answer;
  const answer = await answer_of(response);
  if (known.size >= kKnownAnswers) known.clear();
  const tag = response.headers.get('ETag');
  if (tag !== null) known.set(url, {tag, answer});
  return answer;
}

// The answer of what only newer masters have, or null.
export async function ask_if_there(path) {
  try {
    return await ask(path);
  } catch (error) {
    if (error instanceof Refusal && (error.status === 404 || error.status === 403)) return null;
    throw error;
  }
}

// A command: method, path below the root, a body that becomes JSON. Throws as ask() does.
export async function tell(method, path, body = undefined, {headers = {}, wait_ms = 60_000} = {}) {
  const response = await fetch(address(path), {
    method,
    headers: body === undefined ? headers : {'Content-Type': 'application/json', ...headers},
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(wait_ms),
  });
  return answer_of(response);
}

// Says what is wrong with what the page shows, above it.
class Banner {
  constructor(node) {
    this.node = node;
    this.answered = new Date();
  }

  clear() {
    this.answered = new Date();
    this.show('');
    document.body.classList.remove('stale');
  }

  warn(text) {
    this.clear();
    this.show(text);
  }

  no_answer(what) {
    this.show(`No answer from the master since ${clock(this.answered)}. ${what}`);
    document.body.classList.add('stale');
  }

  // What went wrong while asking; `meanwhile` is what the page does about it.
  tell(error, meanwhile) {
    if (error instanceof Refusal) this.warn(`The master has a problem: ${error.message}`);
    else this.no_answer(meanwhile);
  }

  show(text) {
    set_text(this.node, text);
    this.node.hidden = text === '';
  }
}

export const banner = new Banner(by_id('banner'));

// Calls `tick` again and again while the page can be seen, until it returns false. The pause is at
// least ten times as long as the tick took: a master that is busy is not asked more often for it.
// What it throws is a fault of the page; the banner says so, because the page may be out of date.
// Returns a function that makes the next call come at once.
export function repeat(tick, pause_ms) {
  let timer = null;
  let busy = false;
  let again = false;
  let over = false;
  const run = async () => {
    timer = null;
    if (document.hidden || over) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    const started = performance.now();
    try {
      over = (await tick()) === false;
    } catch (error) {
      console.error(error);
      banner.warn(`This page has a fault and may be out of date: ${error.message}`);
    }
    busy = false;
    const pause = again ? 0 : Math.max(pause_ms, 10 * (performance.now() - started));
    again = false;
    timer = setTimeout(run, pause);
  };
  const now = () => {
    clearTimeout(timer);
    over = false;
    return run();
  };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && timer === null && !busy) run();
  });
  run();
  return now;
}
