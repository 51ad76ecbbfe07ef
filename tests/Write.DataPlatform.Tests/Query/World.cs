using System.Globalization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>A model, its rows, and the C# twins of its SQL expressions.</summary>
internal sealed class World(MetricModel model, IReadOnlyDictionary<string, List<Row>> tables)
{
    private static readonly Dictionary<string, Func<Row, object?>> Expressions = new()
    {
        ["1"] = _ => 1L,
        ["amount * 2"] = row => row["amount"] is decimal amount ? amount * 2 : null,
        ["quantity - 1"] = row => row["quantity"] is long quantity ? quantity - 1 : null,
        ["amount > 10"] = row => row["amount"] is decimal amount ? amount > 10 : null,
    };

    private readonly Dictionary<(string, string), Dictionary<object, Row>> _indexes = [];

    public MetricModel Model { get; } = model;

    public IReadOnlyDictionary<string, List<Row>> Tables { get; } = tables;

    /// <summary>The derived metrics' expressions over the values of their inputs.</summary>
    public IReadOnlyDictionary<string, Func<Func<string, object?>, object?>> Derived { get; } = new Dictionary<string, Func<Func<string, object?>, object?>>
    {
        // revenue / nullif(visits, 0)
        ["revenue_per_visit"] = x => Divide(x("revenue"), x("visits")),
        // (a - b) / nullif(b, 0)
        ["visits_growth"] = x => Divide(Calculate(x("a"), x("b"), (a, b) => a - b), x("b")),
        // coalesce(plays, 0) + coalesce(orders, 0) * 2
        ["activity"] = x => Calculate(x("plays") ?? 0L, x("orders") ?? 0L, (a, b) => a + (b * 2)),
        // 100 * growth
        ["growth_percent"] = x => Calculate(x("growth"), 100L, (a, b) => a * b),
        // rate * visits + share
        ["odd_score"] = x => Calculate(Calculate(x("rate"), x("visits"), (a, b) => a * b), x("share"), (a, b) => a + b),
        // now - before
        ["minutes_change"] = x => Calculate(x("now"), x("before"), (a, b) => a - b),
        // visits - start
        ["visits_since_month_start"] = x => Calculate(x("visits"), x("start"), (a, b) => a - b),
        ["visits_ever_gain"] = x => Calculate(x("now"), x("before"), (a, b) => a - b),
        ["about_visitors_growth"] = x => Calculate(x("a"), x("b"), (a, b) => a - b),
        ["growth_change"] = x => Calculate(x("now"), x("before"), (a, b) => a - b),
    };

    public object? Evaluate(string expr, Row row) => Expressions.TryGetValue(expr, out var compute) ? compute(row) : row[expr];

    /// <summary>The time dimensions that a metric's measures are counted by.</summary>
    public IEnumerable<Dimension> AggTimes(Metric metric) => metric.MeasureInputs.Select(m => Model.Measures[m.Measure])
        .Select(m => Model.SemanticModels[m.SemanticModel].Dimensions[m.AggTimeDimension])
        .Concat(metric.Inputs.SelectMany(i => AggTimes(Model.Metrics[i.Metric])));

    public Dimension? Dimension(SemanticModel fact, FieldName field)
    {
        var (at, _, element, attribute) = Walk(fact, null, field, null);
        return attribute is null ? at.Dimensions.GetValueOrDefault(element) : null;
    }

    /// <summary>A field's value in a row of a fact: along its entities to the one row they name, or null where there is none.</summary>
    /// <param name="fact">The fact.</param>
    /// <param name="row">Its row.</param>
    /// <param name="field">The field.</param>
    /// <param name="moment">When the row's event happened, an instant or a date: of rows with validity the one valid then is meant.</param>
    /// <param name="tenant">The tenant whose rows a metric by an entity counts; null for all.</param>
    public object? Value(SemanticModel fact, Row row, FieldName field, object? moment, string? tenant = null)
    {
        if (field.Path.Length > 1 && Model.Metrics.ContainsKey(field.Element))
        {
            // The only such metric counts a visitor's visits that have a time; see the model's loyal_visits.
            var visitor = Value(fact, row, new FieldName(field.Path[..^1], null), moment);
            var visits = (tenant is null ? Tables["visits"] : Tables["visits"].Where(v => Equals(v["customer"], tenant))).Count(v => visitor is not null && Equals(v["visitor_id"], visitor) && v["started_at"] is not null);
            return visits == 0 ? null : (long)visits;
        }

        var (at, found, element, attribute) = Walk(fact, row, field, moment);
        var value = found is null ? null
            : at.Dimensions.TryGetValue(element, out var dimension) ? Evaluate(dimension.Expr, found)
            : Evaluate(at.Entities[element].Expr, found);
        if (attribute is null || value is null)
        {
            return value;
        }

