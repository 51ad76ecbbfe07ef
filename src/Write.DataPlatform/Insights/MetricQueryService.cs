using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights.Slices;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Insights;

/// <summary>The one read path: every front door brings its <see cref="MetricQuery"/> here.</summary>
internal sealed class MetricQueryService(
    ModelStore models, ILake lake, LakeTypes types, GoldReader gold, SliceReader slices, ServingDuckDb serving, CursorSeal cursors, AnswerReach reach, TimeProvider clock) : IDisposable
{
    private readonly LakeTurns _lakeTurns = new(Math.Max(1, serving.Instance.Settings.MaxSessions / 2));

    public void Dispose() => _lakeTurns.Dispose();

    /// <summary>Plans a query within what the caller may see.</summary>
    /// <exception cref="QueryException">The query has mistakes, or no correct plan answers it.</exception>
    /// <exception cref="GoldStoreException">The gold store failed.</exception>
    public Task<PlannedQuery> PlanAsync(MetricQuery query, Caller caller, CancellationToken cancellationToken = default) =>
        PlanAsync(models.Current, query, caller, fresh: false, cancellationToken);

    /// <summary>Answers a query with the rows the caller may see.</summary>
    /// <exception cref="QueryException">The query has mistakes, or no correct plan answers it.</exception>
    /// <exception cref="LakeException">The lake is needed and failed.</exception>
    /// <exception cref="GoldStoreException">The gold store failed.</exception>
    public async Task<MetricAnswer> AnswerAsync(MetricQuery query, Caller caller, CancellationToken cancellationToken = default) =>
        await AnswerAsync(await PlanAsync(query, caller, cancellationToken), cancellationToken);

    /// <summary>Answers a planned query.</summary>
    /// <exception cref="QueryException">No correct plan answers it any more.</exception>
    /// <exception cref="LakeException">The lake is needed and failed.</exception>
    /// <exception cref="GoldStoreException">The gold store failed.</exception>
    public async Task<MetricAnswer> AnswerAsync(PlannedQuery planned, CancellationToken cancellationToken = default)
    {
        using var activity = Telemetry.Activities.StartActivity("answer");
        var started = clock.GetTimestamp();
        var outcome = "failed";
        try
        {
            var answer = await AnswerOnceMoreAsync(planned, cancellationToken);
            outcome = "answered";
            activity?.SetTag("dataplatform.tables", string.Join(',', answer.Served.Tables.Select(t => t.Name))).SetTag("dataplatform.rows", answer.Rows.Count).SetTag("dataplatform.bytes_scanned", answer.Served.BytesScanned);
            Telemetry.LakeBytes.Add(answer.Served.BytesScanned);
            return answer;
        }
        catch (QueryException)
        {
            outcome = "refused";
            throw;
        }
        catch (OperationCanceledException)
        {
            outcome = "cancelled";
            throw;
        }
        finally
        {
            var by = string.Join('+', ServedFrom(planned.Leaves));
            activity?.SetTag("dataplatform.served", by).SetTag("dataplatform.tenant", planned.Query.Tenant).SetStatus(outcome == "failed" ? System.Diagnostics.ActivityStatusCode.Error : System.Diagnostics.ActivityStatusCode.Unset);
            Telemetry.AnswerDuration.Record(clock.GetElapsedTime(started).TotalSeconds, new("served", by), new("outcome", outcome));
        }
    }

    private async Task<MetricAnswer> AnswerOnceMoreAsync(PlannedQuery planned, CancellationToken cancellationToken)
    {
        try
        {
            return await AnswerAsync(planned, lake, cancellationToken);
        }
        catch (QueryException exception) when (!planned.SeesAll)
        {
            throw Untold.Of(exception, planned.Model, planned.Query);
        }
        catch (GoldStoreException exception) when (exception.IsTransient)
        {
            // A remembered manifest may name versions that were replaced and collected since.
            return await AnswerAsync(await PlanAsync(planned.Model, planned.Query, planned.Caller, fresh: true, cancellationToken), lake, cancellationToken);
        }
    }

    /// <summary>Answers a query from rows that are not the platform's own.</summary>
    /// <exception cref="QueryException">The query has mistakes.</exception>
    /// <exception cref="LakeException">The rows could not be read.</exception>
    public Task<MetricAnswer> AnswerAsync(MetricModel model, MetricQuery query, ILake rows, FieldTypes fieldTypes, DateTimeOffset now, CancellationToken cancellationToken = default) =>
        AnswerAsync(Planned(QueryPlan.Create(model, query with { Source = QuerySource.Lake }, fieldTypes, [], now), [], query, Caller.Operator, now), rows, cancellationToken);

    /// <summary>How a query would be answered.</summary>
    /// <exception cref="QueryException">The query has mistakes, or no correct plan answers it.</exception>
    /// <exception cref="GoldStoreException">The gold store failed.</exception>
    public async Task<QueryExplanation> ExplainAsync(MetricQuery query, Caller caller, CancellationToken cancellationToken = default)
    {
        var plan = (await PlanAsync(query, caller, cancellationToken)).Plan;
        var finish = FinishCompiler.Compile(plan.Resolved, plan.Leaves, (leaf, piece) =>
            piece.Gold is { } table ? "\"" + table.Definition.Table.Name + "\"" : "\"lake_" + leaf.Leaf.Index.ToString(CultureInfo.InvariantCulture) + "\"");
        return new QueryExplanation(
            plan.Resolved.Model.Revision,
            plan.Resolved.Zone.Id,
            plan.Resolved.Range.ToString(),
            [.. plan.Leaves.Select(Explain)],
            finish.Text);
    }

    /// <summary>The most rows of an answer whose query names no limit.</summary>
    public const int MaxRows = MetricQueryReader.MaxLimit;

    /// <summary>Adds to the mistakes of a query's form those of the names in it, so that all are told at once.</summary>
    /// <exception cref="AccessDeniedException">The caller's role is gone, or it lacks a claim that the role needs.</exception>
    public QueryException WithNames(QueryException form, Caller caller)
    {
        if (form.Readable is not { } readable)
        {
            return form;
        }

        var model = models.Current;
        var bound = Bind(model, readable, caller);
        try
        {
            QueryResolver.Resolve(model, bound, FieldTypes.Unknown, clock.GetUtcNow());
            return form;
        }
        catch (QueryException all)
        {
            var names = SeesAll(caller, bound) ? all : Untold.Of(all, model, bound);
            // Where a list lost an unreadable element, positions in it are no longer the caller's.
            QueryProblem Placed(QueryProblem problem) => problem.Path?.Split('[', '.')[0] is { } root && form.Problems.Any(p => p.Path?.StartsWith(root + "[", StringComparison.Ordinal) is true)
                ? problem with { Path = root }
                : problem;
            return new QueryException([.. form.Problems, .. names.Problems.Where(p => QueryProblems.IsLocal(p.Code)).Select(Placed)]);
        }
    }

    /// <summary>A tag that changes when the answer may. Null if the lake is needed, whose changes cannot be seen.</summary>
    /// <exception cref="QueryException">The query has mistakes, or no correct plan answers it.</exception>
    /// <exception cref="GoldStoreException">The gold store failed.</exception>
    public async Task<string?> GetETagAsync(MetricQuery query, Caller caller, CancellationToken cancellationToken = default) =>
        await PlanAsync(query, caller, cancellationToken) is { NeedsLake: false } planned ? planned.Tag : null;

    private async Task<MetricAnswer> AnswerAsync(PlannedQuery planned, ILake source, CancellationToken cancellationToken)
    {
        var (plan, apart, snapshots, query, _, now) = planned;
        var asked = planned.NeedsLake && source == lake ? await reach.OfLakeAsync(planned.Model, planned.Leaves, cancellationToken) : clock.GetUtcNow();
        var (result, totals, scanned) = await RunAsync(plan, snapshots, source, plan.Resolved.Query.Totals && apart is null, cancellationToken);
        if (apart is not null)
        {
            (totals, _, var more) = await RunAsync(apart, snapshots, source, withTotals: false, cancellationToken);
            scanned += more;
        }

        if (query.Limit is null && result.Rows.Count > MaxRows)
        {
            throw new QueryException([new QueryProblem(QueryProblems.TooManyRows, string.Create(CultureInfo.InvariantCulture, $"The answer has more than {MaxRows:N0} rows."), "limit", "Give a limit and follow 'next', group by less, or filter more.")], isUnanswerable: true);
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
            Served = Served([.. planned.Leaves], snapshots, asked, scanned, planned.SeesAll),
        };
    }

    private static PlannedQuery Planned(QueryPlan plan, IReadOnlyList<GoldSnapshot> snapshots, MetricQuery query, Caller caller, DateTimeOffset now)
    {
        // Totals follow from the same pieces if every state can be merged, and else have a plan of their own.
        var totals = plan.Resolved.Query.Totals && !plan.IsMergeable ? plan.ForTotals([.. snapshots.Select(s => s.Candidate)]) : null;
        return new PlannedQuery(plan, totals, snapshots, query, caller, now);
    }

    private async Task<(ResultRows Rows, ResultRows? Totals, long BytesScanned)> RunAsync(
        QueryPlan plan, IReadOnlyList<GoldSnapshot> snapshots, ILake source, bool withTotals, CancellationToken cancellationToken)
    {
        if (!withTotals && slices.TryAnswer(plan, snapshots, cancellationToken) is { } slice)
        {
            return (slice, null, 0);
        }

        // A lake that is slow, or hangs, takes half of the sessions at most: gold's answers have the others. Turns come before questions, whose answers hold the lake's places.
        using var turn = plan.Leaves.Any(l => l.NeedsLake) ? await _lakeTurns.TakeAsync(plan.Resolved.Query.Tenant, cancellationToken) : null;
        await using var lakeAnswers = LakeAnswers.Ask(plan, source, cancellationToken);
        var relations = new Dictionary<LeafPiece, PieceRelation>(ReferenceEqualityComparer.Instance);
        try
        {
            foreach (var leaf in plan.Leaves)
            {
                foreach (var piece in leaf.Pieces.Where(p => p.Gold is not null))
                {
                    relations[piece] = await gold.AcquireAsync(GoldSnapshot.Of(snapshots, piece.Gold!), leaf, piece, cancellationToken);
                }
            }

            await using var session = await serving.Instance.OpenAsync(cancellationToken);
            var runner = new PlanRunner(session, plan, relations.Select(r => KeyValuePair.Create(r.Key, r.Value.Sql)));
            await runner.LoadAsync(lakeAnswers, cancellationToken);
            var rows = await runner.FinishAsync(isTotals: false, cancellationToken);
            return (rows, withTotals ? await runner.FinishAsync(isTotals: true, cancellationToken) : null, lakeAnswers.BytesScanned);
        }
        finally
        {
            foreach (var relation in relations.Values)
            {
                await relation.DisposeAsync();
            }
        }
    }

    private async Task<PlannedQuery> PlanAsync(
        MetricModel model, MetricQuery query, Caller caller, bool fresh, CancellationToken cancellationToken)
    {
        var bound = Bind(model, query, caller);
        try
        {
            return await PlanBoundAsync(model, bound, caller, fresh, cancellationToken);
        }
        catch (QueryException exception) when (!SeesAll(caller, bound))
        {
            throw Untold.Of(exception, model, bound);
        }
    }

    /// <summary>
    /// The one place where a caller's tenant and role bind a query: whatever it asks for, it asks within its own rows, and of the names that exist for it. What an
    /// operator asks may be bound before, to look through others' eyes.
    /// </summary>
    private static MetricQuery Bind(MetricModel model, MetricQuery query, Caller caller) =>
        caller.IsOperator ? query : query with { Tenant = caller.Tenant ?? query.Tenant, Scope = AccessPolicy.ScopeOf(model, caller) };

    private static bool SeesAll(Caller caller, MetricQuery bound) => caller.IsOperator || (caller.Tenant is null && bound.Scope is null);

    private async Task<PlannedQuery> PlanBoundAsync(
        MetricModel model, MetricQuery bound, Caller caller, bool fresh, CancellationToken cancellationToken)
    {
        var cursor = bound.Cursor is null ? null : Open(bound, model, caller);
        var now = cursor?.Now ?? clock.GetUtcNow();
        var snapshots = bound.Source == QuerySource.Lake ? [] : await gold.GetSnapshotsAsync(model, bound.Tenant, fresh, cancellationToken);
        var fieldTypes = await types.GetAsync(model, cancellationToken);
        // One row more than is ever given tells that there are too many.
        var plan = QueryPlan.Create(model, bound.Limit is null && !bound.MinMax ? bound with { Limit = MaxRows } : bound, fieldTypes, [.. snapshots.Select(s => s.Candidate)], now);
        cursor?.Check(plan);
        return Planned(plan with { Resolved = plan.Resolved with { After = cursor?.After } }, snapshots, bound, caller, now);
    }

    /// <exception cref="QueryException">It is no cursor of this query's, and what else is wrong with the query.</exception>
    private Cursor Open(MetricQuery query, MetricModel model, Caller caller)
    {
        try
        {
            var cursor = cursors.Read(query.Cursor!);
            cursor.Check(query, model.Revision);
            return cursor;
        }
        catch (QueryException refused) when (!refused.IsUnanswerable)
        {
            throw WithNames(new QueryException(refused.Problems) { Readable = query }, caller);
        }
    }

    private static ImmutableArray<AnswerColumn> Describe(ResolvedQuery query, ImmutableArray<ResultColumn> columns)
    {
        var described = ImmutableArray.CreateBuilder<AnswerColumn>();
        if (query.Query.MinMax)
        {
            var ((min, max), (fullMin, fullMax)) = (query.Keys[0].Ends, query.Keys[0].FullEnds);
            return [new AnswerColumn(min, columns[0].Type) { FullName = fullMin }, new AnswerColumn(max, columns[1].Type) { FullName = fullMax }];
        }

        foreach (var key in query.Keys)
        {
            described.Add(new AnswerColumn(key.Name, columns[described.Count].Type, key.Label) { Grain = key.Grain, FullName = key.FullName });
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

    private ServedBy Served(IReadOnlyList<LeafPlan> leaves, IReadOnlyList<GoldSnapshot> snapshots, DateTimeOffset asked, long bytesScanned, bool seesAll)
    {
        var pieces = leaves.SelectMany(l => l.Pieces.Where(piece => piece.Gold is not null).Select(piece => (Leaf: l, Piece: piece, Snapshot: GoldSnapshot.Of(snapshots, piece.Gold!)))).ToList();
        var tables = pieces.Select(p => p.Snapshot.Candidate).Distinct().ToList();
        return new ServedBy(
            [.. ServedFrom(leaves)],
            [.. tables.Select(t => new ServedTable(t.Definition.Table.Name, t.Revision)).Distinct()],
            pieces.Select(p => AnswerReach.Of(p.Leaf, p.Piece, p.Snapshot)).Append(asked).Min() is var reach && reach == DateTimeOffset.MinValue ? null : reach,
            [.. leaves.SelectMany(l => l.Misses).Select(m => seesAll ? m : Untold.Miss).Distinct()],
            bytesScanned);
    }

    private static IEnumerable<string> ServedFrom(IEnumerable<LeafPlan> leaves) =>
        leaves.SelectMany(l => l.Pieces.SelectMany(p => p.Gold is null ? ["lake"] : l.TailOf(p) is null ? ["gold"] : new[] { "gold", "tail" })).Distinct().Order(StringComparer.Ordinal);

    private LeafExplanation Explain(LeafPlan plan)
    {
        var leaf = plan.Leaf;
        return new LeafExplanation(
            leaf.Fact.Name,
            leaf.HasTime ? leaf.AggTime.Name : null,
            leaf.Range.ToString(),
            (leaf.Spine?.Shift ?? leaf.Shift)?.ToString(),
            [.. leaf.States.Select(s => s.Name)],
            [.. plan.Pieces.SelectMany(piece => Explain(plan, piece))],
            plan.Misses);
    }

    private IEnumerable<PieceExplanation> Explain(LeafPlan plan, LeafPiece piece)
    {
        if (piece.Gold is { } table)
        {
            yield return new PieceExplanation(
                "gold",
                piece.Range.ToString(),
                table.Definition.Table.Name,
                table.Revision,
                [.. piece.Partitions.Select(p => p.Period)],
                piece.Partitions.Sum(p => p.Rows),
                null,
                null);
            if (plan.TailOf(piece) is { } tail)
            {
                var cuts = piece.Partitions.Select(p => p.CutOf(plan.Leaf.Fact.Name)).OfType<DateTime>();
                var from = TimeBound.FromUtc(cuts.Min(), plan.Leaf.Zone);
                yield return new PieceExplanation("tail", new ResolvedRange(from, piece.Range.To).ToString(), table.Definition.Table.Name, null, null, null, null, null)
                {
                    Stream = tail.Stream,
                    Segments = tail.Segments,
                };
            }

            yield break;
        }

        var statement = QueryPlan.CompileLake(plan, piece, lake.Dialect);
        yield return new PieceExplanation("lake", piece.Range.ToString(), null, null, null, null, statement.Text, statement.Parameters);
    }
}
