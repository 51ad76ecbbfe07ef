// 'Show the query': the same question for a terminal, a program, Power BI, and as the platform's own plan.
import { address, ask } from './api.js';
import { button, fill, h, say, tabs } from './dom.js';
import { full, whole } from './format.js';
import { dates } from './state.js';

const quote = text => "'" + String(text).replaceAll("'", "'\\''") + "'";
const json = query => '{\n' + Object.entries(query).filter(([, v]) => v !== undefined && !(Array.isArray(v) && !v.length)).map(([k, v]) => `  ${JSON.stringify(k)}: ${JSON.stringify(v)}`).join(',\n') + '\n}';

const literal = value => value === null ? 'null' : typeof value === 'string' ? "'" + value.replaceAll("'", "''") + "'" : String(value);
function condition(where) {
  if (where.and) return where.and.map(condition).join(' and ');
  const values = where.values ?? [];
  return values.length === 1 ? `${where.field} eq ${literal(values[0])}` : `${where.field} in (${values.map(literal).join(',')})`;
}

/** The feed's address for a query; what the feed does not have is said and left out. */
export function feed(query, zone) {
  const range = dates(query.timeRange, zone);
  const filters = [range?.[0] && `metric_time__day ge ${range[0]}`, range?.[1] && `metric_time__day lt ${range[1]}`, query.where && condition(query.where)].filter(Boolean).join(' and ');
  const metrics = `aggregate(${query.metrics.join(',')})`;
  const apply = [filters && `filter(${filters})`, query.groupBy?.length ? `groupby((${query.groupBy.join(',')}),${metrics})` : metrics].filter(Boolean).join('/');
  const order = query.orderBy?.filter(o => query.metrics.includes(o.field) || query.groupBy?.includes(o.field)).map(o => o.field + (o.descending ? ' desc' : '')).join(',');
  const encoded = text => encodeURI(text).replaceAll('#', '%23').replaceAll('+', '%2B').replaceAll('&', '%26');
  const options = [`$apply=${apply}`, order && `$orderby=${order}`, query.limit && `$top=${query.limit}`].filter(Boolean).map(encoded).join('&');
  return `/odata/metrics?${options}`;
}

/** Every way to ask a query: [name, text, note]. */
export function ways(query, { zone, tenant }) {
  const base = location.origin, path = address(query) + (tenant ? `&tenant=${encodeURIComponent(tenant)}` : '');
  const odata = base + feed(query, zone) + (tenant ? `&tenant=${encodeURIComponent(tenant)}` : '');
  const body = json(query), suffix = tenant ? `?tenant=${encodeURIComponent(tenant)}` : '';
  const notes = [query.compare && 'The feed has no comparison; ask it for both periods.', query.timeZone && 'The feed counts days in the model\'s time zone.'].filter(Boolean).join(' ');
  const key = 'wdp_…';
  return [
    ['curl', `curl -H 'Authorization: Bearer ${key}' \\\n  ${quote(base + path)}\n\n# the same as a body\ncurl -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\\n  -d ${quote(body)} \\\n  ${quote(base + '/v1/query' + suffix)}`],
    ['OData', odata, notes],
    ['C#', `using System.Net.Http.Headers;\nusing System.Text;\nusing System.Text.Json.Nodes;\n\nusing var client = new HttpClient { BaseAddress = new Uri("${base}") };\nclient.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Environment.GetEnvironmentVariable("WDP_KEY"));\nvar query = """\n${body}\n""";\nusing var response = await client.PostAsync("/v1/query${suffix}", new StringContent(query, Encoding.UTF8, "application/json"));\nresponse.EnsureSuccessStatusCode();\nvar answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;\nforeach (var row in answer["rows"]!.AsArray())\n{\n    Console.WriteLine(row);\n}`],
    ['Python', `import json, os, urllib.request\n\nquery = json.loads(r'''${body.replaceAll("'''", "\\u0027\\u0027\\u0027")}''')\nrequest = urllib.request.Request(\n    "${base}/v1/query${suffix}",\n    data=json.dumps(query).encode(),\n    headers={"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["WDP_KEY"]})\nwith urllib.request.urlopen(request) as response:\n    rows = json.load(response)["rows"]\nprint(*rows, sep="\\n")  # or pandas.DataFrame(rows)`],
    ['Power Query', `let\n    Source = OData.Feed("${odata.replaceAll('"', '""')}", null, [Implementation = "2.0"])\nin\n    Source`, notes],
  ];
}

