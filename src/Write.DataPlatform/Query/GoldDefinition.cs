using System.Collections.Frozen;
using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>What a gold table's rows are: its columns, the lake query that gives them, and how they are enriched for storage.</summary>
internal sealed class GoldDefinition
{
    /// <summary>The first stored column: the bucket's start, a DATE from day grain up, else a TIMESTAMP in UTC.</summary>
    public const string Bucket = "bucket";

    /// <summary>The lake query's last column: the latest event of the group, in UTC; not stored.</summary>
    public const string Watermark = "watermark";

    /// <summary>For an external table the lake query's first column: the value that a tenant is known by; not stored.</summary>
    public const string TenantKey = "tenant_key";

    private readonly ImmutableArray<Leaf> _leaves;
    private readonly ImmutableArray<Enrichment> _enrichments;

    private GoldDefinition(MetricModel model, GoldTable table, ImmutableArray<Leaf> leaves)
    {
        Model = model;
        Table = table;
        _leaves = leaves;
        _enrichments = [.. Dimensions.SelectMany(d => Enrichment.Of(model, d, leaves))];
        TenantKeys = table.Audience == Audience.External
            ? model.Tenants.Values.ToImmutableSortedDictionary(t => t.Name, t => Convert.ToString(TenantPin(t)!.Values[0], System.Globalization.CultureInfo.InvariantCulture)!)
            : ImmutableSortedDictionary<string, string>.Empty;
        States = [.. leaves.SelectMany(l => l.States).DistinctBy(s => s.Name)];
        StateNames = States.Select(s => s.Name).ToFrozenSet(StringComparer.Ordinal);
        Hash = FilterText.Hash(string.Join(
            '\n',
            "1",
            table.TimeZone.Id,
            model.TimeZone.Id,
            table.Partition + model.Calendar.StartOf(table.Partition),
            CompileLake(DuckDbDialect.Instance, new DateOnly(2000, 1, 1), new DateOnly(2000, 1, 2)) is var lake ? lake.Text : "",
            string.Join('\u0001', lake.Parameters),
            CompileStore("source")));
    }

    public MetricModel Model { get; }

    public GoldTable Table { get; }

    /// <summary>Changes when rows would be other rows: expressions, filters, joins, zone, grain, lookups' contents.</summary>
    public string Hash { get; }

    /// <summary>The stored dimensions that the table's group_by names, in order.</summary>
    public ImmutableArray<string> Dimensions => [.. Table.GroupBy.Select(g => g.ToString())];

    /// <summary>The stored attributes that lookups add to dimensions.</summary>
    public ImmutableArray<string> Attributes => [.. _enrichments.SelectMany(e => e.Columns).Select(c => c.Column)];

    /// <summary>The lookups whose attributes are stored, once for each dimension they enrich.</summary>
    public IEnumerable<Lookup> Lookups => _enrichments.Select(e => e.Lookup);

    /// <summary>The facts with what is counted and grouped by of each, without a range.</summary>
    public ImmutableArray<Leaf> Leaves => _leaves;

    /// <summary>The stored states of all facts.</summary>
    public ImmutableArray<MeasureState> States { get; }

    public FrozenSet<string> StateNames { get; }

    /// <summary>For an external table: each tenant's value of <see cref="TenantKey"/>, as text.</summary>
    public ImmutableSortedDictionary<string, string> TenantKeys { get; }

    /// <summary>The lake tables whose events are counted, with the column they are partitioned by in time, if it is known.</summary>
    public ImmutableArray<(string Table, string? PartitionColumn)> Facts =>
        [.. _leaves.Select(l => (l.Fact.Table, l.Fact.Dimensions.Values.FirstOrDefault(d => d.IsPartition && d.Partitions == l.AggTime.Name)?.Expr)).Distinct()];

    /// <summary>The lake tables that facts are joined to, for dimensions, filters, tenants and granularities of a time spine; a change of them may change any row.</summary>
    public ImmutableArray<string> JoinedTables =>
        [
            .. _leaves.SelectMany(l => l.GroupBy.Select(g => g.Binding).Concat(l.Bindings.Values))
                .SelectMany(b => b.Hops.Select(h => h.Target.Table).Concat(b.Custom is { } custom ? [custom.Spine.Name] : []))
                .Distinct(),
        ];

