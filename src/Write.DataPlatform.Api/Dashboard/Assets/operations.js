// What operations look at: how fresh each source is, what runs, what failed, and how far the streams are.
import { alertCard } from './alerts.js';
import { ask } from './api.js';
import { button, fill, h, say } from './dom.js';
import { ago, bytes, moment, whole } from './format.js';

const PAUSE = 400, QUIET = 10_000;
const pause = (time, signal) => new Promise((done, fail) => { const id = setTimeout(done, time); signal.addEventListener('abort', () => { clearTimeout(id); fail(new DOMException('', 'AbortError')); }, { once: true }); });
const isOver = run => !['queued', 'running'].includes(run.state);
const badge = (text, kind) => h('span', { class: 'badge ' + kind }, text);
const STATES = { succeeded: 'good', failed: 'bad', cancelled: 'late', partial: 'late' };

export default function operations({ place, zone, signal }) {
  const health = h('section', { class: 'card' }), gold = h('section', { class: 'card' }), runs = h('section', { class: 'card' }), streams = h('section', { class: 'card' }), alerts = alertCard(zone, signal);
  place.append(h('h1', null, 'Operations'), h('div', { class: 'stack' }, health, alerts.card, gold, runs, streams));
  const running = new Map();
  const showGold = () => fill(gold, async () => sources((await ask('/v1/gold', { signal })).tables, { zone, running, refresh }), signal);
  const showRuns = () => fill(runs, async () => runList((await ask('/v1/runs?limit=30', { signal })).runs, zone, cancel), signal);
  const all = () => Promise.all([fill(health, async () => summary(await ask('/health', { signal })), signal), showGold(), showRuns(), alerts.card.contains(document.activeElement) || alerts.show(), fill(streams, async () => streamList((await ask('/v1/streams', { signal })).streams, zone, signal), signal)]);

  async function cancel(run) {
    try { await ask(run.href + '/cancel', { method: 'POST', signal }); say('The run was asked to stop.'); } catch (error) { say(error.message); }
    await showRuns();
  }

  /** Begins a refresh and follows it until it is over. */
  async function refresh(table, bar, isFull) {
    try {
      let run = await ask(`/v1/gold/${encodeURIComponent(table)}/refresh${isFull ? '?full=true' : ''}`, { method: 'POST', signal });
      say(`${table} is being ${isFull ? 'rebuilt' : 'refreshed'}.`);
      while (true) {
        running.set(table, run);
        bar(run);
        if (isOver(run)) break;
        await pause(PAUSE, signal);
        run = (await ask(run.href, { signal })).run;
      }
      say(`${table}: ${run.state}.`);
    } catch (error) {
      if (error.name === 'AbortError') return;
      running.set(table, { state: 'refused', errors: error.lines ?? [error.message], total: 0, done: 0 });
    }
    await Promise.all([showGold(), showRuns()]);
  }

  (async () => { try { while (true) { await pause(QUIET, signal); if (![...running.values()].some(r => !isOver(r)) && !gold.contains(document.activeElement) && !runs.contains(document.activeElement)) await all(); } } catch { /* The view was left. */ } })();
  return all();
}

const summary = health => [h('div', { class: 'head' }, h('h2', null, 'Health'), badge(health.status, { Healthy: 'good', Degraded: 'late' }[health.status] ?? 'bad')),
  health.checks.filter(c => c.status !== 'Healthy').length ? h('ul', null, health.checks.filter(c => c.status !== 'Healthy').map(c => h('li', null, h('code', null, c.name), ' ', c.description ?? c.status))) : h('p', { class: 'muted' }, `All ${health.checks.length} checks are well.`)];

