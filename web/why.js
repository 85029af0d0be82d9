// Why a queued run is not on any host yet, and what comes before it.

import {
  badge, by_id, counted, dotted, duration, element, make_row, set_children, set_text, sync_rows,
} from './common.js';

const kColumns = [['Host', 'name', 'th'], ['State', ''], ['Why not there', 'detail wide']];

function ahead_words({key, jobs, by_priority}) {
  const whose = key === '' ? 'without a key' : `of ${key}`;
  return [`${counted(jobs, 'run')} ${whose}`, ...(by_priority ? [' ', badge('by priority', 'plain')] : [])];
}

function summary_words({summary, retry_in_ms, gives_up_in_ms}) {
  const parts = [summary];
  if (retry_in_ms !== null) parts.push(`It is tried again in ${duration(retry_in_ms)}.`);
  if (gives_up_in_ms !== null) parts.push(`It gives up waiting in ${duration(gives_up_in_ms)}.`);
  return parts.join(' ');
}

// Null hides it.
export function show_why(why) {
  by_id('why').hidden = why === null;
  if (why === null) return;
  set_text(by_id('why-summary'), summary_words(why));
  const ahead = by_id('why-ahead');
  ahead.hidden = why.ahead.length === 0;
  set_children(ahead, why.ahead, () => why.ahead.map((one) => element('li', {}, ...ahead_words(one))));
  sync_rows(by_id('why-hosts'), why.hosts, (host) => host.name, () => make_row(kColumns),
    (row, host) => {
      const [name, state, reason] = row.cells;
      set_text(name, host.name);
      set_children(state, host.state, () => dotted(host.state, `agent-${host.state}`));
      set_text(reason, host.reason);
    });
}