    /// <summary><see cref="Hash"/> of the rows of all tenants together, which also changes with the values that they are known by.</summary>
    public string HashOfAll => TenantKeys.IsEmpty ? Hash : FilterText.Hash(Hash + '\n' + string.Join('\n', TenantKeys.Select(t => t.Key + '=' + t.Value)));

    /// <summary><see cref="Hash"/> of the rows of one tenant (null for an internal table), which also changes with the value that the tenant is known by.</summary>
    public string HashFor(string? tenant) => tenant is null ? Hash : FilterText.Hash(Hash + '\n' + TenantKeys[tenant]);

    /// <exception cref="QueryException">The table cannot be computed: every reason.</exception>
    public static GoldDefinition Create(MetricModel model, GoldTable table)
    {
        // Only the lake's own first moment bounds it, so that zone rules come from the engine's CASE per partition.
        var query = new MetricQuery { Metrics = table.Metrics, GroupBy = [.. table.GroupBy, new FieldName([FieldName.MetricTime], table.Grain)], Where = table.Where, TimeZone = table.TimeZone };
        var resolved = QueryResolver.Resolve(model, query, FieldTypes.Unknown, DateTimeOffset.UnixEpoch);
        if (resolved.Leaves.FirstOrDefault(l => l.Conversion is not null) is { } converted)
        {
            throw new QueryException([new QueryProblem(
                QueryProblems.MetricTypeNotSupported, $"{table.Name} holds a conversion metric of {converted.Fact.Name}, and conversions are not stored: a later one changes what is known of an earlier event.")]);
        }

        if (resolved.Leaves.SelectMany(l => l.GroupBy.Select(g => g.Binding).Concat(l.Bindings.Values)).FirstOrDefault(b => b.Metric is not null) is { } byEntity)
        {
            throw new QueryException([new QueryProblem(
                QueryProblems.MetricTypeNotSupported,
                $"{table.Name} would hold what depends on {byEntity.Name}, a metric over all time of each caller's own rows; a later event changes what is stored of earlier ones.")]);
        }

        if (resolved.Leaves is [{ Journey: { } journey }])
        {
            throw new QueryException([new QueryProblem(QueryProblems.NotInGold, $"{journey.Node.Metric.Name} follows entities from event to event, which gold does not hold.")]);
        }

        var leaves = ImmutableArray.CreateBuilder<Leaf>();
        foreach (var group in resolved.Leaves.Where(l => !l.IsTimeSpine).GroupBy(l => (l.Fact.Name, l.AggTime.Name)))
        {
            var first = group.First();
            var states = group.SelectMany(l => l.States).DistinctBy(s => s.Name).ToList();
            var rows = states.Select(s => s.RowsBehind).DistinctBy(s => s.Name);
            var time = first.Spine is { } spine ? spine.Keys[0] : first.GroupBy[^1];
            leaves.Add(first with
            {
                Index = 0,
                Shift = null,
                Range = ResolvedRange.All,
                Target = ResolvedRange.All,
                Spine = null,
                JoinsTimeSpine = false,
                MeetsTimeSpine = false,
                Where = first.Spine is { } of ? Filter.And(first.Where, of.Where, of.Mixed) : first.Where,
                GroupBy = [time with { Column = Bucket }, .. first.GroupBy.Where(g => g.Column is not Spine.Column && g.Column != time.Column)],
                States = [.. rows, .. states],
                StateFilters = group.SelectMany(l => l.StateFilters).DistinctBy(f => f.Key).ToImmutableDictionary(),
                Bindings = group.SelectMany(l => l.Bindings).DistinctBy(b => b.Key).ToImmutableDictionary(),
            });
        }

        if (table.Audience == Audience.External)
        {
            BindTenants(model, table, leaves);
        }

        return new GoldDefinition(model, table, leaves.ToImmutable());
    }

    /// <summary>The column that stores what a field means from a fact, grain aside; null if none does.</summary>
    public string? ColumnOf(string fact, FieldBinding binding)
    {
        if (_leaves.FirstOrDefault(l => l.Fact.Name == fact) is not { } leaf)
        {
            return null;
        }

        return leaf.GroupBy.FirstOrDefault(g => g.Column is not (Bucket or TenantKey) && g.Binding.Key == binding.Key)?.Column
            ?? _enrichments.FirstOrDefault(e => e.KeyFrom(fact) == binding.ElementKey && e.Lookup.Name == binding.Lookup?.Name)?
                .Columns.First(c => c.Attribute == binding.Name.Element).Column;
    }

