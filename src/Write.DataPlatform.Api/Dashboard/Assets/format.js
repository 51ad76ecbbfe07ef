// Numbers, dates and names as the reader's own language writes them.
const language = navigator.language || 'en';

const shape = (format = '#,0') => ({ percent: format.includes('%'), digits: (format.match(/\.([0#]+)/)?.[1] ?? '').length, group: format.includes(',') });
const cached = new Map();
const numbers = options => {
  const name = JSON.stringify(options);
  if (!cached.has(name)) cached.set(name, new Intl.NumberFormat(language, options));
  return cached.get(name);
};

const NONE = '–';
const currency = unit => /^[A-Z]{3}$/.test(unit ?? '');

/** A value in full. */
export function full(value, column = {}) {
  if (value === null || value === undefined) return NONE;
  if (typeof value !== 'number') return String(value);
  const { percent, digits, group } = shape(column.format);
  return numbers({ minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: group, ...(percent ? { style: 'percent' } : currency(column.unit) ? { style: 'currency', currency: column.unit } : {}) }).format(value);
}

/** A value that is read at a glance: seconds as minutes or hours, large numbers in thousands and millions. */
export function short(value, column = {}) {
  if (value === null || value === undefined) return NONE;
  if (typeof value !== 'number') return String(value);
  const { percent, digits } = shape(column.format);
  const size = Math.abs(value);
  if (percent) return numbers({ style: 'percent', maximumFractionDigits: digits, minimumFractionDigits: 0 }).format(value);
  if (column.unit === 's' || column.unit === 'seconds') {
    const [per, unit] = size >= 7200 ? [3600, 'hour'] : size >= 120 ? [60, 'minute'] : [1, 'second'];
    return numbers({ style: 'unit', unit, unitDisplay: 'short', ...(size / per >= 10_000 ? { notation: 'compact', maximumFractionDigits: 1 } : { maximumFractionDigits: size / per < 10 ? 1 : 0 }) }).format(value / per);
  }
  const money = currency(column.unit) ? { style: 'currency', currency: column.unit } : {};
  return size >= 10_000 ? numbers({ notation: 'compact', maximumFractionDigits: 1, ...money }).format(value)
    : numbers({ maximumFractionDigits: size >= 100 ? 0 : Math.max(digits, size < 1 && size > 0 ? 3 : 0), ...money, ...(money.style && size < 100 ? {} : { minimumFractionDigits: 0 }) }).format(value);
}

/** A change: of a share in percentage points. */
export function change(value, column = {}) {
  if (value === null || value === undefined) return NONE;
  const sign = value > 0 ? '+' : value < 0 ? '−' : '±';
  return shape(column.format).percent
    ? `${sign}${numbers({ maximumFractionDigits: 1 }).format(Math.abs(value) * 100)} pp`
    : sign + short(Math.abs(value), column);
}

export function percent(ratio) {
  if (ratio === null || ratio === undefined) return NONE;
  const sign = ratio > 0 ? '+' : ratio < 0 ? '−' : '±';
  return sign + numbers({ style: 'percent', ...(Math.abs(ratio) >= 10 ? { maximumFractionDigits: 0 } : { maximumFractionDigits: 1, minimumFractionDigits: 1 }) }).format(Math.abs(ratio));
}

export const share = ratio => ratio === null || ratio === undefined ? NONE : numbers({ style: 'percent', maximumFractionDigits: 1, minimumFractionDigits: ratio === 1 || ratio === 0 ? 0 : 1 }).format(ratio);
export const whole = value => numbers({}).format(value);
export const bytes = value => { const i = Math.min(4, Math.floor(Math.log2(Math.max(1, value)) / 10)); return `${numbers({ maximumFractionDigits: 1 }).format(value / 2 ** (10 * i))} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][i]}`; };

export function ago(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  const [per, unit] = [[86400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']].find(([p]) => seconds >= p * 1.5) ?? [1, 'second'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 }).format(seconds / per);
}

/** A bucket's name. Dates have no zone; instants are shown in the one that was asked for. */
export function bucket(text, grain, zone, isShort) {
  if (!text) return NONE;
  const options = grain === 'year' ? { year: 'numeric' } : grain === 'quarter' || grain === 'month' ? { month: 'short', year: isShort ? '2-digit' : 'numeric' }
    : ['second', 'minute', 'hour'].includes(grain) ? { ...(isShort ? {} : { day: 'numeric', month: 'short' }), hour: '2-digit', minute: '2-digit' }
    : { day: 'numeric', month: 'short', ...(isShort ? {} : { year: 'numeric', ...(grain === 'day' ? { weekday: 'short' } : {}) }) };
  const isDate = text.length === 10;
  if (grain === 'quarter') return `Q${Math.floor((Number(text.slice(5, 7)) - 1) / 3) + 1} ${text.slice(isShort ? 2 : 0, 4)}`;
  const name = new Intl.DateTimeFormat(language, { ...options, timeZone: isDate ? 'UTC' : zone }).format(new Date(isDate ? text + 'T00:00Z' : text));
  return grain === 'week' && !isShort ? `Week of ${name}` : name;
}

export const moment = (text, zone) => text ? new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone }).format(new Date(text)) : NONE;

/** A name for people out of visit__country__region: the label, else its last words. */
export const label = (field, labels) => labels?.[field] ?? (text => text[0].toUpperCase() + text.slice(1))(field.split('__').slice(field.startsWith('metric_time') ? 0 : 1).join(' ').replaceAll('_', ' ') || field);
export const word = value => value === null || value === undefined ? 'not known' : value === '' ? '(empty)' : String(value);
