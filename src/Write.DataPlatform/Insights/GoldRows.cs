using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Data.Common;
using System.Runtime.CompilerServices;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Insights;

/// <summary>Reads the rows of gold tables as they are stored, at a revision that stays the same from page to page.</summary>
internal sealed class GoldRows(GoldTables tables, GoldEngine engine, ServingDuckDb serving)
{
    private const int MaxKnown = 1_000;

    /// <summary>By the version that they were learnt of.</summary>
    private readonly ConcurrentDictionary<(GoldView View, string Version), ImmutableDictionary<string, RowType>> _types = new();

    /// <summary>What a manifest's rows are by the model that they were last asked of.</summary>
    private readonly ConditionalWeakTable<GoldManifest, GoldRowSet> _sets = [];

    /// <summary>A table's rows as they are now; null if no partition was built by its present definition.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<GoldRowSet?> FindAsync(GoldDefinition definition, string? tenant, CancellationToken cancellationToken = default)
    {
        var manifest = await tables.GetManifestAsync(definition.Table.Name, tenant, cancellationToken: cancellationToken);
        return await OpenAsync(definition, tenant, manifest, cancellationToken);
    }

    /// <summary>A table's rows as they were at a revision; null if they are gone.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<GoldRowSet?> FindAtAsync(GoldDefinition definition, string? tenant, long revision, CancellationToken cancellationToken = default) =>
        await tables.GetManifestAtAsync(definition.Table.Name, tenant, revision, cancellationToken) is { } manifest ? await OpenAsync(definition, tenant, manifest, cancellationToken) : null;

    /// <summary>Runs a query over a table's rows and hands its reader to <paramref name="read"/> on a worker thread.</summary>
    /// <param name="set">The rows.</param>
    /// <param name="range">The times that count: rows outside of them may be left out.</param>
    /// <param name="compile">Gives the statement, given the source of its rows.</param>
    /// <param name="read">Reads the answer.</param>
    /// <param name="cancellationToken">Interrupts the query.</param>
    /// <exception cref="GoldStoreException">The store failed, or a partition within the range was built by another definition and is not rebuilt yet.</exception>
    public async Task<T> QueryAsync<T>(
        GoldRowSet set, RowTimes range, Func<Func<SqlWriter, RowSource>, SqlStatement> compile, Func<DbDataReader, T> read, CancellationToken cancellationToken = default)
    {
        var live = set.Within(range);

        // Without a partition any will do: none of its rows are in the range.
        var chosen = live.Count > 0 ? live : [set.Partitions.First(p => p.Partition.DefinitionHash == set.Hash)];
        using var relation = await engine.AcquireAsync(set.Manifest, [.. chosen.Select(p => p.Partition)], cancellationToken);
        await using var session = await serving.Instance.OpenAsync(cancellationToken);
        return await session.QueryAsync(compile(writer => Source(writer, set, relation.Sql, chosen)), read, cancellationToken);
    }

    private async Task<GoldRowSet?> OpenAsync(GoldDefinition definition, string? tenant, GoldManifest manifest, CancellationToken cancellationToken)
    {
        var hash = definition.HashFor(tenant);
        var view = GoldView.Of(definition);
        if (_sets.TryGetValue(manifest, out var known) && ReferenceEquals(known.View, view) && known.Hash == hash)
        {
            return known;
        }

        var partitions = manifest.Partitions.Values.Select(p => new TimedPartition(p, view.HasDates ? p.From.ToDateTime(default) : Utc(p.From), view.HasDates ? p.To.ToDateTime(default) : Utc(p.To)))
            .OrderBy(p => p.FromTime).ToImmutableArray();

        // The types of the partition that was made last: where a column of the lake has become wider since, older partitions are read as what it is now.
        if (partitions.Where(p => p.Partition.DefinitionHash == hash).MaxBy(p => p.Partition.RefreshedAt) is not { } sample)
        {
            return null;
        }

        if (!_types.TryGetValue((view, sample.Partition.Version), out var types))
        {
            if (_types.Count > MaxKnown)
            {
                _types.Clear();
            }

            _types[(view, sample.Partition.Version)] = types = await DescribeAsync(view, manifest, sample, cancellationToken);
        }

        var set = new GoldRowSet(view, manifest, hash, partitions, types);
        _sets.AddOrUpdate(manifest, set);
        return set;

        DateTime Utc(DateOnly date) => TimeBound.FromDate(date, definition.Table.TimeZone).Utc;
    }

    private async Task<ImmutableDictionary<string, RowType>> DescribeAsync(GoldView view, GoldManifest manifest, TimedPartition sample, CancellationToken cancellationToken)
    {
        using var relation = await engine.AcquireAsync(manifest, [sample.Partition], cancellationToken);
        await using var session = await serving.Instance.OpenAsync(cancellationToken);
        var writer = new SqlWriter(DuckDbDialect.Instance);
        var text = $"DESCRIBE SELECT * FROM {view.Compile(writer, relation.Sql, [(sample.FromTime, sample.Partition.RefreshedAt.UtcDateTime)], null)}";
        return await session.QueryAsync(
            writer.ToStatement(text),
            reader =>
            {
                var types = ImmutableDictionary.CreateBuilder<string, RowType>();
                while (types.Count < view.Columns.Length && reader.Read())
                {
                    types[reader.GetString(0)] = TypeOf(reader.GetString(1));
                }

                return types.ToImmutable();
            },
            cancellationToken);
    }

    /// <summary>The type that a computed value is given as.</summary>
    private static RowType TypeOf(string type) => type switch
    {
        "TINYINT" or "SMALLINT" or "INTEGER" or "HUGEINT" or "UTINYINT" or "USMALLINT" or "UINTEGER" or "UBIGINT" or "UHUGEINT" => RowType.Int64,
        "FLOAT" => RowType.Double,
        _ => RowType.Of(GoldColumns.Parse(type) ?? throw new InvalidOperationException($"A gold table's row has a value of type {type}.")),
    };