    /// <summary>The aggregation time that places a fact's rows, or null if the table does not count that fact.</summary>
    public string? AggTimeOf(string fact, string aggTime) => _leaves.FirstOrDefault(l => l.Fact.Name == fact && l.AggTime.Name == aggTime)?.AggTime.Name;

    /// <summary>The lake query for the buckets of a half-open range of dates in the table's zone; its rows are unique by tenant key, bucket and dimensions.</summary>
    /// <param name="dialect">The lake's.</param>
    /// <param name="from">The first date.</param>
    /// <param name="to">The date after the last.</param>
    /// <param name="cuts">By semantic model, the instant from which on its events are left out; null for none.</param>
    public SqlStatement CompileLake(SqlDialect dialect, DateOnly from, DateOnly to, IReadOnlyDictionary<string, DateTimeOffset>? cuts = null)
    {
        var whole = new ResolvedRange(TimeBound.FromDate(from, Table.TimeZone), TimeBound.FromDate(to, Table.TimeZone));
        var selects = _leaves.Select(leaf =>
        {
            var range = cuts is not null && cuts.TryGetValue(leaf.Fact.Name, out var cut) && cut.UtcDateTime < whole.To!.Value.Utc
                ? whole with { To = TimeBound.FromUtc(cut.UtcDateTime, Table.TimeZone) }
                : whole;
            return LeafCompiler.Compile(leaf with { Range = range, Target = range }, range, withWatermark: true);
        }).ToList();
        if (selects.Count == 1)
        {
            return SqlWriter.Write(dialect, Rename(selects[0], _leaves[0]));
        }

        var keys = _leaves[0].GroupBy.Length;
        var parts = selects.Select((select, i) => Pad(Rename(select, _leaves[i]), keys)).ToImmutableArray();
        return SqlWriter.Write(dialect, new SqlSelect(
            [
                .. parts[0].Columns.Take(keys).Select(c => new SqlProjection(new SqlColumn("u", c.Name), c.Name)),
                .. States.Select(s => new SqlProjection(s.Merge(new SqlColumn("u", s.Name)), s.Name)),
                new SqlProjection(new SqlCall("max", new SqlColumn("u", Watermark)), Watermark),
            ],
            new SqlUnionAll(parts),
            "u") { GroupByCount = keys });
    }

    /// <summary>One fact's part of the lake query, over the events of a half-open range of instants; without the other facts' states.</summary>
    public SqlStatement CompileEvents(SqlDialect dialect, string fact, DateTimeOffset from, DateTimeOffset to)
    {
        var leaf = _leaves.First(l => l.Fact.Name == fact);
        var range = new ResolvedRange(TimeBound.FromUtc(from.UtcDateTime, Table.TimeZone), TimeBound.FromUtc(to.UtcDateTime, Table.TimeZone));
        return SqlWriter.Write(dialect, Rename(LeafCompiler.Compile(leaf with { Range = range, Target = range }, range, withWatermark: true), leaf));
    }

    /// <summary>The rows to store, out of a relation of DuckDB with the lake query's columns: enriched and sorted.</summary>
    /// <param name="source">What stands after FROM; for an external table one tenant's rows.</param>
    /// <param name="fact">The only fact whose states the relation has; null if it has all.</param>
    public string CompileStore(string source, string? fact = null)
    {
        var states = fact is null ? States : [.. _leaves.First(l => l.Fact.Name == fact).States.DistinctBy(s => s.Name)];
        var dimensions = Dimensions.Select(d => new SqlColumn("s", d)).ToList();
        return SqlWriter.Write(DuckDbDialect.Instance, new SqlSelect(
            [
                new SqlProjection(new SqlColumn("s", Bucket), Bucket),
                .. dimensions.Select(d => new SqlProjection(d, d.Name)),
                .. _enrichments.SelectMany((e, i) => e.Columns.Select(c => new SqlProjection(new SqlCast(new SqlColumn("k" + i, c.Attribute), ColumnKind.String), c.Column))),
                .. states.Select(s => new SqlProjection(new SqlColumn("s", s.Name), s.Name)),
            ],
            new SqlReady(source),
            "s")
        {
            Joins = [.. _enrichments.Select((e, i) => e.Join(new SqlColumn("s", e.Dimension), "k" + i))],
            OrderBy = [new SqlOrder(new SqlColumn("s", Bucket), false), .. dimensions.Select(d => new SqlOrder(d, false))],
        }).Text;
    }

