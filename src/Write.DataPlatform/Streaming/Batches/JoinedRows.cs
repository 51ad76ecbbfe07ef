using System.Globalization;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>The rows that events join to, read from the lake by their keys: tables of the lake's names, with no other rows.</summary>
/// <remarks>
/// A key is asked for once and its rows are kept for <see cref="KeptFor"/>, and no longer than there are <see cref="MaxRows"/>: then all are forgotten and read anew. What the lake did not
/// have is asked for again when a window is counted for the last time.
/// </remarks>
internal sealed class JoinedRows(DuckDbSession session, StreamPlan plan, ILake lake, TimeProvider time)
{
    /// <summary>How many rows are kept.</summary>
    public const long MaxRows = 200_000;

    private const int KeysAtOnce = 1000;

    /// <summary>How old kept rows may be.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(1);

    private readonly List<(Model.SemanticModel From, JoinHop Hop)> _hops = HopsOf(plan);
    private readonly Dictionary<string, string> _asked = new(StringComparer.Ordinal);
    private readonly HashSet<string> _made = new(StringComparer.Ordinal);
    private long _rows;
    private long? _since;

    /// <summary>Reads the rows that the fact's rows, as they are shown now, join to and that are not there yet.</summary>
    /// <param name="isLast">Whether these rows are counted for the last time.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LakeException">The lake could not give the rows.</exception>
    public async Task LoadAsync(bool isLast, CancellationToken cancellationToken = default)
    {
        if (_since is { } since && (time.GetElapsedTime(since) > KeptFor || _rows > MaxRows))
        {
            _made.Clear();
            _asked.Clear();
            _since = null;
        }

        if (_since is null)
        {
            _since = time.GetTimestamp();
            _rows = 0;
        }

        foreach (var (from, hop) in _hops)
        {
            await LoadAsync(from, hop, isLast, cancellationToken);
        }
    }

    /// <summary>All hops of the tables' dimensions and filters, those behind others after them.</summary>
    private static List<(Model.SemanticModel From, JoinHop Hop)> HopsOf(StreamPlan plan)
    {
        var found = new List<(Model.SemanticModel, JoinHop)>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var leaf in plan.Tables.Select(definition => definition.Leaves.First(l => l.Fact.Name == plan.Fact.Name)))
        {
            foreach (var hops in leaf.GroupBy.Select(g => g.Binding).Concat(leaf.Bindings.Values).Select(b => b.Hops))
            {
                var (from, path) = (plan.Fact, "");
                foreach (var hop in hops)
                {
                    path += "/" + hop.Entity + ">" + hop.Target.Name;
                    if (known.Add(path))
                    {
                        found.Add((from, hop));
                    }

                    from = hop.Target;
                }
            }
        }

