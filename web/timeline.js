// A job's life as a list of steps with bars on one scale: received, waiting, each attempt, the end.

import {clock, dotted, duration, element, has_outcome, outcome_kind} from './common.js';

const kNarrowest = 0.4;  // percent; a bar is to be seen however short it is

// What happened, in order: {kind, from, to, attempt}, times in ms; `to` is null while it lasts.
export function steps_of(job) {
  const received = Date.parse(job.received);
  const finished = job.finished === null ? null : Date.parse(job.finished);
  const steps = [{kind: 'received', from: received, to: received}];
  let free_from = received;  // when the job came to wait
  const attempts = job.timeline.toSorted((a, b) => Date.parse(a.assigned) - Date.parse(b.assigned));
  for (const attempt of attempts) {
    const from = Date.parse(attempt.assigned);
    const to = attempt.ended === null ? null : Date.parse(attempt.ended);
    if (from > free_from || steps.length === 1) {
      steps.push({kind: 'wait', from: free_from, to: Math.max(from, free_from)});
    }
    steps.push({kind: 'attempt', from, to, attempt});
    free_from = Math.max(free_from, to ?? from);
  }
  const left_waiting = job.state === 'cancelled' && free_from < finished;
  if (job.state === 'queued' || job.state === 'expired' || left_waiting) {
    steps.push({kind: 'wait', from: free_from, to: finished});
  }
  if (finished !== null) steps.push({kind: 'finished', from: finished, to: finished});
  return steps;
}

export function ending_kind(attempt) {
  if (attempt.ended === null) return 'live';
  if (attempt.ending === 'rejected' || attempt.ending === 'cancelled') return 'plain';
  return attempt.ending === 'ran' ? outcome_kind(attempt.outcome) : 'bad';
}

const kOutcomes = new Map([
  [11, 'compile error'], [12, 'runtime error'], [13, 'time limit'], [15, 'ok'],
  [17, 'memory limit'], [19, 'illegal call'], [20, 'internal error'], [21, 'overload'],
]);

export function ending_words(attempt) {
  const outcome = attempt.outcome === 0 ? '' :
    `: ${kOutcomes.get(attempt.outcome) ?? `outcome ${attempt.outcome}`}`;
  const status = attempt.http_status === 0 || attempt.http_status === 200 ? '' :
    `, HTTP ${attempt.http_status}`;
  return `${attempt.ending}${outcome}${status}`;
}

// What the sandbox said beyond the outcome's name.
export const detail_words = ({detail, outcome}) => detail === kOutcomes.get(outcome) ? '' : detail;

export const late_words = (time_text) =>
  `A late answer came at ${clock(new Date(time_text))}; it no longer counted.`;

function bar(kind, from, to, scale) {
  const node = element('span', {class: `bar ${kind}`});
  const left = Math.min(scale(from), 100 - kNarrowest);
  node.style.left = `${left}%`;
  node.style.width = `${Math.min(100 - left, Math.max(kNarrowest, scale(to) - scale(from)))}%`;
  return node;
}

// An attempt's files and run lie in the middle of it: what is left is with the agent.
function attempt_bars(step, end, scale) {
  const {push_ms, run_ms} = step.attempt;
  const bars = [bar(step.to === null ? 'held live' : 'held', step.from, end, scale)];
  const push_from = step.from + Math.max(0, end - step.from - push_ms - run_ms) / 2;
  const run_from = Math.min(end, push_from + push_ms);
  if (push_ms > 0) bars.push(bar('push', push_from, run_from, scale));
  if (run_ms > 0) {
    const kind = ending_kind(step.attempt) === 'bad' ? 'run bad' : 'run';
    bars.push(bar(kind, run_from, Math.min(end, run_from + run_ms), scale));
  }
  return bars;
}

const strong = (text) => element('strong', {}, text);
const faint = (text) => element('span', {class: 'faint'}, text);

function wait_words(step, number, end) {
  const lasts = step.to === null ? ' so far' : '';
  const again = number > 1 ? ' again' : '';
  return [strong(step.to === null ? `Waiting${again}` : `Waited${again}`), ' ',
    faint(`${duration(end - step.from)}${lasts}`)];
}

function attempt_words(step, end) {
  const {attempt} = step;
  const parts = [strong(`Attempt ${attempt.number} on ${attempt.agent}`), ' ',
    dotted(ending_words(attempt), `ending-${ending_kind(attempt)}`)];
  const detail = detail_words(attempt);
  if (detail !== '') parts.push(element('div', {class: 'detail'}, detail));
  const times = [];
  if (attempt.push_ms > 0) times.push(`files ${duration(attempt.push_ms)}`);
  if (attempt.run_ms > 0) times.push(`run ${duration(attempt.run_ms)}`);
  times.push(`${duration(end - step.from)} ${step.to === null ? 'so far' : 'in all'}`);
  parts.push(element('div', {class: 'faint'}, times.join(', ')));
  if (attempt.late_answer !== null) {
    parts.push(element('div', {class: 'detail'}, late_words(attempt.late_answer)));
  }
  return parts;
}

const kEnds = new Map([['expired', 'Expired'], ['cancelled', 'Cancelled']]);

const end_mark = (job) => `ending-${has_outcome(job) ? outcome_kind(job.outcome) : 'plain'}`;

function finished_words(job, from, received) {
  const outcome = dotted(job.outcome_name, end_mark(job));
  return [strong(kEnds.get(job.state) ?? 'Finished'), ' ', ...(has_outcome(job) ? [outcome] : []),
    element('div', {class: 'faint'}, `${duration(from - received)} after it came`)];
}

// The list items. `now` is the master's time in ms.
export function timeline_items(job, now) {
  const steps = steps_of(job);
  const start = steps[0].from;
  const last = steps.reduce((latest, step) => Math.max(latest, step.to ?? now), start + 1);
  const scale = (time) => Math.min(100, Math.max(0, (100 * (time - start)) / (last - start)));
  let waits = 0;
  return steps.map((step) => {
    const end = Math.max(step.from, step.to ?? now);
    const offset = step.kind === 'received' ? clock(new Date(step.from))
                                            : `+${duration(step.from - start)}`;
    const track = element('div', {class: 'track', 'aria-hidden': 'true'});
    let words;
    let mark = step.kind;
    switch (step.kind) {
      case 'received':
        words = [strong('Received')];
        track.append(bar('point', step.from, step.from, scale));
        break;
      case 'wait':
        words = wait_words(step, ++waits, end);
        track.append(bar(step.to === null ? 'wait live' : 'wait', step.from, end, scale));
        break;
      case 'attempt':
        words = attempt_words(step, end);
        track.append(...attempt_bars(step, end, scale));
        mark = `attempt ending-${ending_kind(step.attempt)}`;
        break;
      case 'finished':
        words = finished_words(job, step.from, start);
        track.append(bar('point', step.from, step.from, scale));
        mark = `finished ${end_mark(job)}`;
        break;
    }
    return element('li', {class: mark}, element('span', {class: 'offset'}, offset),
      element('div', {class: 'what'}, ...words), track);
  });
}
