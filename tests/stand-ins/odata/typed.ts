// What typed.mjs compiles against the client that odata2ts makes: a column that the model lacks, or that has another type there, does not compile.
import { FetchClient } from '@odata2ts/http-client-fetch';
import { FeedService } from './feed/FeedService';
import type { visits_daily } from './feed/FeedModel';

declare const process: { argv: string[] };

type Page = { value: visits_daily[]; '@odata.nextLink'?: string };

async function main(): Promise<void> {
  const http = new FetchClient({ headers: { prefer: 'odata.maxpagesize=5000' } });
  const feed = new FeedService(http, process.argv[2]);

  const rows: visits_daily[] = [];
  let pages = 0;
  let page = (await feed.visits_daily().query()).data as Page;
  for (;;) {
    pages++;
    rows.push(...page.value);
    if (!page['@odata.nextLink']) {
      break;
    }

    page = (await http.get<Page>(page['@odata.nextLink'])).data;
  }

  const visits = rows.reduce((sum: number, row) => sum + (row.visits ?? 0), 0);
  const french = await feed.visits_daily().query((build, q) => build.select('visits').filter(q.visit__country.eq('FR'), q.visits.ge(2)).orderBy(q.visits.desc()).top(20000).count());
  const devices = await feed.visits_daily().query((build) => build.groupBy('visit__device'));
  const countries = await feed.visits_daily().query((build, q) => build.filter(q.visit__country.in('FR', 'DE').and(q.metric_time__day.ge('2025-06-01')).or(q.visit__country.contains('zz'))).top(5));
  const first = rows[0];
  const one = await feed.visits_daily(first.row_key).query();
  const day: string | null = first.metric_time__day;
  const rate: number | null = first.bounce_rate;

  let error: unknown;
  try {
    await feed.visits_daily().query((build) => build.top(-1));
  } catch (refused) {
    error = { status: (refused as { status?: number }).status, message: (refused as Error).message };
  }

  console.log(JSON.stringify({
    rows: rows.length, pages, visits,
    french: french.data.value.reduce((sum, row) => sum + (row.visits ?? 0), 0),
    counted: french.data['@odata.count'],
    devices: devices.data.value.map((row) => String(row.visit__device)).sort(),
    countries: countries.data.value.length,
    one: one.data.visits === first.visits && typeof day === 'string' && (rate === null || typeof rate === 'number'),
    error,
  }));
}

void main();
