// The public REST API, with the caller's key. The key stays in this tab's session and is sent as a header, never in an address.
const KEY = 'wdp-key';
const LONGEST = 2000;

export const key = () => sessionStorage.getItem(KEY);
export const signIn = text => { forget(); sessionStorage.setItem(KEY, text); };
export const signOut = () => { forget(); sessionStorage.removeItem(KEY); };

let tenant = null;
/** Whose rows an operator looks at; null for all. */
export const lookAs = name => { tenant = name || null; };

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? `The server answered ${status}.`);
    this.status = status;
    this.code = problem?.code;
    this.title = { 401: 'A key is needed.', 403: 'This key may not see that.', 422: 'This cannot be answered correctly.', 429: 'Too many requests; wait a moment.', 503: 'A store or the lake is not available.' }[status] ?? 'The request was refused.';
    this.lines = problem?.errors?.length ? problem.errors.map(e => [e.message, e.suggestion].filter(Boolean).join(' ')) : [this.message];
  }
}

// What was asked before the view that shows it was there: each answer is taken once, by the same caller for the same tenant, and soon.
const SOON = 10000;
const ahead = new Map();
const isCaller = path => path.startsWith('/v1/caller');
const nameOf = path => JSON.stringify([key(), isCaller(path) ? null : tenant, path]);

/** Begins to ask for an address or a query whose answer is taken by the next who asks the same. */
export function askAhead(what) {
  const path = typeof what === 'string' ? what : address(what);
  if (path.length >= LONGEST) return;
  const answer = ask(path);
  answer.catch(() => {});
  ahead.set(nameOf(path), { at: performance.now(), answer });
  return answer;
}

function taken(path) {
  const name = nameOf(path), early = ahead.get(name);
  ahead.delete(name);
  return early && performance.now() - early.at < SOON ? early.answer : null;
}

export async function ask(path, { method = 'GET', body, accept = 'application/json', signal } = {}) {
  const early = method === 'GET' && accept === 'application/json' && taken(path);
  if (early) return early;
  const headers = { accept };
  if (key()) headers.authorization = 'Bearer ' + key();
  if (tenant && path.startsWith('/v1/') && !isCaller(path)) headers['x-tenant'] = tenant;
  if (body) headers['content-type'] = 'application/json';
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw Object.assign(new Error('The server cannot be reached.'), { title: 'No connection.' });
  }
  if (!response.ok) {
    const refusal = new Refusal(response.status, await response.json().catch(() => null));
    if (response.status === 401) dispatchEvent(new CustomEvent('wdp-unknown'));
    throw refusal;
  }
  return accept === 'application/json' ? response.json() : response.blob();
}

const asked = new Map();
/** What does not change while a view is open. */
export function remembered(path) {
  const name = nameOf(path);
  if (!asked.has(name)) asked.set(name, ask(path).catch(error => { asked.delete(name); throw error; }));
  return asked.get(name);
}
export const forget = () => { asked.clear(); ahead.clear(); };

/** A query in the query string, so that the browser keeps its answer by its tag. */
export function address(query) {
  const parts = [];
  const add = (name, value) => parts.push(name + '=' + encodeURIComponent(value).replaceAll('%2C', ',').replaceAll('%3A', ':'));
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || (Array.isArray(value) && !value.length)) continue;
    if (name === 'orderBy') add(name, value.map(o => (o.descending ? '-' : '') + o.field).join(','));
    else if (name === 'timeRange') for (const [part, text] of Object.entries(value)) add(part, text);
    else if (name === 'compare' && !value.alignToDate && typeof value.to === 'string') add(name, value.to);
    else add(name, Array.isArray(value) ? value.join(',') : typeof value === 'object' ? JSON.stringify(value) : value);
  }
  return '/v1/query?' + parts.join('&');
}

export function query(body, options) {
  const path = address(body);
  return path.length < LONGEST ? ask(path, options) : ask('/v1/query', { method: 'POST', body, ...options });
}
