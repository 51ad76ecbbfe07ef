using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.OData;

/// <summary>
/// Makes metric queries of <c>$apply</c> on a metrics set: filters of fields, then one grouping with the set's own aggregates. What follows is computed from
/// the answer's rows as from any others.
/// </summary>
internal sealed class MetricsReader(MetricQueryService service, AnswerRows answers)
{
    private const int MaxRows = 1_000_000;

    /// <summary>The answer's rows and the transformations that are left to do.</summary>
    /// <exception cref="ProblemException">400 or 501.</exception>
    /// <exception cref="QueryException">The query has mistakes, or no correct plan answers it.</exception>
    public async Task<(FeedRows Rows, string? Apply)> ReadAsync(MetricsFeedSet set, CallerView view, string apply, Caller caller, DateTimeOffset now, CancellationToken cancellationToken = default)
    {
        var steps = Splitter.Split(apply, '/').Select(s => s.Trim()).ToList();
        RowExpression? condition = null;
        var place = 0;
        for (; place < steps.Count && (ApplyReader.Is(steps[place], "identity") || steps[place].StartsWith("filter(", StringComparison.OrdinalIgnoreCase)); place++)
        {
            if (Splitter.Call(steps[place]) is { } filter)
            {
                var one = new ExpressionReader(set.Fields, now).Filter(filter.Inner);
                condition = condition is null ? one : RowExpression.And(condition, one);
            }
        }

        if (place == steps.Count)
        {
            throw Refusal.Unsupported($"{set.Name} has rows only by groupby or aggregate.");
        }

        var (keys, sets, aggregate) = Grouping(set, steps[place]);
        var asked = Metrics(set, aggregate, keys);
        var (where, range) = condition is null ? (null, null) : MetricsFilter.Of(condition, view.Model);
        var rows = new List<object?[]>();
        var types = new Dictionary<string, RowType>(StringComparer.Ordinal);
        var tags = new List<string?>();
        foreach (var grouping in sets)
        {
            var query = view.Bind(new MetricQuery
            {
                Metrics = [.. asked.Select(a => a.Metric).Distinct()],
                GroupBy = [.. grouping.Select(FieldName.Parse)],
                Where = where,
                TimeRange = range,
                Limit = MaxRows,
            });
            tags.Add(await service.GetETagAsync(query, caller, cancellationToken));
            var answer = await service.AnswerAsync(query, caller, cancellationToken);
            if (answer.Next is not null)
            {
                throw Refusal.Bad($"The answer has more than {MaxRows:N0} rows; filter more or group by less.");
            }

            foreach (var column in answer.Columns)
            {
                // Of no rows the digits are not known.
                types.TryAdd(column.Name, column.Type is { Kind: ColumnKind.Decimal, Precision: 0 } ? RowType.Decimal(38, 6) : RowType.Of(column.Type));
            }

            var names = answer.Columns.Select(c => c.Name).ToList();
            int[] places = [.. keys.Select(k => k.Name).Concat(asked.Select(a => a.Metric)).Select(n => names.IndexOf(n))];
            rows.AddRange(answer.Rows.Select(r => places.Select(p => p < 0 ? null : r[p]).ToArray()));
        }

        ImmutableArray<RowColumn> columns = [.. keys.Select(k => new RowColumn(k.Name, types.GetValueOrDefault(k.Name, k.Type))), .. asked.Select(a => new RowColumn(a.Alias, types[a.Metric]))];
        var tag = tags.Any(t => t is null) ? null : string.Join(' ', tags);
        return (new AnswerFeedRows(answers, columns, rows, tag), place + 1 < steps.Count ? string.Join('/', steps.Skip(place + 1)) : null);
    }

