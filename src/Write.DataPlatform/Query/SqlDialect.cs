using System.Globalization;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>How one engine spells expressions. Statements are the same for all; see <c>docs/query.md</c>.</summary>
public abstract class SqlDialect
{
    private protected SqlDialect()
    {
    }

    /// <summary>The engine's name.</summary>
    public abstract string Name { get; }

    /// <summary>How long a statement may be, in bytes of UTF-8.</summary>
    internal virtual int MaxTextBytes => int.MaxValue;

    /// <summary>What stands for the text that is the statement's parameter of a number, from 1; null where text is written in place.</summary>
    internal abstract string? Placeholder(int number);

    internal virtual string Quote(string identifier) => "\"" + identifier.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    internal virtual string Literal(object? value) => value switch
    {
        null => "NULL",
        bool flag => flag ? "TRUE" : "FALSE",
        int or long => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        decimal number => number.ToString(CultureInfo.InvariantCulture),
        double number => "CAST('" + number.ToString("R", CultureInfo.InvariantCulture) + "' AS DOUBLE)",
        DateOnly date => "DATE '" + date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) + "'",
        DateTime time => "TIMESTAMP '" + time.ToString("yyyy-MM-dd HH:mm:ss.FFFFFF", CultureInfo.InvariantCulture) + "'",
        _ => throw new ArgumentOutOfRangeException(nameof(value), value, "This type has no literal."),
    };

    /// <summary>A value of a lookup, which is text.</summary>
    internal virtual string LookupValue(string? text) => text is null ? "NULL" : "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";

    /// <summary>The engine's name of a function.</summary>
    internal virtual string Function(string name) => name;

    /// <summary>A part of a metric's own formula, which is in the language of the finish.</summary>
    internal virtual string Formula(string text) => text;

    /// <summary>A value as another type; what it is as text is the same in every dialect.</summary>
    /// <param name="expression">The value.</param>
    /// <param name="kind">The type.</param>
    /// <param name="from">The value's own type; null if it is not known.</param>
    internal virtual string Cast(string expression, ColumnKind kind, ColumnKind? from = null) => "CAST(" + expression + " AS " + TypeName(kind) + ")";

    internal abstract string TypeName(ColumnKind kind);

    internal abstract string Truncate(TimeGrain grain, string expression);

    internal abstract string IsFinite(string expression);

    /// <summary>A whole number; days of the week from Monday, 1, to Sunday, 7.</summary>
    internal abstract string DatePart(DatePart part, string expression);

    internal abstract string AddPeriod(string expression, CalendarPeriod period);

    internal abstract string AddDays(string expression, string days);

    internal abstract string AddSeconds(string expression, long seconds);

    internal abstract string SecondsBetween(string from, string to);

    /// <summary>Whole days, weeks or months between two dates that start one each.</summary>
    internal abstract string PeriodsBetween(TimeGrain grain, string from, string to);

    internal abstract string NextIsoYear(string expression);

    internal abstract string AtZone(string expression, string zoneId);

    internal abstract string Percentile(string expression, double fraction, bool isDiscrete);

    /// <summary>A value's code in a <see cref="DistinctSketch"/>: a whole number, 0 for null. It must equal what that type says bit for bit, or states stop to merge.</summary>
    internal abstract string SketchCode(string value);

    /// <summary>An aggregate: the <see cref="DistinctSketch"/> of the codes that are not null, each register with its greatest code alone; null if there are none.</summary>
    internal abstract string Sketch(string code);

    /// <summary>An aggregate: the <see cref="DistinctSketch"/> of all values of several; null if all are null.</summary>
    internal abstract string MergeSketches(string sketch);

    /// <summary>The estimate of a <see cref="DistinctSketch"/>, a whole number; null for null.</summary>
    internal abstract string EstimateSketch(string sketch);

    /// <summary>A double's code in a <see cref="Query.QuantileSketch"/>, null if it has none.</summary>
    internal abstract string QuantileCode(string value);

    /// <summary>An aggregate: the <see cref="Query.QuantileSketch"/> of the codes that are not null, by ascending code; null if there are none.</summary>
    internal abstract string QuantileSketch(string code);

    /// <summary>An aggregate: the <see cref="Query.QuantileSketch"/> of all numbers of several; null if all are null.</summary>
    internal abstract string MergeQuantiles(string sketch);

    /// <summary>A percentile of a <see cref="Query.QuantileSketch"/>, a double; null for null.</summary>
    internal abstract string EstimateQuantile(string sketch, double fraction, bool isDiscrete);

    /// <summary>The moments of <see cref="Sql.SqlMoments"/>; <paramref name="bounds"/> stands after FROM if it is given.</summary>
    internal abstract string Moments(string start, string end, TimeGrain grain, string? bounds);

    internal abstract string TextTest(Sql.TextTest test, string expression, string value);
}
