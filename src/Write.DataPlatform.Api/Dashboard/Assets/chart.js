// Charts as SVG, drawn anew for each width, with an HTML legend and values on hover and by the arrow keys.
import { h, s, say } from './dom.js';
import { bucket, full, percent, share, short, word } from './format.js';

/** Round steps that cover a range of values. */
export function ticks(low, high, count = 4) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(m => m >= rough * 0.999);
  const list = [];
  for (let i = Math.floor(low / step + 1e-9); i <= Math.ceil(high / step - 1e-9); i++) list.push(i * step);
  return list.length > 1 ? list : [0, step];
}

/** Draws when the place has a width, and again when that changes. */
function drawn(place, draw) {
  let width = 0;
  new ResizeObserver(entries => {
    const now = Math.floor(entries[0].contentRect.width);
    if (now > 0 && now !== width) { width = now; draw(width); }
  }).observe(place);
  return place;
}

/** Points without gaps: each run of known values is a path of its own. */
const path = points => points.map(([x, y], i) => y === null ? '' : `${i === 0 || points[i - 1][1] === null ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

/**
 * A line over time. points: [{ at, value, previous, unfinished }], oldest first.
 * options: { column, grain, zone, title, previousName, height }
 */
export function line(points, options) {
  const { column, grain, zone, title, previousName, isAligned = true, height = 260 } = options;
  const hasPrevious = previousName && points.some(p => p.previous !== null && p.previous !== undefined);
  const place = h('div', { class: 'plot', tabindex: 0, role: 'group', 'aria-label': `${title}. Arrow keys read the values.` });
  const tip = h('div', { class: 'tip', hidden: true });
  const values = points.flatMap(p => hasPrevious ? [p.value, p.previous] : [p.value]).filter(v => typeof v === 'number');
  // Seconds are read as minutes or hours, so the steps are round in those.
  const least = Math.min(0, ...values), most = Math.max(...values, 0);
  const per = !['s', 'seconds'].includes(column.unit) ? 1 : most >= 7200 ? 3600 : most >= 120 ? 60 : 1;
  const marks = ticks(least / per, most / per).map(m => m * per);
  const low = marks[0], high = marks.at(-1);
  let at = -1, show = () => {};
  drawn(place, width => {
    const left = Math.max(34, ...marks.map(m => short(m, column).length * 6.6 + 10)), right = 14, top = 10, bottom = 24;
    const x = i => left + (points.length === 1 ? 0.5 : i / (points.length - 1)) * (width - left - right);
    const y = v => typeof v !== 'number' ? null : top + (1 - (v - low) / (high - low)) * (height - top - bottom);
    const xs = points.map((p, i) => [x(i), y(p.value)]);
    // Whole periods are one line; what touches a period that is not whole is dotted.
    const isOpen = p => p.unfinished || p.partial;
    const first = points.findIndex(p => !isOpen(p)), last = points.findLastIndex(p => !isOpen(p));
    const open = first < 0 ? [xs] : [xs.slice(0, first + 1), xs.slice(last)].filter(part => part.length > 1);
    // As many labels as have room, from the newest back.
    const names = points.map(p => bucket(p.at, grain, zone, true));
    const every = Math.max(1, Math.ceil((Math.max(...names.map(n => n.length)) * 6.6 + 14) / ((width - left - right) / Math.max(1, points.length - 1))));
    const guide = s('line', { class: 'guide', y1: top, y2: height - bottom, visibility: 'hidden' });
    const dot = s('circle', { class: 'dot', r: 4, visibility: 'hidden' });
    const picture = s('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title },
      marks.map(m => [s('line', { class: m === 0 ? 'axis' : 'grid', x1: left, x2: width - right, y1: y(m), y2: y(m) }), s('text', { x: left - 6, y: y(m) + 4, 'text-anchor': 'end' }, short(m, column))]),
      names.map((name, i) => (points.length - 1 - i) % every === 0 && s('text', { x: Math.min(Math.max(x(i), left + name.length * 1.5), width - right - name.length * 2.2), y: height - 7, 'text-anchor': 'middle' }, name)),
      hasPrevious && s('path', { class: 'line previous', d: path(points.map((p, i) => [x(i), y(p.previous)])) }),
      first >= 0 && s('path', { class: 'line', d: path(xs.slice(first, last + 1)) }),
      open.map(part => s('path', { class: 'line open', d: path(part) })),
      points.length === 1 || xs.every((p, i) => p[1] === null || (xs[i - 1]?.[1] ?? null) === null && (xs[i + 1]?.[1] ?? null) === null) ? xs.map(([cx, cy]) => cy !== null && s('circle', { class: 'dot', cx, cy, r: 3 })) : null,
      points.map((p, i) => isOpen(p) && xs[i][1] !== null && s('circle', { class: 'dot open', cx: xs[i][0], cy: xs[i][1], r: 4 })), guide, dot);
    show = i => {
      at = i;
      const p = points[i];
      tip.hidden = !p;
      for (const mark of [guide, dot]) mark.setAttribute('visibility', p ? 'visible' : 'hidden');
      if (!p) return;
      guide.setAttribute('x1', x(i)); guide.setAttribute('x2', x(i));
      dot.setAttribute('cx', x(i)); dot.setAttribute('cy', y(p.value) ?? -9);
      const name = bucket(p.at, grain, zone), ratio = hasPrevious && p.previous ? p.value / p.previous - 1 : null;
      tip.replaceChildren(h('strong', null, name), h('span', null, full(p.value, column)),
        hasPrevious ? h('small', null, `${previousName}: ${full(p.previous, column)}${ratio === null || p.value === null ? '' : ` (${percent(ratio)})`}`) : '', p.unfinished ? h('small', null, 'still being counted') : p.partial ? h('small', null, 'not whole: the period begins or ends within it') : '');
      tip.style.left = Math.min(Math.max(0, x(i) - tip.offsetWidth / 2), width - tip.offsetWidth) + 'px';
    };
    picture.addEventListener('pointermove', e => {
      const inside = e.clientX - picture.getBoundingClientRect().left;
      show(Math.min(points.length - 1, Math.max(0, Math.round((inside - left) / Math.max(1, width - left - right) * (points.length - 1)))));
    });
    place.replaceChildren(picture, tip);
  });
  place.addEventListener('pointerleave', () => show(-1));
  place.addEventListener('blur', () => show(-1));
  place.addEventListener('keydown', e => {
    const to = { ArrowLeft: at < 0 ? points.length - 1 : at - 1, ArrowRight: at < 0 ? 0 : at + 1, Home: 0, End: points.length - 1 }[e.key];
    if (e.key === 'Escape') show(-1);
    if (to === undefined) return;
    e.preventDefault();
    show(Math.min(points.length - 1, Math.max(0, to)));
    say(tip.textContent);
  });
  const open = points.at(-1)?.unfinished, cut = points.filter(p => p.partial && !p.unfinished);
  return h('figure', { class: 'chart' }, place, h('figcaption', { class: 'legend' },
    h('span', null, h('i', { class: 'key' }), options.name ?? title), hasPrevious && h('span', null, h('i', { class: 'key previous' }), previousName),
    open && h('span', null, h('i', { class: 'key open' }), `${bucket(points.at(-1).at, grain, zone)} is not over: dotted, and still being counted${!hasPrevious ? '' : isAligned ? '; what it is compared with ends with the same day' : '; what it is compared with is a whole one'}`),
    cut.length > 0 && h('span', null, h('i', { class: 'key open' }), `${cut.map(p => bucket(p.at, grain, zone)).join(' and ')} ${cut.length > 1 ? 'are' : 'is'} not whole: dotted, for the period begins or ends within`)));
}

/** A line without words, for a card. */
export function spark(points) {
  const values = points.map(p => p.value).filter(v => typeof v === 'number');
  if (values.length < 2) return h('span');
  const low = Math.min(...values), span = Math.max(...values) - low || 1;
  const xs = points.map((p, i) => [2 + i / (points.length - 1) * 96, typeof p.value === 'number' ? 26 - (p.value - low) / span * 22 : null]);
  const first = Math.max(0, points.findIndex(p => !p.unfinished && !p.partial)), last = points.findLastIndex(p => !p.unfinished && !p.partial);
  return s('svg', { class: 'spark', viewBox: '0 0 100 30', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    s('path', { class: 'line open', d: path(xs.slice(0, first + 1)) }), s('path', { class: 'line', d: path(xs.slice(first, last + 1)) }), s('path', { class: 'line open', d: path(xs.slice(Math.max(0, last))) }));
}

/** Bars by name: [{ name, value, note }]. onpick makes each a button. */
export function bars(rows, column, { onpick, picked = () => false, label } = {}) {
  const most = Math.max(...rows.map(r => Math.abs(r.value ?? 0))) || 1;
  return h('ul', { class: 'bars' + (rows.some(r => r.note !== undefined) ? '' : ' plain'), 'aria-label': label }, rows.map(row => {
    const bar = h('span', { class: 'bar' + ((row.value ?? 0) < 0 ? ' below' : '') });
    bar.style.width = `${Math.abs(row.value ?? 0) / most * 100}%`;
    const parts = [h('span', { class: 'name', title: word(row.name) }, word(row.name)), h('span', { class: 'value', title: full(row.value, column) }, short(row.value, column)), row.note !== undefined && h('span', { class: 'note' }, row.note), h('span', { class: 'track' }, bar)];
    return h('li', null, onpick ? h('button', { type: 'button', 'aria-pressed': String(picked(row)), onclick: () => onpick(row) }, parts) : h('div', null, parts));
  }));
}

/** Steps of a funnel: [{ name, value, fromPrevious, fromFirst, lost }]. */
export function funnel(steps, column) {
  const most = steps[0]?.value || 1;
  return h('ol', { class: 'funnel' }, steps.map((step, i) => {
    const bar = h('span', { class: 'bar' });
    bar.style.width = `${step.value / most * 100}%`;
    return h('li', null,
      i > 0 && h('p', { class: 'drop' }, `▼ ${short(step.lost, column)} lost · ${share(step.fromPrevious === null ? null : 1 - step.fromPrevious)} drop-off`),
      h('div', { class: 'step' }, h('span', { class: 'name' }, word(step.name)), h('span', { class: 'value' }, full(step.value, column)), h('span', { class: 'note' }, share(step.fromFirst)), h('span', { class: 'track' }, bar)));
  }));
}

/** Who came again: [{ cohort, period, rate, size, value }]. */
export function retention(rows, { name, grain, zone }) {
  const cohorts = [...Map.groupBy(rows, r => r.cohort)];
  const periods = [...new Set(rows.map(r => r.period))].sort((a, b) => a - b);
  const most = Math.max(...rows.filter(r => r.period > 0).map(r => r.rate ?? 0)) || 1;
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': name }, h('table', { class: 'cohorts' },
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'First came in'), h('th', { scope: 'col', class: 'number' }, 'Size'), periods.map(p => h('th', { scope: 'col', class: 'number' }, p === 0 ? 'Same' : `+${p}`)))),
    h('tbody', null, cohorts.map(([cohort, list]) => h('tr', null, h('th', { scope: 'row' }, grain ? bucket(cohort, grain, zone) : 'The whole period'), h('td', { class: 'number' }, full(list[0].size)),
      periods.map(p => {
        const cell = list.find(r => r.period === p);
        if (!cell) return h('td');
        const level = p === 0 ? 0 : Math.min(5, Math.ceil((cell.rate ?? 0) / most * 5));
        return h('td', { class: `number level${level}`, title: full(cell.value) }, share(cell.rate));
      }))))));
}
