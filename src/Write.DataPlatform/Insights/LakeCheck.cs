using System.Collections.Immutable;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Insights;

/// <summary>The stable codes of what a model asks of the lake and does not get; <c>docs/errors.md</c> lists each.</summary>
internal static class LakeProblems
{
    public const string MissingTable = "L001";
    public const string BadExpression = "L002";
    public const string NoTime = "L003";
    public const string BadMeasure = "L004";
    public const string NotComparable = "L005";
    public const string BadLookupKey = "L006";
    public const string BadFilter = "L007";
}

/// <summary>Compares a model with the lake: every table, expression and type, and every filter. No row is read.</summary>
internal sealed class LakeCheck(ILake lake, TimeProvider clock)
{
    /// <summary>Everything that does not fit, by file and line.</summary>
    /// <exception cref="LakeException">The lake is not there, or did not answer.</exception>
    public async Task<ImmutableArray<ModelProblem>> CheckAsync(MetricModel model, CancellationToken cancellationToken = default)
    {
        var run = new Run(lake, model, clock.GetUtcNow());
        foreach (var semanticModel in model.SemanticModels.Values)
        {
            await run.ExpressionsAsync(semanticModel, cancellationToken);
        }

        run.Entities();
        run.Lookups();
        await run.FiltersAsync(cancellationToken);
        return [.. run.Problems.Distinct().OrderBy(p => p.Position?.File, StringComparer.Ordinal).ThenBy(p => p.Position?.Line).ThenBy(p => p.Position?.Column).ThenBy(p => p.Code, StringComparer.Ordinal)];
    }

    private sealed class Run(ILake lake, MetricModel model, DateTimeOffset now)
    {
        private readonly Dictionary<string, ColumnType> _types = new(StringComparer.Ordinal);

        // What is wrong with a semantic model's own expressions or keys is not told again of every filter that reads it.
        private readonly HashSet<string> _broken = new(StringComparer.Ordinal);

        private readonly Dictionary<string, ImmutableArray<Misfit>> _metrics = new(StringComparer.Ordinal);

        public List<ModelProblem> Problems { get; } = [];

        public async Task ExpressionsAsync(SemanticModel semanticModel, CancellationToken cancellationToken)
        {
            if (await lake.DescribeAsync(semanticModel.Table, cancellationToken) is not { } columns)
            {
                _broken.Add(semanticModel.Name);
                Report(LakeProblems.MissingTable, $"The lake has no table '{semanticModel.Table}', which the semantic model '{semanticModel.Name}' reads.", At(semanticModel.Source, "node_relation", "model"));
                return;
            }

            List<(string What, string Name, string Expr, SourcePosition Source, Func<ColumnType, (string Code, string Needs)?> Check)> elements =
            [
                .. semanticModel.Entities.Values.Select(e => ("entity", e.Name, e.Expr, e.Source, (Func<ColumnType, (string, string)?>)(_ => null))),
                .. semanticModel.Dimensions.Values.Select(d => ("dimension", d.Name, d.Expr, d.Source, (Func<ColumnType, (string, string)?>)(type => Wrong(d, type.Kind)))),
                .. semanticModel.Measures.Values.Select(m => ("measure", m.Name, m.Expr, m.Source, (Func<ColumnType, (string, string)?>)(type => Wrong(m, type.Kind)))),
            ];
            var probed = await LakeProbe.ReadAsync(lake, semanticModel.Table, [.. elements.Select(e => e.Expr)], cancellationToken);
            foreach (var (element, found) in elements.Zip(probed))
            {
                if (found.Type is not { } type)
                {
                    _broken.Add(semanticModel.Name);
                    Report(
                        LakeProblems.BadExpression, $"The lake cannot compute the {element.What} '{element.Name}' of '{semanticModel.Name}' from '{semanticModel.Table}': {found.Error}", At(element.Source, "expr"),
                        SqlWriter.IsColumn(element.Expr) ? Suggestion.For(element.Expr, columns.Select(c => c.Name)) : null);
                    continue;
                }

                if (element.What != "measure")
                {
                    _types.TryAdd(FieldTypes.Key(semanticModel.Name, element.Name), type);
                }

                if (element.Check(type) is var (code, needs))
                {
                    _broken.Add(semanticModel.Name);
                    Report(code, $"The {element.What} '{element.Name}' of '{semanticModel.Name}' is a {type.DuckDbName} in the lake; it needs {needs}.", At(element.Source, "expr"));
                }
            }
        }

