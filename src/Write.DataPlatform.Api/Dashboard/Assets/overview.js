// What executives look at: the headline metrics of a period against an earlier one, and how one of them went.
import { query } from './api.js';
import { line, spark } from './chart.js';
import { controls } from './controls.js';
import { fill, h } from './dom.js';
import { change, full, label, moment, percent, short } from './format.js';
import { headline, queries } from './headline.js';
import { grainOf, link, pointsOf, timeRange } from './state.js';

export const COMPARED = { previousYear: 'a year before', previousPeriod: 'the period before' };

export default function overview({ state, place, go, caller, zone, signal }) {
  const body = h('div', { class: 'stack' });
  place.append(h('h1', null, 'Overview'), controls({ state, go, caller, zone }), body);
  return fill(body, async () => {
    const metrics = await headline();
    if (!metrics.length) return h('p', { class: 'state' }, 'There is no metric that you may see.');
    const grain = grainOf(state);
    const time = 'metric_time__' + grain;
    const asked = queries(state, metrics);
    const [totals, series] = await Promise.all([query(asked.totals, { signal }), query(asked.series, { signal })]);
    const total = totals.rows[0] ?? {};
    const chosen = metrics.includes(state.metric) ? state.metric : metrics[0];
    const column = name => series.columns.find(c => c.name === name) ?? { name };
    const points = name => pointsOf(series.rows, { time, name, grain, zone, asOf: series.served.asOf, range: timeRange(state.range) });
    const compared = COMPARED[state.compare];
    const cards = h('div', { class: 'cards' }, metrics.map(name => {
      const c = column(name), delta = total[name + '__delta'];
      return h('button', { type: 'button', class: 'card kpi', 'data-keep': 'kpi-' + name, 'aria-pressed': String(name === chosen), onclick: () => go({ ...state, metric: name }, { replace: true }) },
        h('span', { class: 'name' }, c.label ?? label(name)),
        h('span', { class: 'figure', title: full(total[name], c) }, short(total[name], c)),
        compared && h('span', { class: 'delta' }, h('b', null, `${delta > 0 ? '▲' : delta < 0 ? '▼' : ''} ${percent(total[name + '__ratio'])}`), h('span', null, ` ${change(delta, c)}`)),
        compared && h('span', { class: 'muted' }, `${short(total[name + '__previous'], c)} ${compared}`),
        spark(points(name)));
    }));
    const c = column(chosen), title = c.label ?? label(chosen);
    const list = points(chosen);
    return [cards, h('section', { class: 'card' },
      h('div', { class: 'head' }, h('h2', null, title, h('small', null, c.unit ? ` ${c.unit}` : '')), h('a', { href: link({ ...state, view: 'explore', metric: chosen }) }, 'Explore')),
      list.length ? line(list, { column: c, grain, zone, title: `${title} by ${grain}`, name: title, previousName: compared && compared[0].toUpperCase() + compared.slice(1) }) : h('p', { class: 'state' }, 'Nothing happened in this period.'),
      h('p', { class: 'muted' }, `Data up to ${moment(series.served.asOf, zone)} · ${zone} · served by ${series.served.by.join(' and ') || 'nobody'}`))];
  }, signal);
}
