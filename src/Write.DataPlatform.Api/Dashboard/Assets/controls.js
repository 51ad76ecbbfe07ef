// What every number on a page shares: period, comparison, grain, time zone, filters.
import { button, choice, field, h } from './dom.js';
import { label, word } from './format.js';
import { GRAINS, RANGES, day } from './state.js';

const ZONES = ['UTC', 'Europe/London', 'Europe/Berlin', 'America/New_York', 'America/Los_Angeles', 'Asia/Kolkata', 'Asia/Tokyo', 'Australia/Sydney'];

export function controls({ state, go, caller, zone, grains = GRAINS, labels }) {
  const set = change => go({ ...state, ...change }, { replace: false });
  const isCustom = state.range.includes('..');
  const [from, to] = isCustom ? state.range.split('..') : ['', ''];
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = [...new Set([caller.timeZone, own, ...ZONES, zone])].filter(Boolean);
  const dates = () => {
    const [a, b] = place.querySelectorAll('input[type=date]');
    if (a.value && b.value && a.value <= b.value) set({ range: `${a.value}..${day(b.value, 1)}` });
  };
  const today = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' }).format(new Date());
  const place = h('div', { class: 'controls' },
    choice('Period', [...RANGES, ['custom', 'Custom …']], isCustom ? 'custom' : state.range, v => set({ range: v === 'custom' ? `${day(today, -30)}..${day(today, 1)}` : v })),
    isCustom && field('From', h('input', { type: 'date', value: from, max: today, onchange: dates })),
    isCustom && field('To, included', h('input', { type: 'date', value: day(to, -1), onchange: dates })),
    choice('Compare with', [['previousYear', 'Last year'], ['previousPeriod', 'Previous period'], ['none', 'Nothing']], state.compare, v => set({ compare: v })),
    choice('By', [['auto', 'Automatic'], ...grains.map(g => [g, g[0].toUpperCase() + g.slice(1)])], state.grain, v => set({ grain: v })),
    choice('Time zone', zones.map(z => [z, z]), zone, v => set({ zone: v === caller.timeZone ? '' : v })));
  place.querySelectorAll('select,input').forEach((control, i) => { control.dataset.keep = 'control-' + i; });
  return h('div', null, place, state.filters.length > 0 && h('div', { class: 'chips', role: 'group', 'aria-label': 'Filters' },
    state.filters.map((f, i) => button(`${label(f.field, labels)}: ${word(f.value)} ✕`, () => set({ filters: state.filters.filter((_, n) => n !== i) }), { class: 'chip', 'aria-label': `Remove the filter ${label(f.field, labels)}: ${word(f.value)}` })),
    button('Clear all', () => set({ filters: [] }), { class: 'quiet' })));
}
