using System.Globalization;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>The rows that a batch's events join to, read from the lake by their keys: tables of the lake's names, with no other rows.</summary>
internal sealed class JoinedRows(DuckDbSession session, StreamPlan plan, ILake lake)
{
    private const int KeysAtOnce = 1000;

    /// <summary>Makes the tables that a gold table's dimensions and filters of the fact need.</summary>
    /// <exception cref="LakeException">The lake could not give the rows.</exception>
    public async Task LoadAsync(GoldDefinition definition, CancellationToken cancellationToken = default)
    {
        var leaf = definition.Leaves.First(l => l.Fact.Name == plan.Fact.Name);
        var ways = leaf.GroupBy.Select(g => g.Binding).Concat(leaf.Bindings.Values).Select(b => b.Hops).Where(h => !h.IsEmpty).ToList();
        var made = new HashSet<string>(StringComparer.Ordinal);
        foreach (var hops in ways)
        {
            var (from, path) = (plan.Fact, "");
            foreach (var hop in hops)
            {
                path += "/" + hop.Entity + ">" + hop.Target.Name;
                if (made.Add(path))
                {
                    await LoadAsync(from, hop, isFirst: made.Count(p => p.EndsWith(">" + hop.Target.Name, StringComparison.Ordinal)) == 1, cancellationToken);
                }

                from = hop.Target;
            }
        }
    }

    private async Task LoadAsync(Model.SemanticModel from, JoinHop hop, bool isFirst, CancellationToken cancellationToken)
    {
        var target = hop.Target;
        if (target.Table == plan.Fact.Table)
        {
            throw new LakeException($"Events of {plan.Fact.Name} join to their own table, which a stream cannot.", isTransient: false);
        }

        if (target.Table.Split('.') is [var schema, _])
        {
            await session.ExecuteAsync($"CREATE SCHEMA IF NOT EXISTS {LakeViews.Quote(schema)}", cancellationToken);
        }

        var columns = await lake.DescribeAsync(target.Table, cancellationToken) ?? throw new LakeException($"The lake has no table '{target.Table}'.", isTransient: false) { IsMissing = true };
        var create = isFirst ? "CREATE OR REPLACE TABLE" : "CREATE TABLE IF NOT EXISTS";
        await session.ExecuteAsync($"{create} {LakeViews.Quote(target.Table)} ({string.Join(", ", columns.Select(c => GoldColumns.Quote(c.Name) + " " + c.Type.DuckDbName))})", cancellationToken);
        var dialect = lake.Dialect;
        var list = string.Join(", ", columns.Select(c => dialect.Quote(c.Name)));
        var table = string.Join('.', target.Table.Split('.').Select(dialect.Quote));
        IEnumerable<string[]?> batches = [null];
        if (!hop.IsCross)
        {
            batches = (await KeysAsync(from, hop, cancellationToken)).Chunk(KeysAtOnce);
        }

        foreach (var keys in batches)
        {
            var where = keys is null ? "" : $" WHERE CAST({Expression(target.Entities[hop.Entity].Expr, dialect)} AS VARCHAR) IN ({string.Join(", ", keys.Select(k => GoldColumns.Literal(k)))})";
            await using var rows = await lake.QueryAsync(new SqlStatement($"SELECT {list} FROM {table}{where}"), cancellationToken);
            var read = new List<object?[]>();
            await foreach (var row in rows.ReadAsync(cancellationToken))
            {
                read.Add(row);
            }

            await session.ExecuteAsync($"CREATE OR REPLACE TEMP TABLE joined_rows AS SELECT * FROM {LakeViews.Quote(target.Table)} LIMIT 0", cancellationToken);
            using (var appender = session.Connection.CreateAppender("joined_rows"))
            {
                foreach (var values in read)
                {
                    var appended = appender.CreateRow();
                    foreach (var value in values)
                    {
                        appended.Append(value);
                    }

                    appended.EndRow();
                }
            }

            // A second way to the same table may bring rows that the first has.
            await session.ExecuteAsync(
                $"INSERT INTO {LakeViews.Quote(target.Table)} {(isFirst ? "FROM joined_rows" : $"(FROM joined_rows EXCEPT FROM {LakeViews.Quote(target.Table)})")}", cancellationToken);
        }
    }

    private Task<List<string>> KeysAsync(Model.SemanticModel from, JoinHop hop, CancellationToken cancellationToken)
    {
        var key = Expression(from.Entities[hop.Entity].Expr, DuckDbDialect.Instance);
        return session.QueryAsync(
            new SqlStatement($"SELECT DISTINCT CAST({key} AS VARCHAR) FROM {LakeViews.Quote(from.Table)} WHERE {key} IS NOT NULL ORDER BY 1"),
            reader =>
            {
                var keys = new List<string>();
                while (reader.Read())
                {
                    keys.Add(Convert.ToString(reader.GetValue(0), CultureInfo.InvariantCulture)!);
                }

                return keys;
            },
            cancellationToken);
    }

    private static string Expression(string expr, SqlDialect dialect) => SqlWriter.IsColumn(expr) ? dialect.Quote(expr) : "(" + expr + ")";
}
