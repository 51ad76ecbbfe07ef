using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using System.Numerics;
using DuckDB.NET.Data;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>
/// What the lake says to the pieces of a plan that gold does not serve. All are asked at once and read one after another in the order in which they were asked: an answer
/// holds a place of the lake until it is read, so the first in line must never wait for one behind it. Dispose it to end the queries.
/// </summary>
internal sealed class LakeAnswers : IAsyncDisposable
{
    private readonly List<(LeafPiece Piece, Task<LakeRows> Rows)> _running;

    private readonly CancellationTokenSource _end;

    private LakeAnswers(List<(LeafPiece, Task<LakeRows>)> running, CancellationTokenSource end) => (_running, _end) = (running, end);

    /// <summary>Bytes that the lake read for what was read so far.</summary>
    public long BytesScanned { get; private set; }

    /// <summary>Begins to ask.</summary>
    public static LakeAnswers Ask(QueryPlan plan, ILake lake, CancellationToken cancellationToken = default)
    {
        var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        return new LakeAnswers(
            [.. plan.Leaves.SelectMany(leaf => leaf.Pieces.Where(p => p.Gold is null).Select(piece => (
                piece, lake.QueryAsync(QueryPlan.CompileLake(leaf, piece, lake.Dialect) with { Tenant = plan.Resolved.Query.Tenant, MayReuse = true }, end.Token))))],
            end);
    }

    /// <summary>Reads every answer, and lets each go when it is read.</summary>
    /// <exception cref="LakeException">The lake could not answer.</exception>
    public async Task ReadAsync(Func<LeafPiece, LakeRows, Task> read)
    {
        foreach (var (piece, task) in _running)
        {
            await using var rows = await task;
            await read(piece, rows);
            BytesScanned += rows.BytesScanned;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // A failed piece ends the answer; the others are stopped, and what they still bring is let go.
        await _end.CancelAsync();
        foreach (var (_, task) in _running)
        {
            await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (task.IsCompletedSuccessfully)
            {
                await task.Result.DisposeAsync();
            }
        }

        _end.Dispose();
    }
}

/// <summary>Runs a plan on one serving session: the lake's answers into temporary tables, then the finish over them and the gold relations.</summary>
internal sealed class PlanRunner(DuckDbSession session, QueryPlan plan, IEnumerable<KeyValuePair<LeafPiece, string>> goldRelations)
{
    private readonly Dictionary<LeafPiece, string> _sources = new(goldRelations, ReferenceEqualityComparer.Instance);

    /// <summary>Reads what the lake says.</summary>
    /// <exception cref="LakeException">The lake stopped answering.</exception>
    public Task LoadAsync(LakeAnswers lake, CancellationToken cancellationToken = default) => lake.ReadAsync(async (piece, rows) =>
    {
        var table = string.Create(CultureInfo.InvariantCulture, $"lake_{_sources.Count}");
        await AppendAsync(table, rows, cancellationToken);
        _sources[piece] = table;
    });

    /// <summary>The answer's rows; <paramref name="isTotals"/> gives the one row over all groups.</summary>
    /// <exception cref="QueryException">There are more rows to fill than may be.</exception>
    public async Task<ResultRows> FinishAsync(bool isTotals, CancellationToken cancellationToken = default)
    {
        var statement = isTotals
            ? FinishCompiler.CompileTotals(plan.Resolved, plan.Leaves, (_, piece) => _sources[piece])
            : FinishCompiler.Compile(plan.Resolved, plan.Leaves, (_, piece) => _sources[piece]);
        try
        {
            return await session.QueryAsync(statement, reader => ResultRows.Read(reader, cancellationToken), cancellationToken);
        }
        catch (DuckDBException exception) when (exception.Message.Contains(FinishCompiler.TooManyFilled, StringComparison.Ordinal))
        {
            throw new QueryException([new QueryProblem(QueryProblems.TooManyBuckets, $"Filling would make more than {FinishCompiler.MaxFilled} rows: a row for every bucket and every combination of the other fields.", "fill")]);
        }
    }

