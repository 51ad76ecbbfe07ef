using System.Collections.Immutable;
using System.Data.Common;
using DuckDB.NET.Data;
using DuckDB.NET.Native;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Api.OData;

/// <summary>Rows that a request is computed from.</summary>
internal abstract class FeedRows
{
    /// <summary>The columns that callers know.</summary>
    public abstract ImmutableArray<RowColumn> Columns { get; }

    /// <summary>The columns that tell rows apart.</summary>
    public abstract ImmutableArray<RowColumn> Key { get; }

    /// <summary>Whether pages go on behind a row's key, and not after a number of rows.</summary>
    public abstract bool HasKeys { get; }

    /// <summary>What the rows are of, so that pages fit together; null if that cannot be told.</summary>
    public abstract string? Source { get; }

    public abstract long Revision { get; }

    /// <summary>How many rows there are, if that is known without a query.</summary>
    public virtual long? Count => null;

    /// <summary>Runs a statement over the rows.</summary>
    /// <exception cref="Rest.ProblemException">400: values of the caller's own expressions cannot be computed.</exception>
    public async Task<T> QueryAsync<T>(RowTimes range, Func<Func<SqlWriter, RowSource>, SqlStatement> compile, Func<DbDataReader, T> read, CancellationToken cancellationToken = default)
    {
        try
        {
            return await RunAsync(range, compile, read, cancellationToken);
        }
        catch (DuckDBException exception) when (exception.ErrorType is DuckDBErrorType.OutOfRange or DuckDBErrorType.Conversion or DuckDBErrorType.InvalidInput or DuckDBErrorType.Decimal)
        {
            throw Refusal.Bad("The expressions cannot be computed for all rows: a number is too large, or a pattern or a cast does not fit.");
        }
        catch (OverflowException)
        {
            throw Refusal.Bad("A number is too large.");
        }
    }

    /// <summary>The times that a pipeline's first filters leave.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="after">The order's values of the last row given already.</param>
    /// <param name="needed">How many rows are asked for; null for all.</param>
    public virtual RowTimes TimesOf(RowPipeline pipeline, ImmutableArray<object?>? after, long? needed = null) => default;

    /// <summary>A pipeline's rows in parts that follow each other in their order, of which the first may be enough. Together they are all.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="after">The order's values of the last row given already.</param>
    /// <param name="needed">How many rows are asked for; null for all.</param>
    public virtual IEnumerable<RowPipeline> PartsOf(RowPipeline pipeline, ImmutableArray<object?>? after, long? needed) => [pipeline];

    protected abstract Task<T> RunAsync<T>(RowTimes range, Func<Func<SqlWriter, RowSource>, SqlStatement> compile, Func<DbDataReader, T> read, CancellationToken cancellationToken);
}

/// <summary>A gold table's rows.</summary>
internal sealed class GoldFeedRows(GoldRows gold, GoldFeedSet set) : FeedRows
{
    public override ImmutableArray<RowColumn> Columns => set.Columns;

    public override ImmutableArray<RowColumn> Key { get; } = set.Rows.Key;

    public override bool HasKeys => true;

    public override string? Source => $"{set.Rows.Manifest.Revision}@{set.Rows.Hash}";

    public override long Revision => set.Rows.Manifest.Revision;

    public override long? Count => set.Rows.Within(default).Sum(p => p.Partition.Rows);

    public override RowTimes TimesOf(RowPipeline pipeline, ImmutableArray<object?>? after, long? needed = null)
    {
        var time = set.Rows.View.Time;
        var times = default(RowTimes);
        foreach (var step in pipeline.Steps.TakeWhile(s => s is FilterRows or ComputeRows or OrderRows))
        {
            times = step is FilterRows filter ? times.And(RowTimes.Of(filter.Condition, time)) : times;
        }

        if (!IsByTime(pipeline))
        {
            return times;
        }

        // Behind a row there are no earlier times if the order begins with them.
        times = after is [{ } last, ..] ? times.And(new RowTimes(last is DateOnly date ? date.ToDateTime(default) : (DateTime)last, null)) : times;
        return needed is { } rows && IsOfTimeAlone(pipeline) ? times.And(Enough(times, rows)) : times;
    }