function sources(tables, { zone, running, refresh }) {
  const byName = [...Map.groupBy(tables, t => t.name)];
  const stale = t => t.freshness.isLate ? 2 : 0;
  const age = t => t.freshness.ageSeconds ?? Infinity;
  // Of a table with several tenants the worst speaks for all; the worst table speaks for the page.
  const worst = byName.map(([name, list]) => ({ name, list, one: list.toSorted((a, b) => stale(b) - stale(a) || age(b) - age(a))[0] })).sort((a, b) => stale(b.one) - stale(a.one) || age(b.one) - age(a.one));
  const late = worst.filter(w => w.one.freshness.isLate);
  const rows = worst.map(({ name, list, one }) => {
    const state = h('div', { class: 'run' });
    const bar = run => state.replaceChildren(...(isOver(run) ? [badge(run.state, STATES[run.state] ?? 'bad'), h('small', null, ` ${run.done} of ${run.total} partitions`), ...(run.errors ?? []).map(e => h('p', { class: 'problem' }, e))] : [h('progress', { max: run.total || 1, value: run.done, 'aria-label': `Refresh of ${name}` }), h('small', null, run.total ? `${run.done} of ${run.total} partitions` : 'waiting')]));
    if (running.has(name)) bar(running.get(name));
    const begin = isFull => async () => { start.disabled = rebuild.disabled = true; await refresh(name, bar, isFull); };
    const disabled = running.has(name) && !isOver(running.get(name));
    const start = button('Refresh', begin(false), { 'aria-label': `Refresh ${name}`, title: 'What the lake has changed since', disabled });
    const rebuild = button('Rebuild', begin(true), { class: 'quiet', 'aria-label': `Rebuild ${name}`, title: 'All partitions, changed or not: the lake is read as a whole', disabled });
    const never = !one.freshness.refreshedAt;
    return h('tr', null, h('th', { scope: 'row', title: one.description }, h('strong', null, name), list.length > 1 && h('small', null, ` ${list.length} tenants`)),
      h('td', null, never ? badge('never built', 'bad') : one.freshness.isLate ? badge('late', 'late') : badge('fresh', 'good')), h('td', null, start, rebuild, state),
      h('td', { class: 'number' }, never ? '–' : `${ago(one.freshness.ageSeconds)} ago`), h('td', { class: 'number' }, one.freshness.objectiveSeconds ? ago(one.freshness.objectiveSeconds) : '–'),
      h('td', null, moment(one.watermark, zone)), h('td', { class: 'number' }, whole(list.reduce((n, t) => n + t.rows, 0))), h('td', { class: 'number' }, bytes(list.reduce((n, t) => n + t.bytes, 0))), h('td', { class: 'number' }, one.revision));
  });
  return [h('div', { class: 'head' }, h('h2', null, 'Freshness'), late.length ? badge(`${late.length} of ${worst.length} late; the worst is ${late[0].name}`, 'late') : worst.length ? badge(`All ${worst.length} fresh; the oldest is ${worst[0].name}`, 'good') : ''),
    rows.length ? h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Gold tables' }, h('table', null, h('thead', null, h('tr', null, ['Table', 'State', 'By hand', 'Refreshed', 'Objective', 'Data up to', 'Rows', 'Size', 'Revision'].map((t, i) => h('th', { scope: 'col', class: [3, 4, 6, 7, 8].includes(i) && 'number' }, t)))), h('tbody', null, rows))) : h('p', { class: 'state' }, 'The model has no gold tables.')];
}

const runList = (list, zone, cancel) => [h('div', { class: 'head' }, h('h2', null, 'Runs'), (n => badge(n ? `${n} with errors` : 'none with errors', n ? 'bad' : 'good'))(list.filter(r => r.errors.length).length)),
  list.length ? h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Runs' }, h('table', null,
    h('thead', null, h('tr', null, ['Table', 'State', 'Began', 'Took', 'Partitions', 'Rows', 'Scanned', 'By', 'Errors'].map((t, i) => h('th', { scope: 'col', class: [3, 4, 5, 6].includes(i) && 'number' }, t)))),
    h('tbody', null, list.map(r => h('tr', null, h('th', { scope: 'row' }, r.table), h('td', null, badge(!isOver(r) && r.cancelRequested ? 'stopping' : r.state, isOver(r) ? STATES[r.state] ?? 'bad' : 'late'), !isOver(r) && !r.cancelRequested && button('Cancel', () => cancel(r), { class: 'quiet', 'aria-label': `Cancel the run of ${r.table}` })),
      h('td', null, moment(r.startedAt, zone)), h('td', { class: 'number' }, r.endedAt ? `${((Date.parse(r.endedAt) - Date.parse(r.startedAt)) / 1000).toFixed(1)} s` : '–'), h('td', { class: 'number' }, `${r.done} / ${r.total}`), h('td', { class: 'number' }, whole(r.rows)), h('td', { class: 'number' }, bytes(r.bytesScanned)), h('td', null, r.trigger), h('td', { class: 'long' }, r.errors.join(' ') || '–')))))) : h('p', { class: 'state' }, 'Nothing was run yet.')];

function streamList(list, zone, signal) {
  return [h('h2', null, 'Streams'), list.length ? list.map(stream => {
    const letters = h('div');
    const look = h('details', { ontoggle: () => look.open && fill(letters, async () => letterList((await ask(`/v1/streams/${encodeURIComponent(stream.name)}/dead-letters?limit=50`, { signal })).deadLetters, stream, zone, signal, letters), signal) }, h('summary', null, `Dead letters: ${whole(stream.deadLetters)}`), letters);
    const lag = stream.lagSeconds;
    return h('div', null, h('div', { class: 'head' }, h('h3', null, stream.name), badge(lag === null ? 'nothing counted yet' : lag < 1 ? 'up to date' : `${ago(lag)} behind`, lag === null ? 'late' : lag > 120 ? 'late' : 'good')),
      stream.problems.map(p => h('p', { class: 'problem' }, p)),
      h('dl', null, [['Counted to', moment(stream.countedTo, zone)], ['Final to', moment(stream.sealedTo, zone)], ['Events', whole(stream.events)], ['Twice sent', whole(stream.duplicates)], ['Open windows', whole(stream.openWindows)], ['Shards', whole(stream.shards.filter(x => !x.isEnded).length)], ['Into', stream.tables.join(', ')]].map(([k, v]) => [h('dt', null, k), h('dd', null, v)])), look);
  }) : h('p', { class: 'state' }, 'The model has no streams.')];
}

const letterList = (list, stream, zone, signal, place) => list.length ? [button('Count them again', async () => {
  await fill(place, async () => { const { replayed, kept } = await ask(`/v1/streams/${encodeURIComponent(stream.name)}/dead-letters/replay`, { method: 'POST', signal }); return h('p', { role: 'status' }, `${whole(replayed)} ${replayed === 1 ? 'was' : 'were'} sent again, ${whole(kept)} ${kept === 1 ? 'is' : 'are'} kept.`); }, signal);
}), h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Dead letters of ${stream.name}` }, h('table', null,
  h('thead', null, h('tr', null, ['Arrived', 'Reason', 'What is wrong', 'Event'].map(t => h('th', { scope: 'col' }, t)))),
  h('tbody', null, list.map(l => h('tr', null, h('td', null, moment(l.arrivedAt, zone)), h('td', null, h('code', null, l.reason)), h('td', { class: 'long' }, l.message), h('td', { class: 'long' }, h('code', null, l.data)))))))] : h('p', { class: 'muted' }, 'None.');