    private static RowSource Source(SqlWriter writer, GoldRowSet set, string relation, List<TimedPartition> partitions)
    {
        ImmutableArray<(DateTime From, DateTime LoadedAt)> loaded = [.. partitions.Select(p => (p.FromTime, p.Partition.RefreshedAt.UtcDateTime))];
        return new RowSource(set.View.Compile(writer, relation, loaded, set.Types), set.Key);
    }
}

/// <summary>A gold table's rows at a revision.</summary>
internal sealed record GoldRowSet(GoldView View, GoldManifest Manifest, string Hash, ImmutableArray<TimedPartition> Partitions, ImmutableDictionary<string, RowType> Types)
{
    public ImmutableArray<RowColumn> Columns { get; } = [.. View.Columns.Select(c => new RowColumn(c.Name, Types[c.Name]))];

    /// <summary>What tells rows that are read for it from those of the same partitions that were read for another: the view and the columns' types.</summary>
    public object Meaning { get; } = (View, string.Join(' ', View.Columns.Select(c => Types[c.Name])));

    /// <summary>The columns that tell rows apart, in the order in which they are stored.</summary>
    public ImmutableArray<RowColumn> Key { get; } =
        [.. View.Columns.Where(c => c.Role is GoldViewRole.Time or GoldViewRole.Dimension).Select(c => new RowColumn(c.Name, Types[c.Name]))];

    /// <summary>The partitions that have rows within some times, in order of time.</summary>
    /// <exception cref="GoldStoreException">One of them was built by another definition and is not rebuilt yet.</exception>
    public List<TimedPartition> Within(RowTimes range)
    {
        var live = Partitions.Where(p => range.Meets(p.FromTime, p.ToTime)).ToList();
        return live.All(p => p.Partition.DefinitionHash == Hash)
            ? live
            : throw new GoldStoreException($"Gold table {Manifest.Table} has partitions of an earlier definition; they are rebuilt with the next refresh.", isTransient: true);
    }
}

/// <summary>A partition and its half-open range on the clock of the time column.</summary>
internal sealed record TimedPartition(GoldPartition Partition, DateTime FromTime, DateTime ToTime);

/// <summary>Times from, included, to, included; null is open.</summary>
internal readonly record struct RowTimes(DateTime? From, DateTime? To)
{
    public bool Meets(DateTime from, DateTime to) => (To is not { } last || from <= last) && (From is not { } first || first < to);

    /// <summary>The times that a condition leaves: those between the comparisons of the column that must all hold.</summary>
    public static RowTimes Of(RowExpression condition, string column)
    {
        switch (condition)
        {
            case RowCall { Function: RowFunction.And } and:
                return Of(and.Arguments[0], column).And(Of(and.Arguments[1], column));
            case RowCall { Function: RowFunction.Or } or:
                return Of(or.Arguments[0], column).Or(Of(or.Arguments[1], column));
            case RowCall { Function: RowFunction.In, Arguments: [RowColumnValue left, .. var list] } when left.Name == column && list.Length > 0:
                return list.Select(v => Time(v) is { } t ? new RowTimes(t, t) : default).Aggregate((a, b) => a.Or(b));
            case RowCall { Arguments: [RowColumnValue left, RowConstant right] } call when left.Name == column && Time(right) is { } time:
                return Compare(call.Function, time);
            case RowCall { Arguments: [RowConstant left, RowColumnValue right] } call when right.Name == column && Time(left) is { } time:
                return Compare(call.Function switch
                {
                    RowFunction.Less => RowFunction.Greater,
                    RowFunction.LessOrEqual => RowFunction.GreaterOrEqual,
                    RowFunction.Greater => RowFunction.Less,
                    RowFunction.GreaterOrEqual => RowFunction.LessOrEqual,
                    var same => same,
                }, time);
            default:
                return default;
        }
    }

    /// <summary>Whether a condition says nothing but from when to when the column's times are.</summary>
    public static bool IsOfTimeAlone(RowExpression condition, string column) => condition switch
    {
        RowCall { Function: RowFunction.And } and => and.Arguments.All(a => IsOfTimeAlone(a, column)),
        RowCall { Function: RowFunction.Less or RowFunction.LessOrEqual or RowFunction.Greater or RowFunction.GreaterOrEqual, Arguments: [RowColumnValue left, RowConstant right] } => left.Name == column && Time(right) is not null,
        _ => false,
    };

    public RowTimes And(RowTimes other) => new(Pick(From, other.From, greatest: true, needsBoth: false), Pick(To, other.To, greatest: false, needsBoth: false));

    private RowTimes Or(RowTimes other) => new(Pick(From, other.From, greatest: false, needsBoth: true), Pick(To, other.To, greatest: true, needsBoth: true));

    private static RowTimes Compare(RowFunction function, DateTime time) => function switch
    {
        RowFunction.Equal => new RowTimes(time, time),
        RowFunction.Greater or RowFunction.GreaterOrEqual => new RowTimes(time, null),
        RowFunction.Less or RowFunction.LessOrEqual => new RowTimes(null, time),
        _ => default,
    };

    private static DateTime? Pick(DateTime? a, DateTime? b, bool greatest, bool needsBoth) =>
        a is null || b is null ? needsBoth ? null : a ?? b : (a > b) == greatest ? a : b;

    private static DateTime? Time(RowExpression value) => value is RowConstant constant
        ? constant.Value switch { DateOnly date => date.ToDateTime(default), DateTime time => time, _ => null }
        : null;
}