    private static (ImmutableArray<RowColumn> Keys, ImmutableArray<ImmutableArray<string>> Sets, string Aggregate) Grouping(MetricsFeedSet set, string step)
    {
        if (Splitter.Call(step) is not { } call)
        {
            throw Refusal.Bad($"'{QueryForm.Short(step)}' is no transformation.");
        }

        if (ApplyReader.Is(call.Name, "aggregate"))
        {
            return ([], [[]], call.Inner);
        }

        if (!ApplyReader.Is(call.Name, "groupby"))
        {
            throw Refusal.Unsupported($"{set.Name} has rows only by groupby or aggregate, with filters before it.");
        }

        var (names, rest) = ApplyReader.Keys(call.Inner);
        var (keys, sets) = ApplyReader.Sets(names, name =>
            set.Fields.FirstOrDefault(f => f.Name == name) ?? throw Refusal.Bad($"{set.Name} has no property '{QueryForm.Short(name)}'."));
        return (keys, sets, ApplyReader.Aggregates(rest));
    }

    private static List<(string Metric, string Alias)> Metrics(MetricsFeedSet set, string text, ImmutableArray<RowColumn> keys)
    {
        var asked = new List<(string Metric, string Alias)>();
        foreach (var item in text.Length == 0 ? [] : Splitter.Split(text, ',').Select(i => i.Trim()))
        {
            var (metric, alias) = Splitter.Last(item, "as") ?? (item, item);
            if (set.Metrics.All(m => m.Name != metric))
            {
                throw Splitter.Last(item, "with") is null && metric != "$count"
                    ? Refusal.Bad($"{set.Name} has no metric '{QueryForm.Short(metric)}'.")
                    : Refusal.Unsupported($"{set.Name} has its own aggregates, the metrics, and no other methods.");
            }

            asked.Add((metric, ApplyReader.NewName(alias, keys.Select(k => k.Name).Concat(asked.Select(a => a.Alias)))));
        }

        return asked;
    }
}

/// <summary>Conditions of OData as a metric query has them.</summary>
internal static class MetricsFilter
{
    /// <summary>The condition, its days as the range of time.</summary>
    /// <exception cref="ProblemException">501: it is none of fields and constants.</exception>
    public static (Filter? Where, TimeRange? Range) Of(RowExpression condition, MetricModel model)
    {
        var (from, to) = ((DateOnly?)null, (DateOnly?)null);
        var rest = new List<Filter>();
        foreach (var part in Conjuncts(condition))
        {
            if (part is RowCall { Arguments: [RowColumnValue column, RowConstant { Value: DateOnly date }] } call
                && FieldName.Parse(column.Name) is { IsMetricTime: true, Grain: >= TimeGrain.Day and { } grain }
                && model.Calendar.Truncate(date, grain) == date
                && call.Function is RowFunction.GreaterOrEqual or RowFunction.Less && date > DateOnly.MinValue)
            {
                // The start of a bucket at or after the start of another: the events are, too.
                from = call.Function == RowFunction.GreaterOrEqual && (from is null || date > from) ? date : from;
                to = call.Function == RowFunction.Less && (to is null || date < to) ? date : to;
            }
            else
            {
                rest.Add(Condition(part, isTrue: true));
            }
        }

        return (Filter.And(rest), from is null && to is null ? null : new AbsoluteTimeRange(from is { } f ? TimePoint.FromDate(f) : null, to is { } t ? TimePoint.FromDate(t) : null));
    }

    private static IEnumerable<RowExpression> Conjuncts(RowExpression condition) =>
        condition is RowCall { Function: RowFunction.And } and ? and.Arguments.SelectMany(Conjuncts) : [condition];