        return found;
    }

    private async Task LoadAsync(Model.SemanticModel from, JoinHop hop, bool isLast, CancellationToken cancellationToken)
    {
        var target = hop.Target;
        if (target.Table == plan.Fact.Table)
        {
            throw new LakeException($"Events of {plan.Fact.Name} join to their own table, which a stream cannot.", isTransient: false);
        }

        var quoted = LakeViews.Quote(target.Table);
        if (_made.Add(target.Table))
        {
            if (target.Table.Split('.') is [var schema, _])
            {
                await session.ExecuteAsync($"CREATE SCHEMA IF NOT EXISTS {LakeViews.Quote(schema)}", cancellationToken);
            }

            var described = await lake.DescribeAsync(target.Table, cancellationToken) ?? throw new LakeException($"The lake has no table '{target.Table}'.", isTransient: false) { IsMissing = true };
            await session.ExecuteAsync($"CREATE OR REPLACE TABLE {quoted} ({string.Join(", ", described.Select(c => GoldColumns.Quote(c.Name) + " " + c.Type.DuckDbName))})", cancellationToken);
        }

        var columns = await session.QueryAsync(new SqlStatement($"SELECT column_name FROM (DESCRIBE {quoted})"), Texts, cancellationToken);
        var dialect = lake.Dialect;
        var select = $"SELECT {string.Join(", ", columns.Select(dialect.Quote))} FROM {string.Join('.', target.Table.Split('.').Select(dialect.Quote))}";
        if (hop.IsCross)
        {
            if (_asked.TryAdd(target.Table + "\n*", ""))
            {
                await InsertAsync(target.Table, select, cancellationToken);
            }

            return;
        }

        // Ways that lead to the same key of the same table share what they asked.
        var expr = target.Entities[hop.Entity].Expr;
        if (!_asked.TryGetValue(target.Table + "\n" + expr, out var asked))
        {
            asked = string.Create(CultureInfo.InvariantCulture, $"asked_{_asked.Count}");
            await session.ExecuteAsync($"CREATE OR REPLACE TEMP TABLE {asked} (key VARCHAR, is_there BOOLEAN)", cancellationToken);
            _asked.Add(target.Table + "\n" + expr, asked);
        }

        foreach (var keys in (await KeysAsync(from, hop, $"SELECT key FROM {asked}{(isLast ? " WHERE is_there" : "")}", cancellationToken)).Chunk(KeysAtOnce))
        {
            await InsertAsync(target.Table, $"{select} WHERE CAST({Expression(expr, dialect)} AS VARCHAR) IN ({string.Join(", ", keys.Select(k => GoldColumns.Literal(k)))})", cancellationToken);
            await session.ExecuteAsync($"DELETE FROM {asked} WHERE NOT is_there AND key IN ({string.Join(", ", keys.Select(GoldColumns.Literal))})", cancellationToken);
            await session.ExecuteAsync(
                $"INSERT INTO {asked} SELECT k, k IN (SELECT CAST({Expression(expr, DuckDbDialect.Instance)} AS VARCHAR) FROM {quoted}) FROM (VALUES {string.Join(", ", keys.Select(k => $"({GoldColumns.Literal(k)})"))}) AS keys(k)",
                cancellationToken);
        }
    }

    private async Task InsertAsync(string table, string sql, CancellationToken cancellationToken)
    {
        var read = new List<object?[]>();
        await using (var rows = await lake.QueryAsync(new SqlStatement(sql), cancellationToken))
        {
            await foreach (var row in rows.ReadAsync(cancellationToken))
            {
                read.Add(row);
            }
        }

        _rows += read.Count;
        await session.ExecuteAsync($"CREATE OR REPLACE TEMP TABLE joined_rows AS SELECT * FROM {LakeViews.Quote(table)} LIMIT 0", cancellationToken);
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

        // A second key of the same table may bring rows that the first has.
        var isOnly = _asked.Keys.Count(k => k.StartsWith(table + "\n", StringComparison.Ordinal)) <= 1;
        await session.ExecuteAsync($"INSERT INTO {LakeViews.Quote(table)} {(isOnly ? "FROM joined_rows" : $"(FROM joined_rows EXCEPT FROM {LakeViews.Quote(table)})")}", cancellationToken);
    }

    private Task<List<string>> KeysAsync(Model.SemanticModel from, JoinHop hop, string known, CancellationToken cancellationToken)
    {
        var key = Expression(from.Entities[hop.Entity].Expr, DuckDbDialect.Instance);
        return session.QueryAsync(
            new SqlStatement($"SELECT DISTINCT CAST({key} AS VARCHAR) AS k FROM {LakeViews.Quote(from.Table)} WHERE {key} IS NOT NULL AND CAST({key} AS VARCHAR) NOT IN ({known}) ORDER BY 1"), Texts, cancellationToken);
    }

    private static List<string> Texts(System.Data.Common.DbDataReader reader)
    {
        var texts = new List<string>();
        while (reader.Read())
        {
            texts.Add(reader.GetString(0));
        }

        return texts;
    }

    private static string Expression(string expr, SqlDialect dialect) => SqlWriter.IsColumn(expr) ? dialect.Quote(expr) : "(" + expr + ")";
}
