/** Follows next links from a first page: how many pages, all rows, and the sum of their visits. */
export async function readAll(page, get) {
  const rows = [];
  let count = 0;
  for (let next = page; next; count++) {
    rows.push(...next.value);
    next = next['@odata.nextLink'] ? await get(next['@odata.nextLink']) : undefined;
  }

  return { rows, count, sum: rows.reduce((sum, row) => sum + (row.visits ?? 0), 0) };
}
