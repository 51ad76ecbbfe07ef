// Reads the feed by @odata/client: metadata, filters, pages, aggregates, batches of both forms, an error. Prints what it found as JSON.
//   node client.mjs http://127.0.0.1:5080/odata
import { createRequire } from 'node:module';
import { readAll } from './pages.mjs';

const { OData } = createRequire(import.meta.url)('@odata/client');
const root = process.argv[2] + '/';
const client = OData.New4({ serviceEndpoint: root, commonHeaders: { Prefer: 'odata.maxpagesize=5000' } });
const visits = client.getEntitySet('visits_daily');

const metadata = await (await fetch(root + '$metadata')).text();
const pages = await readAll(await client.newRequest({ collection: 'visits_daily' }), async (next) => (await fetch(next, { headers: { prefer: 'odata.maxpagesize=5000' } })).json());
const french = await visits.query(client.newOptions().filter(client.newFilter().field('visit__country').eq("'FR'").field('visits').ge(2)).select(['visits']).orderby('visits', 'desc').top(20000));
const devices = await visits.query(client.newOptions().apply(client.newTransformation().groupBy(['visit__device'], client.newTransformation().aggregate('visits with sum as total'))));
const months = await client.getEntitySet('metrics').query(client.newOptions().apply('groupby((metric_time__month),aggregate(visits))'));
const count = await visits.count();
const first = pages.rows[0];
const one = await visits.retrieve(first.row_key);

const batch = await client.execBatchRequests([
  client.newBatchRequest({ collection: 'visits_daily', params: client.newOptions().top(3) }),
  client.newBatchRequest({ collection: 'shows_daily', params: client.newOptions().top(2).select('row_key') }),
]);
const answers = await Promise.all(batch.map(async (response) => (await response.json()).value.length));

let error;
try {
  await visits.query(client.newOptions().filter('nope eq 1'));
} catch (refused) {
  error = refused.message;
}

console.log(JSON.stringify({
  sets: [...metadata.matchAll(/<EntitySet Name="(\w+)"/g)].map((match) => match[1]),
  rows: pages.rows.length, pages: pages.count, visits: pages.sum,
  french: french.reduce((sum, row) => sum + row.visits, 0),
  devices: Object.fromEntries(devices.map((row) => [String(row.visit__device), row.total])),
  months: months.reduce((sum, row) => sum + row.visits, 0),
  one: one.visits === first.visits, count,
  batch: answers,
  error,
}));
