// Any metric: over time, against an earlier period, broken down, narrowed, as a table, and as the query that gave it.
import { address, ask, query, remembered } from './api.js';
import { bars, line } from './chart.js';
import { controls } from './controls.js';
import { button, choice, download, fill, h, say } from './dom.js';
import { change, full, label, moment, percent, short, word } from './format.js';
import { COMPARED } from './overview.js';
import { shown } from './query.js';
import { GRAINS, basis, grainOf, pointsOf } from './state.js';

const ROWS = 25;
const isPlain = metric => metric.isComputed && !['funnel', 'retention'].includes(metric.type);

export default async function explore(page) {
  const { place, signal } = page;
  place.append(h('h1', null, 'Explore'));
  const body = h('div', { class: 'stack' });
  place.append(body);
  return fill(body, async () => {
    const { metrics } = await remembered('/v1/metrics');
    const all = metrics.filter(isPlain).toSorted((a, b) => (a.label ?? a.name).localeCompare(b.label ?? b.name));
    const metric = all.find(m => m.name === page.state.metric) ?? all.find(m => m.name === 'visits') ?? all[0];
    if (!metric) return h('p', { class: 'state' }, 'There is no metric that you may see.');
    const described = await remembered('/v1/metrics/' + encodeURIComponent(metric.name));
    return screen(page, all, metric, described.dimensions);
  }, signal);
}

function screen({ state, go, caller, zone, signal }, metrics, metric, dimensions) {
  const labels = Object.fromEntries(dimensions.filter(d => d.label).map(d => [d.name, d.label]));
  const grains = GRAINS.filter(g => dimensions.find(d => d.name === 'metric_time')?.grains.includes(g));
  const splits = dimensions.filter(d => ['categorical', 'attribute'].includes(d.type));
  const by = splits.find(d => d.name === state.by)?.name ?? splits.find(d => d.name.endsWith('__country'))?.name ?? splits[0]?.name;
  const grain = grainOf(state), time = 'metric_time__' + grain;
  const compared = COMPARED[state.compare];
  const title = metric.label ?? label(metric.name);
  const pick = value => {
    const same = f => f.field === by && f.value === value;
    const text = value === null ? null : String(value);
    const isOn = state.filters.some(f => f.field === by && f.value === text);
    go({ ...state, metric: metric.name, by, filters: isOn ? state.filters.filter(f => !(f.field === by && f.value === text)) : [...state.filters.filter(f => !same(f)), { field: by, value: text }] });
    say(isOn ? 'The filter is removed.' : `Everything is narrowed to ${label(by, labels)} ${word(value)}.`);
  };

  // The leaderboard keeps the values beside the chosen ones, so that one can go from one to another.
  const own = state.filters.filter(f => f.field !== by);
  const sortOf = { value: metric.name, delta: metric.name + '__delta', ratio: metric.name + '__ratio', name: by };
  const sort = compared || !/delta|ratio/.test(state.sort) ? state.sort : '-value';
  const order = [{ field: sortOf[sort.replace('-', '')] ?? metric.name, descending: sort.startsWith('-') }];
  const series = { metrics: [metric.name], groupBy: [time], ...basis(state), orderBy: [{ field: time }] };
  const total = { metrics: [metric.name], ...basis(state) };
  const split = by && { metrics: [metric.name], groupBy: [by], ...basis(state, own), orderBy: order, limit: ROWS };

  const chart = h('section', { class: 'card' }), board = h('section', { class: 'card' }), table = h('section', { class: 'card wide' }), told = h('section', { class: 'card wide' });
  const answers = { total: query(total, { signal }), series: query(series, { signal }), split: by && query(split, { signal }) };
  for (const answer of Object.values(answers)) answer?.catch?.(() => {});
  const again = (name, body) => answers[name].catch(() => answers[name] = query(body, { signal }));

  fill(chart, async () => {
    const [sum, list] = await Promise.all([again('total', total), again('series', series)]);
    const column = sum.columns.find(c => c.name === metric.name) ?? {}, row = sum.rows[0] ?? {};
    const points = pointsOf(list.rows, { time, name: metric.name, grain, zone, asOf: list.served.asOf, range: series.timeRange });
    return [h('div', { class: 'head' }, h('h2', null, title, h('small', null, metric.unit ? ` ${metric.unit}` : '')),
      h('p', { class: 'sum' }, h('strong', { title: full(row[metric.name], column) }, short(row[metric.name], column)),
        compared && h('span', null, ` ${percent(row[metric.name + '__ratio'])} (${change(row[metric.name + '__delta'], column)}) against ${short(row[metric.name + '__previous'], column)} ${compared}`))),
    points.length ? line(points, { column, grain, zone, title: `${title} by ${grain}`, name: title, height: 330, previousName: compared && compared[0].toUpperCase() + compared.slice(1) }) : h('p', { class: 'state' }, 'Nothing happened in this period, or nothing that the filters let through.'),
    h('p', { class: 'muted' }, `Data up to ${moment(list.served.asOf, zone)} · ${zone} · served by ${list.served.by.join(' and ') || 'nobody'}`)];
  }, signal);

  if (by) {
    const chooser = choice('Break down by', splits.map(d => [d.name, label(d.name, labels)]), by, v => go({ ...state, metric: metric.name, by: v, sort: '-value' }));
    chooser.querySelector('select').dataset.keep = 'by';
    const rows = h('div');
    board.append(h('h2', null, 'Break-down'), chooser, rows);
    fill(rows, async () => {
      const answer = await again('split', split);
      const column = answer.columns.find(c => c.name === metric.name) ?? {};
      if (!answer.rows.length) return h('p', { class: 'state' }, 'No rows.');
      const list = bars(answer.rows.slice(0, 12).map(r => ({ name: r[by], value: r[metric.name], note: compared ? percent(r[metric.name + '__ratio']) : undefined })), column, {
        label: `${title} by ${label(by, labels)}`, onpick: r => pick(r.name), picked: r => state.filters.some(f => f.field === by && f.value === (r.name === null ? null : String(r.name))),
      });
      list.querySelectorAll('button').forEach((b, i) => { b.dataset.keep = 'row-' + answer.rows[i][by]; });
      return list;
    }, signal);
    fill(table, async () => {
      const answer = await again('split', split);
      return values({ answer, by, metric, compared, sort, labels, title, onsort: s => go({ ...state, metric: metric.name, sort: s }, { replace: true }), onsave: async () => download(await ask(address({ ...split, limit: undefined }) , { accept: 'text/csv' }), `${metric.name}-by-${by}.csv`) });
    }, signal);
  }

  const queries = [['series', 'Chart', series], ['split', 'Break-down', split], ['total', 'Total', total]].filter(q => q[2]);
  told.append(shown({ queries, answers, caller, state, go, signal }));
  return [controls({ state: { ...state, metric: metric.name }, go, caller, zone, grains, labels }),
    h('div', { class: 'columns' }, list(metrics, metric, state, go), chart, by && board), by && table, told];
}

