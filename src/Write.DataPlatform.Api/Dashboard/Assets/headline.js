// What the overview asks. It comes with what it needs before the rest of the page, and begins to ask meanwhile.
import { askAhead, key, lookAs, remembered } from './api.js';
import { basis, grainOf, read } from './state.js';

/** The model's own choice: the insight that compares the most metrics over time; else its first metrics. */
export async function headline() {
  const { insights } = await remembered('/v1/insights');
  const kpi = insights.toSorted((a, b) => b.query.metrics.length - a.query.metrics.length).find(i => i.query.compare && i.query.groupBy?.length === 1 && i.query.groupBy[0].startsWith('metric_time') && i.query.metrics.length > 2);
  if (kpi) return kpi.query.metrics.filter(m => typeof m === 'string').slice(0, 6);
  const { metrics } = await remembered('/v1/metrics');
  return metrics.filter(m => m.isComputed && ['simple', 'ratio', 'derived'].includes(m.type)).slice(0, 5).map(m => m.name);
}

/** The overview's two queries: a number for each metric, and how each of them went. */
export function queries(state, metrics) {
  const time = 'metric_time__' + grainOf(state);
  return { totals: { metrics, ...basis(state) }, series: { metrics, groupBy: [time], ...basis(state), orderBy: [{ field: time }] } };
}

/** Who looks. The page asks ahead without a key, and a browser takes that answer for any request of the address, whatever its headers. */
export const callerPath = () => key() ? '/v1/caller?signed-in' : '/v1/caller';

(async () => {
  const state = read();
  if (key() && !state.tenant && state.view === 'overview') headline().catch(() => {});
  const caller = await askAhead(callerPath());
  if (!caller.isKnown || state.view !== 'overview') return;
  lookAs(caller.isOperator ? state.tenant : null);
  const metrics = await headline();
  if (metrics.length) for (const query of Object.values(queries(state, metrics))) askAhead(query);
})().catch(() => { /* The page asks again, and says it. */ });