        /// <summary>Keys of one entity are compared wherever one of their tables is joined to the other.</summary>
        public void Entities()
        {
            var keys = model.SemanticModels.Values.SelectMany(m => m.Entities.Values, (m, e) => (Model: m, Entity: e, Type: TypeOf(m, e.Name))).Where(k => k.Type is not null).ToList();
            foreach (var group in keys.GroupBy(k => k.Entity.Name))
            {
                foreach (var target in group.Where(k => k.Entity.Type != EntityType.Foreign).Take(1))
                {
                    foreach (var key in group.Where(k => k.Model != target.Model && Family(k.Type!.Value.Kind) != Family(target.Type!.Value.Kind)))
                    {
                        _broken.Add(key.Model.Name);
                        Report(
                            LakeProblems.NotComparable,
                            $"The entity '{group.Key}' is a {key.Type!.Value.DuckDbName} in '{key.Model.Name}' and a {target.Type!.Value.DuckDbName} in '{target.Model.Name}', so that they cannot be joined.",
                            At(key.Entity.Source, "expr"), "Cast one of them.");
                    }
                }
            }
        }

        /// <summary>A lookup finds its rows by the dimension's value as text, which of a fraction or a moment has more than one spelling.</summary>
        public void Lookups()
        {
            foreach (var lookup in model.Lookups.Values)
            {
                var path = lookup.Dimension.Path;
                foreach (var owner in model.SemanticModels.Values.Where(m => path.Length == 1 || m.PrimaryEntity == path[0]))
                {
                    if (TypeOf(owner, path[^1]) is { Kind: ColumnKind.Double or ColumnKind.Decimal or ColumnKind.Timestamp } type)
                    {
                        Report(
                            LakeProblems.BadLookupKey, $"The lookup '{lookup.Name}' finds its rows by '{lookup.Dimension}', which is a {type.DuckDbName} in '{owner.Name}'; it needs a text, a whole number, a truth value or a date.",
                            At(lookup.Source, "dimension"));
                    }
                }
            }
        }

        /// <summary>Each filter within a statement that the engine would send; it is at fault if the statement without it is good.</summary>
        public async Task FiltersAsync(CancellationToken cancellationToken)
        {
            foreach (var metric in model.Metrics.Values.Where(m => m.Filter is not null || m.MeasureInputs.Any(i => i.Filter is not null) || m.Inputs.Any(i => i.Filter is not null)))
            {
                if (await AreGoodAsync(metric.Inputs.Select(i => i.Metric), cancellationToken))
                {
                    Told($"metric '{metric.Name}'", At(metric.Source, "filter"), await MisfitsAsync(metric.Name, cancellationToken));
                }
            }

            foreach (var tenant in model.Tenants.Values)
            {
                foreach (var query in model.Metrics.Keys.Select(name => new MetricQuery { Metrics = [name], Tenant = tenant.Name }).Where(IsSound))
                {
                    if (await AreGoodAsync(query.Metrics, cancellationToken))
                    {
                        Told($"tenant '{tenant.Name}'", At(tenant.Source, "where"), await MisfitsAsync(query, cancellationToken));
                        break;
                    }
                }
            }

            foreach (var definition in GoldDefinitions.Of(model).ByTable.Values.Where(d => d.Table.Where is not null && d.Leaves.All(IsSound)))
            {
                if (await AreGoodAsync(definition.Table.Metrics, cancellationToken))
                {
                    var day = DateOnly.FromDateTime(now.UtcDateTime);
                    Told($"gold table '{definition.Table.Name}'", At(definition.Table.Source, "where"), await MisfitsAsync(definition.CompileLake(lake.Dialect, day, day.AddDays(1)), cancellationToken));
                }
            }

            foreach (var insight in model.Insights.Values.Where(i => i.Query["where"] is not null))
            {
                try
                {
                    var query = InsightBinder.BindDefaults(insight).Query;
                    if ((await MisfitsAsync(query with { Where = null }, cancellationToken)).IsEmpty)
                    {
                        Told($"insight '{insight.Name}'", At(insight.Source, "query.where", "query"), await MisfitsAsync(query, cancellationToken));
                    }
                }
                catch (QueryException)
                {
                    // A mistake that every caller mends with a parameter.
                }
            }
        }

        private void Told(string what, SourcePosition position, ImmutableArray<Misfit> misfits)
        {
            foreach (var misfit in misfits)
            {
                Report(LakeProblems.BadFilter, $"A filter of the {what} does not fit the lake: {misfit.Message}", position, misfit.Suggestion);
            }
        }

        private async Task<bool> AreGoodAsync(IEnumerable<string> metrics, CancellationToken cancellationToken)
        {
            foreach (var metric in metrics)
            {
                if (!(await MisfitsAsync(metric, cancellationToken)).IsEmpty)
                {
                    return false;
                }
            }

            return true;
        }