/** The metrics, found by any of their words, each with what it means. */
function list(metrics, metric, state, go) {
  const items = h('ul', { class: 'metrics' }, metrics.map(m => h('li', { 'data-words': [m.name, m.label, m.description, m.unit, m.owner].join(' ').toLowerCase() },
    button([h('span', null, m.label ?? label(m.name)), h('small', null, m.unit ?? '')], () => go({ ...state, metric: m.name, filters: state.filters.filter(f => m.dimensions.includes(f.field)) }), { 'aria-pressed': String(m.name === metric.name), title: m.description, 'data-keep': 'metric-' + m.name }))));
  const none = h('p', { class: 'state', hidden: true }, 'No metric has these words.');
  const search = h('input', {
    type: 'search', placeholder: 'Search metrics', 'aria-label': 'Search metrics', oninput: () => {
      const words = search.value.toLowerCase().split(/\s+/);
      let count = 0;
      for (const item of items.children) { item.hidden = !words.every(w => item.dataset.words.includes(w)); count += item.hidden ? 0 : 1; }
      none.hidden = count > 0;
      say(`${count} metrics`);
    },
  });
  requestAnimationFrame(() => { const on = items.querySelector('[aria-pressed=true]')?.parentElement; if (on) items.parentElement.scrollTop = on.offsetTop - items.offsetTop - 60; });
  return h('section', { class: 'card catalogue', 'aria-label': 'Metrics and definition' }, search, h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Metrics' }, items), none, h('dl', { class: 'definition' },
    h('dt', null, metric.label ?? metric.name), h('dd', null, metric.description ?? 'No description.'),
    h('dt', null, 'Name'), h('dd', null, h('code', null, metric.name)), metric.unit && [h('dt', null, 'Unit'), h('dd', null, metric.unit)], [h('dt', null, 'Owner'), h('dd', null, metric.owner ?? 'not named')],
    h('dt', null, 'Type'), h('dd', null, metric.type + (metric.approximate ? `, an estimate${metric.error ? ` (± ${(metric.error * 100).toFixed(1)} %)` : ''}` : '')),
    metric.goldTables.length > 0 && [h('dt', null, 'Stored in'), h('dd', null, metric.goldTables.join(', '))]));
}

function values({ answer, by, metric, compared, sort, labels, title, onsort, onsave }) {
  const column = answer.columns.find(c => c.name === metric.name) ?? {};
  const head = (id, text, isNumber) => {
    const on = sort.replace('-', '') === id, down = sort.startsWith('-');
    return h('th', { scope: 'col', class: isNumber && 'number', 'aria-sort': on ? down ? 'descending' : 'ascending' : false },
      button([text, h('span', { 'aria-hidden': 'true' }, on ? down ? ' ▼' : ' ▲' : '')], () => onsort(on && down ? id : '-' + id), { class: 'sort', 'data-keep': 'sort-' + id }));
  };
  const rest = answer.next ? ` The first ${answer.rows.length}; the CSV has all.` : '';
  return [h('div', { class: 'head' }, h('h2', null, 'Values'), button('Download CSV', onsave, { 'data-keep': 'csv' })),
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `${title} by ${label(by, labels)}` }, h('table', null,
      h('thead', null, h('tr', null, head('name', label(by, labels)), head('value', title, true), compared && [h('th', { scope: 'col', class: 'number' }, compared[0].toUpperCase() + compared.slice(1)), head('delta', 'Change', true), head('ratio', 'Change in %', true)])),
      h('tbody', null, answer.rows.map(r => h('tr', null, h('th', { scope: 'row' }, word(r[by])), h('td', { class: 'number' }, full(r[metric.name], column)),
        compared && [h('td', { class: 'number' }, full(r[metric.name + '__previous'], column)), h('td', { class: 'number' }, change(r[metric.name + '__delta'], column)), h('td', { class: 'number' }, percent(r[metric.name + '__ratio']))]))))),
    rest && h('p', { class: 'muted' }, rest)];
}