    /// <summary>OData's comparisons of null are false, whereas those of a metric query are unknown; so a negation goes down to them.</summary>
    private static Filter Condition(RowExpression condition, bool isTrue)
    {
        switch (condition)
        {
            case RowCall { Function: RowFunction.Not } not:
                return Condition(not.Arguments[0], !isTrue);
            case RowCall { Function: RowFunction.And or RowFunction.Or } both:
                ImmutableArray<Filter> parts = [.. both.Arguments.Select(a => Condition(a, isTrue))];
                return both.Function == RowFunction.And == isTrue ? new AndFilter(parts) : new OrFilter(parts);
            case RowCall { Function: RowFunction.In, Arguments: [RowColumnValue column, .. var list] }:
                return Equality(column, [.. list.Select(Value)], isTrue);
            case RowCall { Arguments: [RowColumnValue column, RowConstant constant] } call:
                return Compare(column, call.Function, constant, isTrue);
            case RowCall { Arguments: [RowConstant constant, RowColumnValue column] } call:
                return Compare(column, call.Function switch
                {
                    RowFunction.Less => RowFunction.Greater,
                    RowFunction.LessOrEqual => RowFunction.GreaterOrEqual,
                    RowFunction.Greater => RowFunction.Less,
                    RowFunction.GreaterOrEqual => RowFunction.LessOrEqual,
                    RowFunction.Equal or RowFunction.NotEqual => call.Function,
                    _ => throw None(),
                }, constant, isTrue);
            case RowColumnValue { Type.Kind: RowKind.Boolean } column:
                return new ComparisonFilter(FieldName.Parse(column.Name), FilterOperator.Equals, [isTrue]);
            default:
                throw None();
        }
    }

    private static Filter Compare(RowColumnValue column, RowFunction function, RowConstant constant, bool isTrue)
    {
        var field = FieldName.Parse(column.Name);
        Filter Text(FilterOperator op) => constant.Value is null
            ? new OrFilter([])
            : isTrue ? new ComparisonFilter(field, op, [Value(constant)]) : new NotFilter(new ComparisonFilter(field, op, [Value(constant)]));
        Filter Order(FilterOperator op, FilterOperator opposite) => constant.Value is null
            ? isTrue ? new OrFilter([]) : new AndFilter([])
            : isTrue ? new ComparisonFilter(field, op, [Value(constant)])
            : new OrFilter([new ComparisonFilter(field, opposite, [Value(constant)]), new ComparisonFilter(field, FilterOperator.IsNotSet, [])]);
        return function switch
        {
            RowFunction.Equal => Equality(column, [Value(constant)], isTrue),
            RowFunction.NotEqual => Equality(column, [Value(constant)], !isTrue),
            RowFunction.Less => Order(FilterOperator.Lt, FilterOperator.Gte),
            RowFunction.LessOrEqual => Order(FilterOperator.Lte, FilterOperator.Gt),
            RowFunction.Greater => Order(FilterOperator.Gt, FilterOperator.Lte),
            RowFunction.GreaterOrEqual => Order(FilterOperator.Gte, FilterOperator.Lt),
            RowFunction.Contains => Text(FilterOperator.Contains),
            RowFunction.StartsWith => Text(FilterOperator.StartsWith),
            RowFunction.EndsWith => Text(FilterOperator.EndsWith),
            RowFunction.Matches => Text(FilterOperator.Matches),
            _ => throw None(),
        };
    }

    private static Filter Equality(RowColumnValue column, ImmutableArray<object?> values, bool isTrue)
    {
        var field = FieldName.Parse(column.Name);
        if (values.IsEmpty)
        {
            return isTrue ? new OrFilter([]) : new AndFilter([]);
        }

        if (values.All(v => v is null))
        {
            return new ComparisonFilter(field, isTrue ? FilterOperator.IsNotSet : FilterOperator.IsSet, []);
        }

        return isTrue ? new ComparisonFilter(field, FilterOperator.In, values)
            : values.Contains(null) ? new ComparisonFilter(field, FilterOperator.NotIn, values)
            : new OrFilter([new ComparisonFilter(field, FilterOperator.NotIn, values), new ComparisonFilter(field, FilterOperator.IsNotSet, [])]);
    }

    private static object? Value(RowExpression value) => value is RowConstant constant
        ? constant.Value switch
        {
            DateOnly date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            DateTime time => time.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'", CultureInfo.InvariantCulture),
            var other => other,
        }
        : throw None();

    private static ProblemException None() => Refusal.Unsupported("Before a metrics set is grouped, its properties can be compared with constants alone, by and, or, not, in, contains, startswith and endswith.");
}
