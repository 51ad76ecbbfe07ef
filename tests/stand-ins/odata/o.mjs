// Reads the feed by o.js: metadata, filters, pages, aggregates, a multipart batch, an error. Prints what it found as JSON.
//   node o.mjs http://127.0.0.1:5080/odata
import { createRequire } from 'node:module';
import { readAll } from './pages.mjs';

const { o } = createRequire(import.meta.url)('odata');
const root = process.argv[2] + '/';
const connect = () => o(root, { headers: { accept: 'application/json', prefer: 'odata.maxpagesize=5000' } });
const query = (resource, options) => connect().get(resource).query(options);

const metadata = await (await connect().get('$metadata').fetch()).text();
const pages = await readAll(await (await connect().get('visits_daily').fetch()).json(), async (next) => (await connect().get(next).fetch()).json());
const french = await query('visits_daily', { $filter: "visit__country eq 'FR' and visits ge 2", $select: 'visits', $orderby: 'visits desc', $top: 20000 });
const devices = await query('visits_daily', { $apply: 'groupby((visit__device),aggregate(visits with sum as total,bounce_rate))' });
const months = await query('metrics', { $apply: 'groupby((metric_time__month),aggregate(visits))' });
const first = pages.rows[0];
const one = await query(`visits_daily('${first.row_key}')`, {});
const batch = await o(root, {}).get('visits_daily').get('shows_daily').batch({ $top: 3 });

let error;
try {
  await query('visits_daily', { $filter: 'nope eq 1' });
} catch (response) {
  error = { status: response.status, code: (await response.json()).error.code };
}

console.log(JSON.stringify({
  sets: [...metadata.matchAll(/<EntitySet Name="(\w+)"/g)].map((match) => match[1]),
  rows: pages.rows.length, pages: pages.count, visits: pages.sum,
  french: french.reduce((sum, row) => sum + row.visits, 0),
  devices: Object.fromEntries(devices.map((row) => [String(row.visit__device), row.total])),
  months: months.reduce((sum, row) => sum + row.visits, 0),
  one: one.visits === first.visits,
  batch: batch.map((answer) => answer.body.length),
  error,
}));