        var lookup = Model.Lookups.Values.Single(l => l.Dimension.Element == element && l.Attributes.Contains(attribute));
        var text = Convert.ToString(value, CultureInfo.InvariantCulture);
        return lookup.Rows.FirstOrDefault(r => r.Key == text) is { Key: not null } entry ? entry.Values[lookup.Attributes.IndexOf(attribute)] : null;
    }

    private (SemanticModel At, Row? Row, string Element, string? Attribute) Walk(SemanticModel fact, Row? row, FieldName field, object? moment)
    {
        var (at, path) = (fact, field.Path);
        if (path.Length > 1 && path[0] == fact.PrimaryEntity)
        {
            path = path[1..];
        }

        while (path.Length > 1)
        {
            var step = path[0];
            var last = path[1];
            if (path.Length == 2 && Model.Lookups.Values.Any(l => l.Dimension.Element == step && l.Attributes.Contains(last)) && (at.Dimensions.ContainsKey(step) || at.Entities.ContainsKey(step)))
            {
                return (at, row, step, last);
            }

            var key = row is null ? null : Evaluate(at.Entities[step].Expr, row);
            at = Model.SemanticModels.Values.Single(m => m.Name != at.Name && m.Entities.TryGetValue(step, out var e) && e.Type is not EntityType.Foreign
                && (m.Dimensions.ContainsKey(last) || m.Entities.ContainsKey(last)));
            row = key is null ? null
                : at.Entities[step].Type == EntityType.Natural ? Tables[at.Table].SingleOrDefault(r => Equals(Evaluate(at.Entities[step].Expr, r), key) && IsValid(at, r, moment))
                : Index(at, at.Entities[step].Expr).GetValueOrDefault(key);
            path = path[1..];
        }

        return (at, row, path[0], null);
    }

    /// <summary>Dates of validity are compared with the event's date on the model's clock, instants with its instant; a date's instant is its midnight there.</summary>
    private bool IsValid(SemanticModel at, Row row, object? moment)
    {
        var time = new OracleTime(Model.TimeZone, Model.Calendar, default);
        IComparable? When(object? bound) => (moment, bound) switch
        {
            (DateTime utc, DateOnly) => DateOnly.FromDateTime(time.ToLocal(utc)),
            (DateOnly date, DateTime) => time.ToUtc(date.ToDateTime(TimeOnly.MinValue)),
            _ => (IComparable?)moment,
        };
        var (start, end) = (row[at.Dimensions.Values.Single(d => d.IsValidityStart).Expr], row[at.Dimensions.Values.Single(d => d.IsValidityEnd).Expr]);
        return start is not null && When(start)!.CompareTo(start) >= 0 && (end is null || When(end)!.CompareTo(end) < 0);
    }

    private Dictionary<object, Row> Index(SemanticModel target, string column)
    {
        if (!_indexes.TryGetValue((target.Table, column), out var index))
        {
            _indexes[(target.Table, column)] = index = Tables[target.Table].Where(r => r[column] is not null).ToDictionary(r => r[column]!);
        }

        return index;
    }

    public static object Sum(List<object> values) => values[0] switch
    {
        long => values.Sum(v => (long)v),
        decimal => values.Sum(v => (decimal)v),
        _ => values.Sum(v => (double)v),
    };

    public static object Subtract(object a, object b) => (a, b) switch
    {
        (long x, long y) => x - y,
        (decimal x, decimal y) => x - y,
        _ => Convert.ToDouble(a, CultureInfo.InvariantCulture) - Convert.ToDouble(b, CultureInfo.InvariantCulture),
    };

    public static object? Divide(object? a, object? b) =>
        Calculate(a, b, (x, y) => x / y) is double ratio && double.IsFinite(ratio) ? ratio : null;

    public static object? Calculate(object? a, object? b, Func<double, double, double> compute) =>
        a is null || b is null ? null : compute(Convert.ToDouble(a, CultureInfo.InvariantCulture), Convert.ToDouble(b, CultureInfo.InvariantCulture));

    /// <summary>A constant as a number.</summary>
    public static object Number(object value) => value is string text ? decimal.Parse(text, CultureInfo.InvariantCulture) : value;

    /// <summary>A constant in the type of the value that it meets.</summary>
    public static object? Constant(object? value, object constant, OracleTime? time) => value switch
    {
        string => Convert.ToString(constant, CultureInfo.InvariantCulture),
        bool => constant is bool ? constant : bool.Parse((string)constant),
        long or decimal or double => Number(constant),
        DateOnly => DateOnly.FromDateTime(Point(constant).Local),
        DateTime when time is null => Point(constant).Local,
        DateTime => Point(constant) is { Offset: not null } point ? time.ToLocal(time.Instant(point)!.Value) : Point(constant).Local,
        _ => constant,
    };

    /// <summary>A written date, local time or instant.</summary>
    public static TimePoint Point(object constant)
    {
        var text = (string)constant;
        var parsed = DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        return new TimePoint(parsed.DateTime, text.EndsWith('Z') || text.LastIndexOfAny(['+', '-']) > 9 ? parsed.Offset : null);
    }
}
