using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.AthenaStandIn;
using Write.DataPlatform.AthenaStandIn.Protocol;
using Write.DataPlatform.AthenaStandIn.Sql;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>Athena's SQL over a folder of Parquet files, without the protocol: statements as Trino would take them, values as Athena prints them.</summary>
internal sealed class TrinoLake : ILake, IDisposable
{
    private readonly OutputStore _store;
    private readonly Engine _engine;

    public TrinoLake(string path, params string[] databases)
    {
        _store = new OutputStore(null, null);
        _engine = new Engine(new Catalog(path, databases), _store, unloadFiles: 1);
    }

    public SqlDialect Dialect => AthenaDialect.Instance;

    public Task<LakeRows> QueryAsync(SqlStatement statement, CancellationToken cancellationToken = default)
    {
        Assert.Empty(statement.Parameters);
        return Task.Run<LakeRows>(() => new Rows(Run(() => _engine.Query(statement.Text, Catalog.Default, cancellationToken))), cancellationToken);
    }

    public Task<LakeExport> ExportAsync(SqlStatement statement, string directory, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ImmutableArray<ResultColumn>?> DescribeAsync(string table, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<string?> GetVersionAsync(string table, string? partitionColumn, DateOnly? from, DateOnly? to, CancellationToken cancellationToken = default) => Task.FromResult<string?>(null);

    public void Dispose()
    {
        _engine.Dispose();
        _store.Dispose();
    }

    private static QueryResult Run(Func<QueryResult> query)
    {
        try
        {
            return query();
        }
        catch (Exception exception) when (exception is TrinoSyntaxException or QueryFailedException)
        {
            throw new LakeException(exception.Message, isTransient: false, exception);
        }
    }

    private sealed class Rows(QueryResult result) : LakeRows
    {
        public override ImmutableArray<ResultColumn> Columns { get; } = [.. result.Columns.Select(Column)];

        public override string QueryId => "trino";

        public static ResultColumn Column(AthenaColumn column) => new(column.Name, column.Type switch
        {
            "boolean" => new ColumnType(ColumnKind.Boolean),
            "tinyint" or "smallint" or "integer" or "bigint" => new ColumnType(ColumnKind.Int64),
            "float" or "double" => new ColumnType(ColumnKind.Double),
            "decimal" => new ColumnType(ColumnKind.Decimal, (byte)column.Precision, (byte)column.Scale),
            "date" => new ColumnType(ColumnKind.Date),
            "timestamp" => new ColumnType(ColumnKind.Timestamp),
            "varchar" => new ColumnType(ColumnKind.String),
            _ => throw new LakeException($"{column.Name} is of the type {column.Type}, which has no place in an answer.", isTransient: false),
        });

        public override async IAsyncEnumerable<object?[]> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await Task.CompletedTask;
            foreach (var row in result.Rows)
            {
                yield return [.. row.Select((value, i) => value is null ? null : Value(Columns[i].Type.Kind, value))];
            }
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private static object Value(ColumnKind kind, string text) => kind switch
        {
            ColumnKind.Boolean => text == "true",
            ColumnKind.Int64 => long.Parse(text, CultureInfo.InvariantCulture),
            ColumnKind.Double => double.Parse(text, CultureInfo.InvariantCulture),
            ColumnKind.Decimal => decimal.Parse(text, CultureInfo.InvariantCulture),
            ColumnKind.Date => DateOnly.ParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture),
            ColumnKind.Timestamp => DateTime.SpecifyKind(DateTime.ParseExact(text, "yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture), DateTimeKind.Utc),
            _ => text,
        };
    }
}
