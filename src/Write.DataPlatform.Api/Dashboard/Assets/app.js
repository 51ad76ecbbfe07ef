// The shell: who looks, which view, and the address that says it all.
import { ask, forget, key, lookAs, signIn, signOut } from './api.js';
import { button, h, say } from './dom.js';
import { callerPath } from './headline.js';
import { link, read } from './state.js';
import overview from './overview.js';

const VIEWS = {
  overview: { name: 'Overview', show: overview },
  explore: { name: 'Explore', show: (...all) => import('./explore.js').then(m => m.default(...all)) },
  insights: { name: 'Insights', show: (...all) => import('./insights.js').then(m => m.default(...all)) },
  operations: { name: 'Operations', show: (...all) => import('./operations.js').then(m => m.default(...all)), isFor: caller => caller.isOperator },
  api: { name: 'API', show: (...all) => import('./builder.js').then(m => m.default(...all)) },
};

const main = document.getElementById('main');
let caller = null;
let leaving = new AbortController();

/** Goes to a state: the address first, then the page. */
function go(state, { replace = false, quiet = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', link(state));
  if (!quiet) visit();
}

function visit() {
  show();
  renew();
}

/** What is remembered of the model is of one revision of it: after a reload the view is made anew, but not under the hands of one who fills it in. */
async function renew() {
  const mine = key();
  const found = await ask(callerPath()).catch(() => null);
  if (!found?.isKnown || !caller || key() !== mine || found.modelRevision === caller.modelRevision) return;
  if (document.activeElement?.matches('main :is(input, select, textarea)')) return;
  caller = found;
  forget();
  show();
}

function show() {
  leaving.abort();
  leaving = new AbortController();
  const state = read();
  const name = VIEWS[state.view] && (VIEWS[state.view].isFor?.(caller) ?? true) ? state.view : 'overview';
  state.view = name;
  lookAs(caller.isOperator ? state.tenant : null);
  document.getElementById('views').replaceChildren(...Object.entries(VIEWS).filter(([, v]) => v.isFor?.(caller) ?? true).map(([id, v]) =>
    h('a', { href: link({ ...state, view: id }), 'aria-current': id === name && 'page', onclick: follow }, v.name)));
  document.getElementById('session').replaceChildren(...session(state));
  document.title = `${VIEWS[name].name} · Write data platform`;
  const focused = document.activeElement?.dataset?.keep;
  const place = h('div', { class: 'view ' + name });
  Promise.resolve(VIEWS[name].show({ state, place, go, caller, zone: state.zone || caller.timeZone, signal: leaving.signal })).then(() => focused && place.querySelector(`[data-keep="${CSS.escape(focused)}"]`)?.focus());
  main.replaceChildren(place);
}

/** Links of this page change the state and load nothing; the browser's own ways of opening them stay. */
function follow(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  history.pushState(null, '', event.currentTarget.href);
  visit();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

const THEMES = ['auto', 'light', 'dark'];
function theme(change) {
  let now = localStorage.getItem('wdp-theme') ?? 'auto';
  if (change) localStorage.setItem('wdp-theme', now = THEMES[(THEMES.indexOf(now) + 1) % 3]);
  if (now === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = now;
  return now;
}

function session(state) {
  const look = button(`Theme: ${theme()}`, e => { e.target.textContent = `Theme: ${theme(true)}`; say(e.target.textContent); }, { class: 'quiet' });
  const who = h('span', { class: 'who' }, caller.tenant ? `Tenant ${caller.tenant}` : caller.name);
  const as = caller.tenants?.length ? h('select', { 'aria-label': 'Look as tenant', onchange: e => go({ ...state, tenant: e.target.value }) },
    h('option', { value: '' }, 'All tenants'), caller.tenants.map(t => h('option', { value: t, selected: t === state.tenant }, t))) : null;
  return [look, as ?? who, key() ? button('Sign out', () => { signOut(); start(); }, { class: 'quiet' }) : button('Sign in', signInPage, { class: 'quiet' })].filter(Boolean);
}

function signInPage(message) {
  leaving.abort();
  document.getElementById('views').replaceChildren();
  document.getElementById('session').replaceChildren();
  document.title = 'Sign in · Write data platform';
  const input = h('input', { type: 'password', id: 'key', autocomplete: 'current-password', required: true, placeholder: 'wdp_…', 'aria-describedby': 'key-note' });
  const said = h('p', { class: 'problem', role: 'alert' }, typeof message === 'string' ? message : '');
  main.replaceChildren(h('form', {
    class: 'card sign-in', onsubmit: async e => {
      e.preventDefault();
      signIn(input.value.trim());
      if (!(await start())) { signOut(); }
    },
  }, h('h1', null, 'Sign in'), h('label', { for: 'key' }, 'Key'), input, h('p', { id: 'key-note', class: 'muted' }, 'A key of yours, as an operator made it for you. It stays in this tab and is forgotten when you close it.'), said,
    h('button', { type: 'submit', class: 'primary' }, 'Sign in'), caller?.isKnown && button('Back', start)));
  input.focus();
}

/** Finds out who looks; whether somebody does. */
async function start() {
  try {
    const found = await ask(callerPath());
    if (!found.isKnown) {
      caller = null;
      signInPage(key() ? 'The key is not known, has expired or was revoked.' : '');
      return false;
    }
    caller = found;
    show();
    return true;
  } catch (error) {
    main.replaceChildren(h('div', { class: 'state error', role: 'alert' }, h('strong', null, error.title), h('p', null, error.message), button('Try again', start)));
    return false;
  }
}

addEventListener('popstate', () => caller && visit());
document.addEventListener('visibilitychange', () => caller && !document.hidden && renew());
addEventListener('wdp-unknown', () => { if (caller) { caller = null; signOut(); signInPage('The key is not good any more.'); } });
theme();
start();