    private async Task AppendAsync(string table, LakeRows rows, CancellationToken cancellationToken)
    {
        var columns = string.Join(", ", rows.Columns.Select(c => DuckDbDialect.Instance.Quote(c.Name) + " " + c.Type.DuckDbName));
        await session.ExecuteAsync($"CREATE TEMP TABLE {table} ({columns})", cancellationToken);
        using var appender = session.Connection.CreateAppender(table);
        await foreach (var values in rows.ReadAsync(cancellationToken))
        {
            var row = appender.CreateRow();
            for (var i = 0; i < values.Length; i++)
            {
                row.Append(values[i]);
            }

            row.EndRow();
        }
    }
}

/// <summary>Rows of the finish, in the CLR types of <see cref="ColumnKind"/>.</summary>
internal sealed record ResultRows(ImmutableArray<ResultColumn> Columns, List<object?[]> Rows)
{
    /// <summary>The rows as an answer gives them: what is no finite number is null.</summary>
    public List<object?[]> Finite()
    {
        foreach (var (column, at) in Columns.Select((c, i) => (c, i)).Where(c => c.c.Type.Kind == ColumnKind.Double))
        {
            foreach (var row in Rows.Where(row => row[at] is double number && !double.IsFinite(number)))
            {
                row[at] = null;
            }
        }

        return Rows;
    }

    public static ResultRows Read(DbDataReader reader, CancellationToken cancellationToken)
    {
        var columns = Enumerable.Range(0, reader.FieldCount).Select(i => new ResultColumn(reader.GetName(i), TypeOf(reader, i))).ToImmutableArray();
        if (columns.Any(c => c.Type.Kind == ColumnKind.Decimal))
        {
            var schema = reader.GetSchemaTable()!.Rows;
            columns = [.. columns.Select((c, i) => c.Type.Kind == ColumnKind.Decimal
                ? c with { Type = new ColumnType(ColumnKind.Decimal, Convert.ToByte(schema[i]["NumericPrecision"], CultureInfo.InvariantCulture), Convert.ToByte(schema[i]["NumericScale"], CultureInfo.InvariantCulture)) }
                : c)];
        }

        var rows = new List<object?[]>();
        while (reader.Read())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var row = new object?[columns.Length];
            for (var i = 0; i < row.Length; i++)
            {
                row[i] = reader.IsDBNull(i) ? null : Value(reader, i, columns[i].Type.Kind);
            }

            rows.Add(row);
        }

        return new ResultRows(columns, rows);
    }

    private static object? Value(DbDataReader reader, int column, ColumnKind kind)
    {
        switch (kind)
        {
            case ColumnKind.Int64:
                return reader.GetFieldType(column) == typeof(BigInteger)
                    ? Whole(reader.GetFieldValue<BigInteger>(column), reader.GetName(column))
                    : Convert.ToInt64(reader.GetValue(column), CultureInfo.InvariantCulture);
            case ColumnKind.Double:
                return Convert.ToDouble(reader.GetValue(column), CultureInfo.InvariantCulture);
            case ColumnKind.Decimal:
                return reader.GetDecimal(column);
            case ColumnKind.Boolean:
                return reader.GetBoolean(column);
            case ColumnKind.Date:
                return reader.GetFieldValue<DateOnly>(column);
            case ColumnKind.Timestamp:
                return DateTime.SpecifyKind(reader.GetDateTime(column), DateTimeKind.Utc);
            default:
                return reader.GetValue(column) as string ?? Convert.ToString(reader.GetValue(column), CultureInfo.InvariantCulture);
        }
    }

    private static long Whole(BigInteger value, string column) => value >= long.MinValue && value <= long.MaxValue
        ? (long)value
        : throw new QueryException([new QueryProblem(QueryProblems.NumberTooLarge, $"A value of {column} has more than 64 bits.", "metrics", "Let the measure sum a decimal or a double.")], isUnanswerable: true);

    private static ColumnType TypeOf(DbDataReader reader, int column) => reader.GetDataTypeName(column) switch
    {
        "Boolean" => new ColumnType(ColumnKind.Boolean),
        "TinyInt" or "SmallInt" or "Integer" or "BigInt" or "HugeInt" or "UnsignedTinyInt" or "UnsignedSmallInt" or "UnsignedInteger" or "UnsignedBigInt"
            => new ColumnType(ColumnKind.Int64),
        "Float" or "Double" => new ColumnType(ColumnKind.Double),
        "Decimal" => new ColumnType(ColumnKind.Decimal),
        "Date" => new ColumnType(ColumnKind.Date),
        "Timestamp" or "TimestampS" or "TimestampMs" or "TimestampNs" or "TimestampTz" => new ColumnType(ColumnKind.Timestamp),
        _ => new ColumnType(ColumnKind.String),
    };
}
