// The whole state is in the address, so that what one sees can be sent to another.
const DEFAULTS = { view: 'overview', metric: '', range: 'P12M', grain: 'auto', compare: 'previousYear', by: '', zone: '', tenant: '', sort: '-value', q: '' };

export const RANGES = [['P7D', 'Last 7 days'], ['P30D', 'Last 30 days'], ['P3M', 'Last 3 months'], ['P12M', 'Last 12 months'], ['P2Y', 'Last 2 years'], ['month', 'Month to date'], ['quarter', 'Quarter to date'], ['year', 'Year to date']];
export const GRAINS = ['hour', 'day', 'week', 'month', 'quarter', 'year'];

export function read() {
  const given = new URLSearchParams(location.search);
  const state = Object.fromEntries(Object.entries(DEFAULTS).map(([name, value]) => [name, given.get(name) ?? value]));
  // A filter is field:value; a value that is not known is field alone.
  state.filters = given.getAll('is').map(text => { const i = text.indexOf(':'); return i < 0 ? { field: text, value: null } : { field: text.slice(0, i), value: text.slice(i + 1) }; });
  return state;
}

export function link(state) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(DEFAULTS)) if (state[name] && state[name] !== value) given.set(name, state[name]);
  for (const { field, value } of state.filters ?? []) given.append('is', value === null ? field : `${field}:${value}`);
  return '/' + (given.size ? '?' + given : '');
}

const isCustom = range => range.includes('..');
export const timeRange = range => isCustom(range) ? { from: range.split('..')[0], to: range.split('..')[1] } : range.startsWith('P') ? { last: range } : { toDate: range };

export const day = (text, days) => new Date(Date.parse(text + 'T00:00Z') + days * 86_400_000).toISOString().slice(0, 10);

function days(range) {
  if (isCustom(range)) { const [from, to] = range.split('..'); return (Date.parse(to) - Date.parse(from)) / 86_400_000; }
  return { month: 31, quarter: 92, year: 366 }[range] ?? Number(range.slice(1, -1)) * { D: 1, M: 31, Y: 366 }[range.at(-1)];
}

/** The grain that draws some ten to a hundred points. */
export const grainOf = state => state.grain !== 'auto' ? state.grain : (n => n <= 2 ? 'hour' : n <= 62 ? 'day' : n <= 200 ? 'week' : 'month')(days(state.range));

export function where(filters) {
  const fields = Map.groupBy(filters, f => f.field);
  const all = [...fields].map(([field, list]) => ({ field, op: 'in', values: list.map(f => f.value === 'true' ? true : f.value === 'false' ? false : f.value) }));
  return all.length === 0 ? undefined : all.length === 1 ? all[0] : { and: all };
}

/** The parts of a query that every number on a page shares. */
export const basis = (state, filters = state.filters) => ({
  where: where(filters),
  timeRange: timeRange(state.range),
  timeZone: state.zone || undefined,
  compare: state.compare === 'none' ? undefined : { to: state.compare, alignToDate: true },
});

/** The half-open days of a range, for what knows no ranges by name. */
export function dates(range, zone) {
  if (!range) return null;
  if (range.from || range.to) return [range.from, range.to];
  if (range.toDate ? !['month', 'quarter', 'year'].includes(range.toDate) : !/^P\d+[DMY]$/.test(range.last)) return null;
  const today = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' }).format(new Date());
  const end = new Date(today + 'T00:00Z');
  end.setUTCDate(end.getUTCDate() + 1);
  const start = new Date(today + 'T00:00Z');
  if (range.toDate) {
    start.setUTCDate(1);
    if (range.toDate === 'quarter') start.setUTCMonth(Math.floor(start.getUTCMonth() / 3) * 3);
    if (range.toDate === 'year') start.setUTCMonth(0);
  } else {
    const n = Number(range.last.slice(1, -1)), unit = range.last.at(-1);
    if (unit === 'D') start.setUTCDate(start.getUTCDate() - n + 1);
    else if (unit === 'M') { start.setUTCDate(1); start.setUTCMonth(start.getUTCMonth() - n + 1); }
    else start.setUTCFullYear(start.getUTCFullYear() - n + 1, 0, 1);
  }
  return [start, end].map(d => d.toISOString().slice(0, 10));
}

/** The day after a bucket's last. */
function endOf(start, grain) {
  const end = new Date(start + 'T00:00Z');
  if (grain === 'day') end.setUTCDate(end.getUTCDate() + 1);
  else if (grain === 'week') end.setUTCDate(end.getUTCDate() + 7);
  else end.setUTCMonth(end.getUTCMonth() + ({ month: 1, quarter: 3, year: 12 }[grain] ?? 1));
  return end.toISOString().slice(0, 10);
}

/** Whether a bucket was still being counted when the data ended. */
export function isUnfinished(start, grain, asOf, zone) {
  if (!start || !asOf) return false;
  if (start.length > 10) return Date.parse(start) + { second: 1e3, minute: 6e4, hour: 36e5 }[grain] > Date.parse(asOf);
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone || undefined, dateStyle: 'short' }).format(new Date(asOf)) < endOf(start, grain);
}

/** Rows over time as the points of a chart, oldest first. A bucket is partial where the range cuts it, so that it holds fewer days than its name says. */
export function pointsOf(rows, { time, name, grain, asOf, zone, range }) {
  const [from, to] = dates(range, zone) ?? [];
  return rows.map(r => {
    const at = r[time], isDate = at?.length === 10;
    return {
      at, value: r[name], previous: r[name + '__previous'] ?? null, unfinished: isUnfinished(at, grain, asOf, zone),
      partial: isDate && [from, to].some(cut => cut?.length === 10 && at < cut && cut < endOf(at, grain)),
    };
  });
}
