// The API explorer: a query by clicking, its answer, and the same query for every tool.
import { ask, address, query, remembered } from './api.js';
import { button, choice, download, field, fill, h } from './dom.js';
import { label, moment } from './format.js';
import { picture } from './insights.js';
import { rowsOf, shown } from './query.js';
import { GRAINS, RANGES, timeRange, where } from './state.js';

export default function builder(page) {
  const { place, signal } = page;
  const body = h('div');
  place.append(h('h1', null, 'API explorer'), h('p', { class: 'muted' }, 'Choose what to ask; below stands how to ask it from a program. Every route is described at ', h('a', { href: '/swagger' }, '/swagger'), '.'), body);
  return fill(body, async () => {
    const [{ metrics }, { dimensions }] = await Promise.all([remembered('/v1/metrics'), remembered('/v1/dimensions')]);
    return form(page, metrics.filter(m => m.isComputed), dimensions);
  }, signal);
}

/** Everything chosen is in the address: metric and by hold lists here. */
function form({ state, go, caller, zone, signal }, metrics, dimensions) {
  const known = new Map(metrics.map(m => [m.name, m]));
  const chosen = state.metric.split(',').filter(m => known.has(m));
  if (!chosen.length) chosen.push(known.has('visits') ? 'visits' : metrics[0]?.name);
  const journeys = m => ['funnel', 'retention'].includes(known.get(m)?.type);
  const legal = dimensions.filter(d => ['categorical', 'attribute'].includes(d.type) && chosen.every(m => known.get(m)?.dimensions.includes(d.name)));
  const by = state.by.split(',').filter(d => legal.some(l => l.name === d));
  const labels = Object.fromEntries(dimensions.filter(d => d.label).map(d => [d.name, d.label]));
  const set = change => go({ ...state, metric: chosen.join(','), by: by.join(','), ...change });
  const isJourney = chosen.some(journeys);
  const toggle = (list, name, one) => list.includes(name) ? list.filter(x => x !== name) : one || list.some(journeys) ? [name] : [...list, name];
  const time = state.grain === 'auto' ? [] : ['metric_time__' + state.grain];
  const asked = {
    metrics: chosen, groupBy: [...time, ...by], where: where(state.filters), timeRange: timeRange(state.range), timeZone: state.zone || undefined,
    compare: isJourney || state.compare === 'none' ? undefined : { to: state.compare, alignToDate: true },
    orderBy: isJourney ? undefined : time.length ? time.map(t => ({ field: t })) : [{ field: chosen[0], descending: true }], limit: isJourney ? undefined : 100,
  };
  const boxes = (name, list, on, change) => h('fieldset', null, h('legend', null, name), h('div', { class: 'checks' }, list.toSorted((a, b) => on.includes(b.name) - on.includes(a.name) || (a.label ?? a.name).localeCompare(b.label ?? b.name)).map(x => h('label', { title: x.description }, h('input', { type: 'checkbox', checked: on.includes(x.name), 'data-keep': `box-${x.name}`, onchange: () => change(x.name) }), x.label ?? label(x.name, labels)))));
  const value = h('input', { size: 12, placeholder: 'value; empty: not known', 'aria-label': 'Value of the filter', list: 'values' });
  const values = h('datalist', { id: 'values' });
  const fieldOf = h('select', { 'aria-label': 'Field of the filter', onchange: () => suggest() }, legal.map(d => h('option', { value: d.name }, label(d.name, labels))));
  const suggest = () => fieldOf.value && ask(`/v1/dimensions/${encodeURIComponent(fieldOf.value)}/values?limit=50`, { signal }).then(a => values.replaceChildren(...a.values.filter(v => v !== null).map(v => h('option', { value: String(v) }))), () => values.replaceChildren());
  value.addEventListener('focus', suggest, { once: true });
  const answer = query(asked, { signal });
  answer.catch(() => {});
  const result = h('section', { class: 'card' });
  let tried = answer;
  fill(result, async () => {
    const a = await tried.catch(error => { tried = query(asked, { signal }); tried.catch(() => {}); throw error; });
    return [h('div', { class: 'head' }, h('h2', null, 'Answer'), button('Download CSV', async () => download(await ask(address(asked), { accept: 'text/csv' }), 'query.csv'))), picture(a, { zone, title: 'Answer', isAligned: true, range: asked.timeRange }), h('h3', null, 'Rows'), rowsOf(a), h('p', { class: 'muted' }, `Data up to ${moment(a.served.asOf, zone)} · ${zone} · served by ${a.served.by.join(' and ') || 'nobody'}`)];
  }, signal);
  return h('div', { class: 'build' },
    h('section', { class: 'card', 'aria-label': 'The query' },
      boxes('Metrics', metrics, chosen, name => { const list = toggle(chosen, name, journeys(name)); set({ metric: (list.length ? list : [name]).join(',') }); }),
      boxes('Group by', legal, by, name => set({ by: toggle(by, name).join(',') })),
      h('div', { class: 'controls' }, choice('Time', [['auto', 'Not by time'], ...GRAINS.map(g => [g, 'By ' + g])], state.grain, v => set({ grain: v })),
        choice('Period', state.range.includes('..') ? [...RANGES, [state.range, state.range.replace('..', ' to ')]] : RANGES, state.range, v => set({ range: v })),
        choice('Compare with', [['previousYear', 'Last year'], ['previousPeriod', 'Previous period'], ['none', 'Nothing']], state.compare, v => set({ compare: v }))),
      h('fieldset', null, h('legend', null, 'Filters'), h('div', { class: 'chips' }, state.filters.map((f, i) => button(`${label(f.field, labels)}: ${f.value ?? 'not known'} ✕`, () => set({ filters: state.filters.filter((_, n) => n !== i) }), { class: 'chip' }))),
        legal.length > 0 && h('form', { class: 'controls', onsubmit: e => { e.preventDefault(); set({ filters: [...state.filters, { field: fieldOf.value, value: value.value || null }] }); } }, fieldOf, value, values, h('button', { type: 'submit' }, 'Add')))),
    h('div', { class: 'stack' }, h('section', { class: 'card' }, shown({ queries: [['query', 'Query', asked]], answers: { query: answer }, caller, state, signal, isOpen: true })), result));
}
