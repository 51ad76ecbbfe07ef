using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Insights;

/// <summary>A lake that holds the rows of one test and nothing else, in a folder that goes with it.</summary>
internal sealed class ModelTestLake : IAsyncDisposable
{
    private readonly string _folder;
    private readonly DuckDbLake _lake;

    private ModelTestLake(string folder, DuckDbLake lake) => (_folder, _lake) = (folder, lake);

    public ILake Lake => _lake;

    /// <summary>The types of what the model reads from the given tables.</summary>
    public FieldTypes Types { get; private set; } = FieldTypes.Unknown;

    public static async Task<ModelTestLake> CreateAsync(MetricModel model, ModelTest test, TimeProvider clock, CancellationToken cancellationToken = default)
    {
        var folder = Directory.CreateTempSubdirectory("wdp-model-test-").FullName;
        var path = Path.Combine(folder, "lake");
        Directory.CreateDirectory(path);
        var options = new LakeOptions { Path = path, WorkPath = Path.Combine(folder, "work"), Threads = 1, MaxQueries = 4, MemoryMegabytes = 256, ScanInterval = TimeSpan.FromMinutes(1) };
        var made = new ModelTestLake(folder, new DuckDbLake(options, clock));
        try
        {
            var tables = Tables(model, test);
            await using (var writer = new DuckDbInstance(new DuckDbSettings { Name = "model tests", Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 }))
            await using (var session = await writer.OpenAsync(cancellationToken))
            {
                foreach (var table in tables)
                {
                    await WriteAsync(session, table, path, cancellationToken);
                }
            }

            made.Types = await TypesAsync(tables, made.Lake, cancellationToken);
            return made;
        }
        catch
        {
            await made.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _lake.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>The given tables with every column that the model names by itself, each of the type that its values have or that the model needs.</summary>
    private static List<Table> Tables(MetricModel model, ModelTest test)
    {
        var tables = test.Given.Select(given =>
        {
            var name = given.TableIn(model)!;
            ImmutableArray<SemanticModel> readers = [.. model.SemanticModels.Values.Where(m => m.Table == name)];
            var columns = given.Rows.SelectMany(r => r.Cells).Select(c => c.Column)
                .Concat(readers.SelectMany(r => r.Entities.Values.Select(e => e.Expr).Concat(r.Dimensions.Values.Select(d => d.Expr)).Concat(r.Measures.Values.Select(m => m.Expr))).Where(SqlWriter.IsColumn))
                .Concat(model.TimeSpines.TryGetValue(name, out var spine) ? [spine.Column] : [])
                .Distinct(StringComparer.OrdinalIgnoreCase).ToList();
            return new Table(name, given, readers, columns.ToDictionary(c => c, c => Kind(given, readers, c), StringComparer.OrdinalIgnoreCase));
        }).ToList();

        // A key without a value is of its entity's type elsewhere, so that it can be compared.
        foreach (var table in tables)
        {
            foreach (var entity in table.Readers.SelectMany(r => r.Entities.Values).Where(e => table.Columns.TryGetValue(e.Expr, out var kind) && kind is null))
            {
                table.Columns[entity.Expr] = tables.SelectMany(t => t.Readers, (t, reader) => (t.Columns, Key: reader.Entities.GetValueOrDefault(entity.Name)))
                    .Select(other => other.Key is { } key ? other.Columns.GetValueOrDefault(key.Expr) : null).FirstOrDefault(kind => kind is not null);
            }
        }

        return tables;
    }

    private static ColumnKind? Kind(GivenTable given, ImmutableArray<SemanticModel> readers, string column)
    {
        bool Is(string expr) => expr.Equals(column, StringComparison.OrdinalIgnoreCase);
        var values = given.Rows.SelectMany(r => r.Cells).Where(c => Is(c.Column)).Select(c => c.Value).OfType<object>().ToList();
        var times = readers.SelectMany(r => r.Dimensions.Values).Where(d => d.Type == DimensionType.Time && Is(d.Expr)).ToList();
        if (times.Count > 0)
        {
            return times.Any(Leaf.IsInstant) || values.Any(v => Moment(v) is DateTime) ? ColumnKind.Timestamp : ColumnKind.Date;
        }

        return values.Count == 0
            ? readers.SelectMany(r => r.Measures.Values).Where(m => Is(m.Expr)).Select(m => m.Aggregation switch
            {
                Aggregation.SumBoolean => ColumnKind.Boolean,
                Aggregation.Sum or Aggregation.Average or Aggregation.Median or Aggregation.Percentile => ColumnKind.Double,
                _ => (ColumnKind?)null,
            }).FirstOrDefault(k => k is not null)
            : values.All(v => v is long) ? ColumnKind.Int64
            : values[0] switch
            {
                string => ColumnKind.String,
                bool => ColumnKind.Boolean,
                DateOnly or DateTime => values.Any(v => v is DateTime) ? ColumnKind.Timestamp : ColumnKind.Date,
                _ => ColumnKind.Double,
            };
    }

    private static async Task WriteAsync(DuckDbSession session, Table table, string path, CancellationToken cancellationToken)
    {
        // A table whose columns nobody names has one all the same, or it would be none.
        var columns = table.Columns.Select(c => (Name: c.Key, Type: new ColumnType(c.Value ?? ColumnKind.String))).DefaultIfEmpty((Name: "nothing", Type: new ColumnType(ColumnKind.String))).ToList();
        await session.ExecuteAsync($"CREATE OR REPLACE TABLE given ({string.Join(", ", columns.Select(c => GoldColumns.Quote(c.Name) + " " + c.Type.DuckDbName))})", cancellationToken);
        using (var appender = session.Connection.CreateAppender("given"))
        {
            foreach (var row in table.Given.Rows)
            {
                var appended = appender.CreateRow();
                foreach (var (name, type) in columns)
                {
                    var cell = Cell(row, name);
                    appended.Append(Convert(cell is null ? PartitionOf(table, row, name) : cell.Value, type.Kind));
                }

                appended.EndRow();
            }
        }

        var file = Path.Combine(path, table.Name.Replace('.', '/') + ".parquet");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await session.ExecuteAsync($"COPY given TO {GoldColumns.Literal(file)} (FORMAT parquet)", cancellationToken);
    }

    private static TestCell? Cell(TestRow row, string column) => row.Cells.FirstOrDefault(c => c.Column.Equals(column, StringComparison.OrdinalIgnoreCase));

    /// <summary>What a partition column that is not written holds: the bucket of the time that it partitions, or time ranges would find no row.</summary>
    private static object? PartitionOf(Table table, TestRow row, string column)
    {
        var found = table.Readers.SelectMany(r => r.Dimensions.Values, (reader, dimension) => (reader, dimension))
            .FirstOrDefault(p => p.dimension is { IsPartition: true, Partitions: not null } && p.dimension.Expr.Equals(column, StringComparison.OrdinalIgnoreCase));
        if (found.dimension is not { } partition)
        {
            return null;
        }

        var time = found.reader.Dimensions[partition.Partitions!];
        return !SqlWriter.IsColumn(time.Expr)
            ? throw new LakeException($"The rows of '{table.Given.Name}' need the column '{column}', by which the table is partitioned in time.", isTransient: false)
            : (Cell(row, time.Expr)?.Value is { } value ? Moment(value) : null) switch
            {
                DateOnly date => ModelCalendar.Iso.Truncate(date, partition.Granularity ?? TimeGrain.Day),
                DateTime moment => ModelCalendar.Iso.Truncate(DateOnly.FromDateTime(moment), partition.Granularity ?? TimeGrain.Day),
                _ => null,
            };
    }

    private static object? Convert(object? value, ColumnKind kind) => (kind, value is null ? null : Moment(value)) switch
    {
        (_, null) when value is null => null,
        (ColumnKind.Double, _) => System.Convert.ToDouble(value, CultureInfo.InvariantCulture),
        (ColumnKind.Timestamp, DateOnly date) => date.ToDateTime(default, DateTimeKind.Utc),
        (ColumnKind.Timestamp or ColumnKind.Date, { } moment) => moment,
        _ => value,
    };

    private static object? Moment(object value) => value is string text ? TestMoment.Parse(text) : value is DateOnly or DateTime ? value : null;

    private static async Task<FieldTypes> TypesAsync(List<Table> tables, ILake lake, CancellationToken cancellationToken)
    {
        var kinds = ImmutableDictionary.CreateBuilder<string, ColumnKind>();
        foreach (var reader in tables.SelectMany(t => t.Readers))
        {
            var elements = reader.Dimensions.Values.Where(d => d.Type == DimensionType.Categorical).Select(d => (d.Name, d.Expr)).Concat(reader.Entities.Values.Select(e => (e.Name, e.Expr))).ToList();
            foreach (var ((name, _), probed) in elements.Zip(await LakeProbe.ReadAsync(lake, reader.Table, [.. elements.Select(e => e.Expr)], cancellationToken)))
            {
                if (probed.Type is { } type)
                {
                    kinds[FieldTypes.Key(reader.Name, name)] = type.Kind;
                }
            }
        }

        return new FieldTypes(kinds.ToImmutable());
    }

    private sealed record Table(string Name, GivenTable Given, ImmutableArray<SemanticModel> Readers, Dictionary<string, ColumnKind?> Columns);
}
