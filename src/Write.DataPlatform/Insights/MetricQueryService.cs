using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Insights;

/// <summary>The one read path: every front door brings its <see cref="MetricQuery"/> here.</summary>
internal sealed class MetricQueryService(
    ModelStore models, ILake lake, LakeTypes types, GoldReader gold, ServingDuckDb serving, CursorSeal cursors, TimeProvider clock)
{
    /// <summary>Answers a query with the rows the caller may see.</summary>
    /// <exception cref="QueryException">The query has mistakes, or no correct plan answers it.</exception>
    /// <exception cref="LakeException">The lake is needed and failed.</exception>
    /// <exception cref="GoldStoreException">The gold store failed.</exception>
    public async Task<MetricAnswer> AnswerAsync(MetricQuery query, Caller caller, CancellationToken cancellationToken = default)
    {
        var model = models.Current;
        try
        {
            return await AnswerAsync(model, query, caller, fresh: false, cancellationToken);
        }
        catch (GoldStoreException exception) when (exception.IsTransient)
        {
            // A remembered manifest may name versions that were replaced and collected since.
            return await AnswerAsync(model, query, caller, fresh: true, cancellationToken);
        }
    }

    /// <summary>Answers a query from rows that are not the platform's own.</summary>
    /// <exception cref="QueryException">The query has mistakes.</exception>
    /// <exception cref="LakeException">The rows could not be read.</exception>
    public Task<MetricAnswer> AnswerAsync(MetricModel model, MetricQuery query, ILake rows, FieldTypes fieldTypes, DateTimeOffset now, CancellationToken cancellationToken = default) =>
        AnswerAsync(new Planned(QueryPlan.Create(model, query with { Source = QuerySource.Lake }, fieldTypes, [], now), [], query, now), rows, cancellationToken);

    /// <summary>How a query would be answered.</summary>
    /// <exception cref="QueryException">The query has mistakes, or no correct plan answers it.</exception>
    /// <exception cref="GoldStoreException">The gold store failed.</exception>
    public async Task<QueryExplanation> ExplainAsync(MetricQuery query, Caller caller, CancellationToken cancellationToken = default)
    {
        var plan = (await PlanAsync(models.Current, query, caller, fresh: false, cancellationToken)).Plan;
        var finish = FinishCompiler.Compile(plan.Resolved, plan.Leaves, (leaf, piece) =>
            piece.Gold is { } table ? "\"" + table.Definition.Table.Name + "\"" : "\"lake_" + leaf.Leaf.Index.ToString(CultureInfo.InvariantCulture) + "\"");
        return new QueryExplanation(
            plan.Resolved.Model.Revision,
            plan.Resolved.Zone.Id,
            plan.Resolved.Range.ToString(),
            [.. plan.Leaves.Select(Explain)],
            finish.Text);
    }

    /// <summary>Adds to the mistakes of a query's form those of the names in it, so that all are told at once.</summary>
    public QueryException WithNames(QueryException form)
    {
        if (form.Readable is not { } readable)
        {
            return form;
        }

        try
        {
            QueryResolver.Resolve(models.Current, readable, FieldTypes.Unknown, clock.GetUtcNow());
            return form;
        }
        catch (QueryException names)
        {
            // Where a list lost an unreadable element, positions in it are no longer the caller's.
            QueryProblem Placed(QueryProblem problem) => problem.Path?.Split('[', '.')[0] is { } root && form.Problems.Any(p => p.Path?.StartsWith(root + "[", StringComparison.Ordinal) is true)
                ? problem with { Path = root }
                : problem;
            return new QueryException([.. form.Problems, .. names.Problems.Where(p => QueryProblems.IsLocal(p.Code)).Select(Placed)]);
        }
    }

    /// <summary>
    /// A tag that changes when the answer may: a hash of the query, the model's revision and the gold tables' revisions.
    /// Null if the lake is needed, whose changes cannot be seen.
    /// </summary>
    /// <exception cref="QueryException">The query has mistakes, or no correct plan answers it.</exception>
    /// <exception cref="GoldStoreException">The gold store failed.</exception>
    public async Task<string?> GetETagAsync(MetricQuery query, Caller caller, CancellationToken cancellationToken = default)
    {
        var (plan, snapshots, _, _) = await PlanAsync(models.Current, query, caller, fresh: false, cancellationToken);
        ImmutableArray<LeafPlan> leaves = [.. plan.Leaves, .. TotalsApart(plan, snapshots)?.Leaves ?? []];
        if (leaves.Any(l => l.NeedsLake))
        {
            return null;
        }

        var served = leaves.SelectMany(l => l.Pieces).Select(p => $"{p.Gold!.Definition.Table.Name}@{p.Gold.Tenant}@{p.Gold.Revision}").Distinct();
        var resolved = plan.Resolved;
        // A comparison up to today has another range every day.
        var ranges = leaves.Select(l => l.Leaf.Range.ToString()).Distinct();
        return FilterText.Hash(string.Join('\n', [resolved.Model.Revision, resolved.Zone.Id, resolved.Range.ToString(), QueryText.Of(resolved.Query), resolved.Query.Cursor ?? "", .. ranges, .. served]));
    }

    private async Task<MetricAnswer> AnswerAsync(MetricModel model, MetricQuery query, Caller caller, bool fresh, CancellationToken cancellationToken)
    {
        return await AnswerAsync(await PlanAsync(model, query, caller, fresh, cancellationToken), lake, cancellationToken);
    }

    private async Task<MetricAnswer> AnswerAsync(Planned planned, ILake source, CancellationToken cancellationToken)
    {
        var (plan, snapshots, query, now) = planned;
        var apart = TotalsApart(plan, snapshots);
        var (result, totals, scanned) = await RunAsync(plan, snapshots, source, plan.Resolved.Query.Totals && apart is null, cancellationToken);
        if (apart is not null)
        {
            (totals, _, var more) = await RunAsync(apart, snapshots, source, withTotals: false, cancellationToken);
            scanned += more;
        }

        string? next = null;
        if (query.Limit is { } limit && result.Rows.Count > limit)
        {
            result.Rows.RemoveRange(limit, result.Rows.Count - limit);
            next = limit == 0 ? null : cursors.Write(Cursor.AfterRow(query, plan, now, result, result.Rows[^1]));
        }

        return new MetricAnswer
        {
            Columns = Describe(plan.Resolved, result.Columns),
            Rows = result.Finite(),
            Next = next,
            Totals = totals is null ? null : [.. plan.Resolved.Keys.Select(_ => (object?)null), .. totals.Finite()[0]],
            Served = Served([.. plan.Leaves, .. apart?.Leaves ?? []], snapshots, scanned),
        };
    }

    /// <summary>Totals follow from the same pieces if every state can be merged, and else have a plan of their own.</summary>
    private static QueryPlan? TotalsApart(QueryPlan plan, IReadOnlyList<GoldSnapshot> snapshots) =>
        plan.Resolved.Query.Totals && !plan.IsMergeable ? plan.ForTotals([.. snapshots.Select(s => s.Candidate)]) : null;

    private async Task<(ResultRows Rows, ResultRows? Totals, long BytesScanned)> RunAsync(
        QueryPlan plan, IReadOnlyList<GoldSnapshot> snapshots, ILake source, bool withTotals, CancellationToken cancellationToken)
    {
        var relations = new Dictionary<LeafPiece, GoldRelation>(ReferenceEqualityComparer.Instance);
        try
        {
            foreach (var piece in plan.Leaves.SelectMany(l => l.Pieces).Where(p => p.Gold is not null))
            {
                relations[piece] = await gold.AcquireAsync(snapshots.Single(s => ReferenceEquals(s.Candidate, piece.Gold)).Manifest, piece, cancellationToken);
            }

            await using var session = await serving.Instance.OpenAsync(cancellationToken);
            var runner = new PlanRunner(session, source, plan, relations.Select(r => KeyValuePair.Create(r.Key, r.Value.Sql)));
            await runner.LoadLakeAsync(cancellationToken);
            var rows = await runner.FinishAsync(isTotals: false, cancellationToken);
            return (rows, withTotals ? await runner.FinishAsync(isTotals: true, cancellationToken) : null, runner.BytesScanned);
        }
        finally
        {
            foreach (var relation in relations.Values)
            {
                relation.Dispose();
            }
        }
    }

    private async Task<Planned> PlanAsync(
        MetricModel model, MetricQuery query, Caller caller, bool fresh, CancellationToken cancellationToken)
    {
        // The one place where a tenant's key binds a query: whatever it asks for, it asks within its own rows.
        var bound = caller.Tenant is { } tenant ? query with { Tenant = tenant } : query;
        var cursor = bound.Cursor is null ? null : Open(bound, model);
        var now = cursor?.Now ?? clock.GetUtcNow();
        var snapshots = bound.Source == QuerySource.Lake ? [] : await gold.GetSnapshotsAsync(model, bound.Tenant, fresh, cancellationToken);
        var fieldTypes = await types.GetAsync(model, cancellationToken);
        var plan = QueryPlan.Create(model, bound, fieldTypes, [.. snapshots.Select(s => s.Candidate)], now);
        cursor?.Check(plan);
        return new Planned(plan with { Resolved = plan.Resolved with { After = cursor?.After } }, snapshots, bound, now);
    }

    /// <exception cref="QueryException">It is no cursor of this query's, and what else is wrong with the query.</exception>
    private Cursor Open(MetricQuery query, MetricModel model)
    {
        try
        {
            var cursor = cursors.Read(query.Cursor!);
            cursor.Check(query, model.Revision);
            return cursor;
        }
        catch (QueryException refused) when (!refused.IsUnanswerable)
        {
            throw WithNames(new QueryException(refused.Problems) { Readable = query });
        }
    }

    /// <summary>What answers a query: its plan, the gold tables as they were seen, the query with its tenant, and the moment that relative ranges end at.</summary>
    private sealed record Planned(QueryPlan Plan, IReadOnlyList<GoldSnapshot> Snapshots, MetricQuery Query, DateTimeOffset Now);

    private static ImmutableArray<AnswerColumn> Describe(ResolvedQuery query, ImmutableArray<ResultColumn> columns)
    {
        var described = ImmutableArray.CreateBuilder<AnswerColumn>();
        if (query.Query.MinMax)
        {
            var (min, max) = query.Keys[0].Ends;
            return [new AnswerColumn(min, columns[0].Type), new AnswerColumn(max, columns[1].Type)];
        }

        foreach (var key in query.Keys)
        {
            described.Add(new AnswerColumn(key.Name, columns[described.Count].Type, key.Label) { Grain = key.Grain });
        }

        foreach (var column in query.Metrics)
        {
            var metric = column.Metric;
            var approximation = Approximation.Of(query.Model, metric);
            foreach (var own in (column.Current as JourneyNode)?.Columns ?? [])
            {
                described.Add(new AnswerColumn(own.Name, columns[described.Count].Type, own.Label, own.Unit, own.Format));
            }

            foreach (var name in column.Current is JourneyNode ? [] : column.Names)
            {
                var isRatio = name == column.RatioName;
                var kind = column.Modifiers.FirstOrDefault(m => m.Name == name)?.Kind;
                var isShare = isRatio || kind is ModifierKind.PercentOfTotal;
                var isPlain = isShare || kind is ModifierKind.Rank;
                described.Add(new AnswerColumn(name, columns[described.Count].Type, name == metric.Name ? metric.Label : null, isPlain ? null : metric.Unit, isShare ? "0.0%" : isPlain ? "#,0" : metric.Format)
                {
                    // Of a difference, a share or an order of estimates no relative error can be told.
                    Approximation = approximation is not null && (isPlain || name == column.DeltaName) ? new Approximation((double?)null) : approximation,
                });
            }
        }

        return described.ToImmutable();
    }

    private ServedBy Served(IReadOnlyList<LeafPlan> leaves, IReadOnlyList<GoldSnapshot> snapshots, long bytesScanned)
    {
        var pieces = leaves.SelectMany(l => l.Pieces).ToList();
        var tables = pieces.Where(p => p.Gold is not null).Select(p => p.Gold!).Distinct().ToList();
        var watermarks = tables.Select(t => snapshots.Single(s => ReferenceEquals(s.Candidate, t)).Manifest.Partitions.Values.Max(p => p.Watermark)).ToList();
        // An event's clock may run ahead, and what the lake answers is as of now.
        watermarks.Add(clock.GetUtcNow());

        return new ServedBy(
            [.. pieces.Select(p => p.Gold is null ? "lake" : "gold").Distinct().Order(StringComparer.Ordinal)],
            [.. tables.Select(t => new ServedTable(t.Definition.Table.Name, t.Revision)).Distinct()],
            watermarks.Min(),
            [.. leaves.SelectMany(l => l.Misses).Distinct()],
            bytesScanned);
    }

    private LeafExplanation Explain(LeafPlan plan)
    {
        var leaf = plan.Leaf;
        return new LeafExplanation(
            leaf.Fact.Name,
            leaf.HasTime ? leaf.AggTime.Name : null,
            leaf.Range.ToString(),
            (leaf.Spine?.Shift ?? leaf.Shift)?.ToString(),
            [.. leaf.States.Select(s => s.Name)],
            [.. plan.Pieces.Select(piece => Explain(plan, piece))],
            plan.Misses);
    }

    private PieceExplanation Explain(LeafPlan plan, LeafPiece piece)
    {
        if (piece.Gold is { } table)
        {
            return new PieceExplanation(
                "gold",
                piece.Range.ToString(),
                table.Definition.Table.Name,
                table.Revision,
                [.. piece.Partitions.Select(p => p.Period)],
                piece.Partitions.Sum(p => p.Rows),
                null,
                null);
        }

        var statement = QueryPlan.CompileLake(plan, piece, lake.Dialect);
        return new PieceExplanation("lake", piece.Range.ToString(), null, null, null, null, statement.Text, statement.Parameters);
    }
}
