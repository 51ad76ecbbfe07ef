// The published insights, each drawn by what its answer is: steps, cohorts, a line over time, or a ranking.
import { ask, remembered } from './api.js';
import { bars, funnel, line, retention } from './chart.js';
import { button, download, field, fill, h } from './dom.js';
import { bucket, label, moment, percent } from './format.js';
import { isUnfinished, pointsOf } from './state.js';

const nameOf = text => (t => t[0].toUpperCase() + t.slice(1))(text.replaceAll(/[-_]/g, ' ').replace(/\bkpi\b/i, 'KPI'));

/** An answer as what it says. */
export function picture(answer, { zone, title, onmetric, chosen, isAligned, range, before = 'Before' }) {
  const { columns, rows } = answer;
  const ends = suffix => columns.find(c => c.name.endsWith('__' + suffix));
  if (!rows.length) return h('p', { class: 'state' }, 'Nothing happened in this period.');
  const time = columns.find(c => /__(second|minute|hour|day|week|month|quarter|year)$/.test(c.name) && /date|time|instant/.test(c.type));
  const grain = time?.name.split('__').at(-1);
  if (ends('step') && ends('from_first')) {
    const base = ends('step').name.replace(/__step$/, ''), fields = columns.slice(0, columns.indexOf(ends('step')));
    const column = columns.find(c => c.name === base);
    const groups = [...Map.groupBy(rows, r => fields.map(f => r[f.name] ?? 'not known').join(' · '))];
    return groups.map(([name, list]) => h('div', null, name && h('h3', null, name), funnel(list.map(r => ({ name: r[base + '__step'], value: r[base], fromPrevious: r[base + '__from_previous'], fromFirst: r[base + '__from_first'], lost: r[base + '__drop_off'] })), column)));
  }
  if (ends('cohort') && ends('rate') && ends('period')) {
    const base = ends('rate').name.replace(/__rate$/, ''), fields = columns.slice(0, columns.indexOf(ends('period'))).filter(c => c !== time);
    const groups = [...Map.groupBy(rows, r => fields.map(f => r[f.name] ?? 'not known').join(' · '))];
    return groups.map(([name, list]) => h('div', null, name && h('h3', null, name),
      retention(list.map(r => ({ cohort: time ? r[time.name] : null, period: r[base + '__period'], rate: r[base + '__rate'], size: r[base + '__cohort'], value: r[base] })), { name: `${title}: cohorts${name && ' of ' + name}`, grain, zone })));
  }
  const isMetric = c => c.format !== undefined && c.format !== null || ['int64', 'double', 'decimal'].includes(c.type);
  const metrics = columns.filter(c => isMetric(c) && !/__(previous|delta|ratio)$/.test(c.name) && c !== time);
  const column = metrics.find(c => c.name === chosen) ?? metrics[0];
  const fields = columns.filter(c => c !== time && !isMetric(c));
  if (!column) return h('p', { class: 'state' }, `${rows.length} rows.`);
  const chooser = metrics.length > 1 && onmetric ? h('div', { class: 'tabs', role: 'group', 'aria-label': 'Metric' }, metrics.map(m => button(m.label ?? label(m.name), () => onmetric(m.name), { 'aria-pressed': String(m === column) }))) : null;
  const compared = columns.some(c => c.name === column.name + '__previous');
  const name = column.label ?? label(column.name);
  if (time && !fields.length) {
    const list = [...rows].sort((a, b) => a[time.name] < b[time.name] ? -1 : 1);
    return [chooser, line(pointsOf(list, { time: time.name, name: column.name, grain, zone, asOf: answer.served.asOf, range }), { column, grain, zone, title: `${name} by ${grain}`, name, previousName: compared && before, isAligned, height: 220 })];
  }
  // The newest period of what has both a time and a name.
  const newest = time && rows.map(r => r[time.name]).sort().at(-1);
  const list = rows.filter(r => !time || r[time.name] === newest).toSorted((a, b) => (b[column.name] ?? 0) - (a[column.name] ?? 0)).slice(0, 10);
  return [chooser, newest && h('p', { class: 'muted' }, `${bucket(newest, grain, zone)}${isUnfinished(newest, grain, answer.served.asOf, zone) ? ', still being counted' : ''}`), bars(list.map(r => ({ name: fields.map(f => r[f.name] ?? 'not known').join(' · ') || name, value: r[column.name], note: compared ? percent(r[column.name + '__ratio']) : undefined })), column, { label: title })];
}