    /// <summary>Stretches of time, the first about twice as long as the rows need. Without them a large partition is sorted for each of its pages.</summary>
    public override IEnumerable<RowPipeline> PartsOf(RowPipeline pipeline, ImmutableArray<object?>? after, long? needed)
    {
        var times = TimesOf(pipeline, after, needed);
        var partitions = set.Rows.Within(times);
        var all = partitions.Sum(p => p.Partition.Rows);
        if (needed is not { } rows || all / 4 < rows || !IsByTime(pipeline) || !IsOfTimeAlone(pipeline))
        {
            yield return pipeline;
            yield break;
        }

        var view = set.Rows.View;
        var column = new RowColumnValue(view.Time, set.Rows.Types[view.Time]);
        var unit = view.HasDates ? TimeSpan.FromDays(1) : TimeSpan.FromSeconds(1);
        RowExpression Compare(RowFunction function, DateTime time) =>
            Operators.Compare(function, column, new RowConstant(view.HasDates ? DateOnly.FromDateTime(time) : time, column.Type));

        var (first, end) = (partitions[0].FromTime, partitions[^1].ToTime);
        var from = times.From > first ? times.From.Value : first;
        for (var span = (end - first) * (2.0 * rows / all); from < end && !(from > times.To); span *= 4)
        {
            var condition = Compare(RowFunction.GreaterOrEqual, from);
            from = span < end - from ? from + unit * Math.Ceiling(span / unit) : end;
            yield return pipeline with { Steps = [new FilterRows(from < end ? RowExpression.And(condition, Compare(RowFunction.Less, from)) : condition), .. pipeline.Steps] };
        }
    }

    /// <summary>Whether a pipeline's rows are the table's, in the order of time.</summary>
    private bool IsByTime(RowPipeline pipeline) =>
        pipeline.Steps.All(s => s is FilterRows or ComputeRows or OrderRows)
        && RowCompiler.OrderOf(pipeline, Key) is [{ Descending: false, Value: RowColumnValue first }, ..] && first.Name == set.Rows.View.Time;

    private bool IsOfTimeAlone(RowPipeline pipeline) => pipeline.Steps.All(s => s is not FilterRows filter || RowTimes.IsOfTimeAlone(filter.Condition, set.Rows.View.Time));

    /// <summary>The times of the partitions that have so many rows for sure: those that lie wholly within a range, one after the other. All of them would be sorted for a page of a few.</summary>
    private RowTimes Enough(RowTimes times, long rows)
    {
        long sure = 0;
        foreach (var partition in set.Rows.Partitions.Where(p => times.Meets(p.FromTime, p.ToTime)))
        {
            sure += (times.From is not { } from || partition.FromTime > from) && (times.To is not { } to || partition.ToTime <= to) ? partition.Partition.Rows : 0;
            if (sure >= rows)
            {
                return new RowTimes(null, partition.ToTime.AddTicks(-1));
            }
        }

        return default;
    }

    protected override Task<T> RunAsync<T>(RowTimes range, Func<Func<SqlWriter, RowSource>, SqlStatement> compile, Func<DbDataReader, T> read, CancellationToken cancellationToken) =>
        gold.QueryAsync(set.Rows, range, compile, read, cancellationToken);
}

/// <summary>The rows of a metric query's answer.</summary>
internal sealed class AnswerFeedRows(AnswerRows service, ImmutableArray<RowColumn> columns, IReadOnlyList<object?[]> rows, string? tag) : FeedRows
{
    public override ImmutableArray<RowColumn> Columns => columns;

    public override ImmutableArray<RowColumn> Key => columns;

    public override bool HasKeys => false;

    public override string? Source => tag;

    public override long Revision => 0;

    protected override Task<T> RunAsync<T>(RowTimes range, Func<Func<SqlWriter, RowSource>, SqlStatement> compile, Func<DbDataReader, T> read, CancellationToken cancellationToken) =>
        service.QueryAsync(columns, rows, compile, read, cancellationToken);
}
