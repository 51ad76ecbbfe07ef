// What alerts say and which reports are sent; loaded with the operations' view alone.
import { ask } from './api.js';
import { button, fill, h, say } from './dom.js';
import { moment, whole } from './format.js';

const KINDS = { ok: 'good', resolved: 'good', sent: 'good', scheduled: 'good', firing: 'bad', error: 'bad', givenUp: 'bad' };
const WORDS = { noData: 'no data', unknown: 'not evaluated yet', givenUp: 'given up' };
const badge = (text, kind) => h('span', { class: 'badge ' + kind }, text);
const status = s => badge(WORDS[s] ?? s, KINDS[s] ?? 'late');

/** A card that shows itself and gives back how it is shown anew. */
export function alertCard(zone, signal) {
  const card = h('section', { class: 'card' });
  const test = async a => {
    try { const t = await ask(`${a.href}/test`, { method: 'POST', signal }); say(`${a.name}: ${WORDS[t.status] ?? t.status}. ${t.error ?? t.groups.map(g => g.detail)[0] ?? ''}`); } catch (error) { if (error.name !== 'AbortError') say(error.message); }
  };
  const show = () => fill(card, async () => {
    const [{ alerts }, { reports }] = await Promise.all([ask('/v1/alerts', { signal }), ask('/v1/reports', { signal })]);
    const firing = alerts.filter(a => a.status === 'firing').length, ill = [...alerts, ...reports].filter(r => r.problems.length).length;
    const row = (r, what, last) => h('tr', null, h('th', { scope: 'row' }, r.name), h('td', null, status(r.status)), h('td', { class: 'long' }, what, r.problems.map(p => h('p', { class: 'problem' }, p))), h('td', { class: 'long' }, r.detail ?? (r.problems.length ? null : r.givenUp?.reason) ?? '–'),
      h('td', null, moment(last, zone)), h('td', null, moment(r.nextAt, zone)), h('td', null, r.channel ?? '–', r.waiting ? ` (${whole(r.waiting)} waiting)` : ''), h('td', null, r.severity && button('Test', () => test(r), { class: 'quiet', 'aria-label': `Test ${r.name} now` })));
    return [h('div', { class: 'head' }, h('h2', null, 'Alerts'), firing ? badge(`${firing} firing`, 'bad') : ill ? badge(`${ill} with problems`, 'late') : badge('none firing', 'good')),
      alerts.length + reports.length ? h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Alerts and reports' }, h('table', null,
        h('thead', null, h('tr', null, ['Rule', 'State', 'What', 'Last', 'Evaluated', 'Next', 'Channel', 'Now'].map(t => h('th', { scope: 'col' }, t)))),
        h('tbody', null, alerts.map(a => row(a, a.condition, a.evaluatedAt)), reports.map(r => row(r, `report as ${r.format}`, r.sentAt))))) : h('p', { class: 'state' }, 'The model has no alerts.')];
  }, signal);
  return { card, show };
}