    /// <summary>Lake queries of one row: the first and the last moment of a fact (null if it has no rows).</summary>
    public IEnumerable<SqlStatement> CompileSpans(SqlDialect dialect) =>
        _leaves.Select(leaf => SqlWriter.Write(dialect, LeafCompiler.CompileSpan(leaf)));

    /// <summary>The equality by which a tenant of an external table is known.</summary>
    public static ComparisonFilter? TenantPin(Tenant tenant) =>
        tenant.Where is ComparisonFilter { Operator: FilterOperator.Equals or FilterOperator.In, Values: [not null] } pin ? pin : null;

    private static void BindTenants(MetricModel model, GoldTable table, ImmutableArray<Leaf>.Builder leaves)
    {
        var pins = model.Tenants.Values.Select(TenantPin).ToList();
        if (pins.Count == 0 || pins.Any(p => p is null) || pins.Select(p => p!.Field).Distinct().Count() > 1)
        {
            throw new QueryException([new QueryProblem(
                QueryProblems.UnknownTenant, $"{table.Name} is external, which needs tenants that each pin the same dimension to one value.")]);
        }

        var binder = new FieldBinder(model);
        for (var i = 0; i < leaves.Count; i++)
        {
            if (binder.Bind(leaves[i].Fact, pins[0]!.Field, out _) is not [var binding])
            {
                throw new QueryException([new QueryProblem(
                    QueryProblems.UnknownDimension, $"{table.Name} is external, but the tenants' {pins[0]!.Field} is not reachable from {leaves[i].Fact.Name}.")]);
            }

            leaves[i] = leaves[i] with { GroupBy = [new GroupField(TenantKey, binding, null), .. leaves[i].GroupBy] };
        }
    }

    private SqlSelect Rename(SqlSelect select, Leaf leaf)
    {
        var names = leaf.States.ToDictionary(leaf.Column, s => s.Name);
        return select with
        {
            Columns =
            [
                .. select.Columns.Select(c => c.Name == TenantKey
                    ? c with { Expression = new SqlCast(c.Expression, ColumnKind.String) }
                    : c with { Name = names.GetValueOrDefault(c.Name, c.Name) }),
            ],
        };
    }

    private SqlSelect Pad(SqlSelect select, int keys) => select with
    {
        Columns =
        [
            .. select.Columns.Take(keys),
            .. States.Select(s => select.Columns.FirstOrDefault(c => c.Name == s.Name) ?? new SqlProjection(new SqlLiteral(null), s.Name)),
            select.Columns[^1],
        ],
    };

    /// <summary>A lookup's attributes beside the dimension that they follow from.</summary>
    private sealed record Enrichment(Lookup Lookup, string Dimension, ImmutableDictionary<string, string> Keys)
    {
        public IEnumerable<(string Attribute, string Column)> Columns => Lookup.Attributes.Select(a => (a, Dimension + "__" + a));

        public string? KeyFrom(string fact) => Keys.GetValueOrDefault(fact);

        public static IEnumerable<Enrichment> Of(MetricModel model, string dimension, ImmutableArray<Leaf> leaves)
        {
            var bindings = leaves.Select(l => (Fact: l.Fact.Name, l.GroupBy.First(g => g.Column == dimension).Binding)).ToList();
            var any = bindings[0].Binding;
            return any.Lookup is not null
                ? []
                : model.Lookups.Values
                    .Where(l => l.Dimension.Path is [_, _] path
                        ? any.Dimension is not null && path[0] == any.Owner.PrimaryEntity && path[1] == any.Element
                        : any.Dimension is null && l.Dimension.Element == any.Element)
                    .Select(l => new Enrichment(l, dimension, bindings.DistinctBy(b => b.Fact).ToImmutableDictionary(b => b.Fact, b => b.Binding.ElementKey)));
        }

        public SqlJoin Join(SqlExpression key, string alias) => new(
            new SqlValues(["key", .. Lookup.Attributes], [.. Lookup.Rows.Select(r => r.Values.Insert(0, r.Key))]),
            alias,
            new SqlBinary("=", new SqlCast(key, ColumnKind.String), new SqlColumn(alias, "key")));
    }
}