        private async Task<ImmutableArray<Misfit>> MisfitsAsync(string metric, CancellationToken cancellationToken)
        {
            if (!_metrics.TryGetValue(metric, out var known))
            {
                _metrics[metric] = known = await MisfitsAsync(new MetricQuery { Metrics = [metric] }, cancellationToken);
            }

            return known;
        }

        /// <summary>What is wrong whatever the types are is the model's own matter, and what this version does not compute nobody's.</summary>
        private async Task<ImmutableArray<Misfit>> MisfitsAsync(MetricQuery query, CancellationToken cancellationToken)
        {
            if (!IsSound(query))
            {
                return [];
            }

            if (Resolve(query, new FieldTypes(_types.ToImmutableDictionary(t => t.Key, t => t.Value.Kind)), out var problems) is not { } resolved)
            {
                return [.. problems.Select(p => new Misfit(p.Message, p.Suggestion))];
            }

            var misfits = ImmutableArray.CreateBuilder<Misfit>();
            foreach (var leaf in resolved.Leaves)
            {
                misfits.AddRange(await MisfitsAsync(SqlWriter.Write(lake.Dialect, LeafCompiler.Compile(leaf, leaf.Range)), cancellationToken));
            }

            return misfits.ToImmutable();
        }

        private async Task<ImmutableArray<Misfit>> MisfitsAsync(SqlStatement statement, CancellationToken cancellationToken)
        {
            try
            {
                await using var rows = await lake.QueryAsync(statement with { Text = $"SELECT * FROM ({statement.Text}) AS checked LIMIT 0" }, cancellationToken);
                return [];
            }
            catch (LakeException exception) when (!exception.IsTransient && !exception.IsMissing)
            {
                return [new Misfit(exception.Message, null)];
            }
        }

        private ResolvedQuery? Resolve(MetricQuery query, FieldTypes types, out ImmutableArray<QueryProblem> problems)
        {
            try
            {
                problems = [];
                return QueryResolver.Resolve(model, query, types, now);
            }
            catch (QueryException exception)
            {
                problems = exception.Problems;
                return null;
            }
        }

        private bool IsSound(MetricQuery query) => Resolve(query, FieldTypes.Unknown, out _) is { } resolved && resolved.Leaves.All(IsSound);

        private bool IsSound(Leaf leaf) => !leaf.Bindings.Values.Concat(leaf.GroupBy.Select(g => g.Binding)).SelectMany(b => b.Hops).Select(h => h.Target.Name).Append(leaf.Fact.Name).Any(_broken.Contains);

        private ColumnType? TypeOf(SemanticModel semanticModel, string element) => _types.TryGetValue(FieldTypes.Key(semanticModel.Name, element), out var type) ? type : null;

        private SourcePosition At(SourcePosition item, params ReadOnlySpan<string> keys) => model.Positions.Find(item, keys);

        private void Report(string code, string message, SourcePosition position, string? suggestion = null) => Problems.Add(new ModelProblem(code, message, position, suggestion));

        private static (string Code, string Needs)? Wrong(Dimension dimension, ColumnKind kind)
        {
            if (dimension.Type != DimensionType.Time)
            {
                return null;
            }

            // A column that only prunes is cast to a date, so that it may be the text of a folder's name.
            return Leaf.IsInstant(dimension) ? kind == ColumnKind.Timestamp ? null : (LakeProblems.NoTime, "a timestamp, because its granularity is finer than a day")
                : kind is ColumnKind.Date or ColumnKind.Timestamp || (kind == ColumnKind.String && dimension is { IsPartition: true, Partitions: not null }) ? null
                : (LakeProblems.NoTime, "a date or a timestamp");
        }

        private static (string Code, string Needs)? Wrong(Measure measure, ColumnKind kind) => measure.Aggregation switch
        {
            Aggregation.SumBoolean when kind != ColumnKind.Boolean => (LakeProblems.BadMeasure, "a truth value to be summed with sum_boolean"),
            Aggregation.Sum or Aggregation.Average or Aggregation.Median when !IsNumber(kind) => (LakeProblems.BadMeasure, "a number"),
            Aggregation.Percentile when (!measure.UseDiscretePercentile || measure.UseApproximatePercentile) && !IsNumber(kind) => (LakeProblems.BadMeasure, "a number"),
            _ => null,
        };

        private static bool IsNumber(ColumnKind kind) => Family(kind) == ColumnKind.Double;

        /// <summary>One kind for all that can be compared with each other.</summary>
        private static ColumnKind Family(ColumnKind kind) => kind switch
        {
            ColumnKind.Int64 or ColumnKind.Decimal => ColumnKind.Double,
            ColumnKind.Date => ColumnKind.Timestamp,
            _ => kind,
        };
    }

    private sealed record Misfit(string Message, string? Suggestion);
}