const copy = text => navigator.clipboard?.writeText(text).then(() => say('Copied.'), () => say('It could not be copied.'));

function plan(explanation, answer) {
  const served = answer?.served;
  return [
    served && h('p', null, 'Served by ', h('strong', null, served.by.join(' and ') || 'nobody'), served.tables.map(t => ` · ${t.name}, revision ${t.revision}`).join(''), served.bytesScanned ? ` · ${whole(served.bytesScanned)} bytes scanned` : ''),
    explanation.leaves.flatMap((leaf, n) => leaf.pieces.map(p => [h('h4', null, `Part ${n + 1}: ${leaf.semanticModel} from ${p.by}${p.table ? ` (${p.table}${p.revision ? `, revision ${p.revision}` : ''})` : ''}, ${p.timeRange}`), p.sql && h('pre', { tabindex: 0, role: 'region', 'aria-label': 'SQL' }, p.sql)])),
    h('h4', null, 'Finish'), h('pre', { tabindex: 0, role: 'region', 'aria-label': 'SQL of the finish' }, explanation.finishSql),
    explanation.leaves.some(l => l.misses.length) && [h('h4', null, 'Why other tables do not serve it'), h('ul', null, explanation.leaves.flatMap(l => l.misses).map(m => h('li', null, h('code', null, m.code), ' ', m.message)))],
  ];
}

/** The panel. queries: [id, name, query]; answers: promises by id. */
export function shown({ queries, answers, caller, state, signal, isOpen = false }) {
  let [id] = queries[0], way = 'curl';
  const place = h('div');
  const draw = () => {
    const [, , query] = queries.find(q => q[0] === id);
    const all = ways(query, { zone: state.zone || caller.timeZone, tenant: caller.isOperator ? state.tenant : '' });
    const names = [...all.map(a => [a[0], a[0]]), ...(caller.isOperator ? [['plan', 'SQL and who served it']] : [])];
    const one = all.find(a => a[0] === way);
    const code = h('div');
    if (one) code.append(h('pre', { tabindex: 0, role: 'region', 'aria-label': one[0] }, one[1]), one[2] ? h('p', { class: 'muted' }, one[2]) : '', button('Copy', () => copy(one[1])));
    else fill(code, async () => plan(await ask('/v1/query/explain', { method: 'POST', body: query, signal }), await answers?.[id]?.catch(() => null)), signal);
    place.replaceChildren(h('div', { class: 'head' }, queries.length > 1 && tabs('Which query', queries.map(q => [q[0], q[1]]), id, v => { id = v; draw(); }), tabs('How it is asked', names, way, v => { way = v; draw(); })), code);
  };
  const details = h('details', { open: isOpen, ontoggle: () => details.open && !place.hasChildNodes() && draw() }, h('summary', { 'data-keep': 'query' }, `Show the query${state.tenant && caller.isOperator ? ` as tenant ${state.tenant}` : ''}`), place);
  if (isOpen) draw();
  return details;
}

/** An answer as a table. */
export const rowsOf = (answer, most = 200) => answer.rows.length === 0 ? h('p', { class: 'state' }, 'No rows.') : [h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Rows' }, h('table', null,
  h('thead', null, h('tr', null, answer.columns.map(c => h('th', { scope: 'col', class: c.format && 'number' }, c.label ?? c.name)))),
  h('tbody', null, answer.rows.slice(0, most).map(r => h('tr', null, answer.columns.map(c => h('td', { class: c.format && 'number' }, full(r[c.name], c)))))))),
  answer.rows.length > most && h('p', { class: 'muted' }, `The first ${most} of ${whole(answer.rows.length)} rows.`)];