export default function insights({ state, place, caller, signal }) {
  const body = h('div', { class: 'tiles' });
  place.append(h('h1', null, 'Insights'), body);
  return fill(body, async () => {
    const { insights } = await remembered('/v1/insights');
    return insights.length ? insights.map(insight => tile(insight, insight.query.timeZone ?? caller.timeZone, signal, caller.isOperator ? state.tenant : '')) : h('p', { class: 'state' }, 'No insight is published for you.');
  }, signal);
}

function tile(insight, zone, signal, tenant) {
  const given = new Map(insight.parameters.filter(p => p.default !== null && p.default !== undefined).map(p => [p.name, p.default]));
  let chosen = null;
  const path = (ending = '') => insight.href + ending + (given.size ? '?' + new URLSearchParams([...given]) : '');
  // An address that somebody copies carries the tenant; the page's own requests say it in a header.
  const toCopy = (ending, more = []) => { const all = new URLSearchParams([...given, ...more, ...(tenant ? [['tenant', tenant]] : [])]); return insight.href + ending + (all.size ? '?' + all : ''); };
  const body = h('div');
  const title = nameOf(insight.name);
  // The query's range, as the parameters set it.
  const range = () => {
    const set = insight.parameters.filter(p => p.sets?.startsWith('timeRange.') && given.has(p.name)).map(p => [p.sets.split('.')[1], given.get(p.name)]);
    const now = { ...insight.query.timeRange, ...Object.fromEntries(set) };
    return Object.keys(now).length ? now : null;
  };
  const load = () => fill(body, async () => {
    csv.href = toCopy('', [['format', 'csv']]);
    svg.href = toCopy('.svg');
    const asked = range(), answer = await ask(path(), { signal });
    const draw = () => [picture(answer, { zone, title, chosen, range: asked, isAligned: insight.query.compare?.alignToDate, before: { previousYear: 'A year before', previousPeriod: 'The period before' }[insight.query.compare?.to], onmetric: name => { chosen = name; body.replaceChildren(...draw().flat(3).filter(Boolean)); } }), h('p', { class: 'muted' }, `Data up to ${moment(answer.served.asOf, zone)} · served by ${answer.served.by.join(' and ') || 'nobody'}`)];
    return draw();
  }, signal);
  const form = insight.parameters.length > 0 && h('form', { class: 'controls', onsubmit: e => { e.preventDefault(); load(); } },
    insight.parameters.map(p => field(label('x__' + p.name), h('input', { title: p.description, placeholder: p.sets?.startsWith('timeRange.') ? 'yyyy-mm-dd' : p.multiple ? 'any, by comma' : 'any', size: 13, value: given.get(p.name) ?? '', onchange: e => e.target.value.trim() ? given.set(p.name, e.target.value.trim()) : given.delete(p.name) }))),
    h('button', { type: 'submit' }, 'Show'));
  const save = (ending, accept) => async e => { e.preventDefault(); download(await ask(path(ending), { accept }), insight.name + (ending || '.csv')); };
  const csv = h('a', { onclick: save('', 'text/csv') }, 'CSV'), svg = h('a', { onclick: save('.svg', 'image/svg+xml') }, 'Picture (SVG)');
  load();
  return h('section', { class: 'card', 'aria-label': title }, h('h2', null, title), h('p', { class: 'muted' }, insight.description), form, body,
    h('p', { class: 'links' }, csv, svg, h('code', null, 'GET ' + insight.href)));
}
