using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query.Sql;

/// <summary>An expression without a dialect; <see cref="SqlWriter"/> spells it.</summary>
internal abstract record SqlExpression
{
    public static SqlExpression And(params IEnumerable<SqlExpression> parts) => Join("AND", parts, new SqlLiteral(true));

    public static SqlExpression Or(params IEnumerable<SqlExpression> parts) => Join("OR", parts, new SqlLiteral(false));

    private static SqlExpression Join(string word, IEnumerable<SqlExpression> parts, SqlExpression none)
    {
        var all = parts.ToImmutableArray();
        return all.Length switch { 0 => none, 1 => all[0], _ => new SqlLogical(word, all) };
    }
}

/// <summary>A column of a source in the FROM clause, or of the only one.</summary>
internal sealed record SqlColumn(string? Source, string Name) : SqlExpression
{
    /// <summary>Its type, where it is known.</summary>
    public ColumnKind? Kind { get; init; }
}

/// <summary>Text from a model file, which is trusted and stays in parentheses.</summary>
internal sealed record SqlText(string Text) : SqlExpression;

/// <summary>Text from a model file with expressions between its parts.</summary>
internal sealed record SqlTemplate(ImmutableArray<string> Parts, ImmutableArray<SqlExpression> Arguments) : SqlExpression
{
    /// <summary>Whether it is a metric's own formula, which means what it means in the finish wherever it is computed.</summary>
    public bool IsFormula { get; init; }
}

/// <summary>
/// A constant. Text becomes a parameter; the other types cannot carry anything harmful and are written in place, where the engine can prune by them.
/// </summary>
internal sealed record SqlLiteral(object? Value) : SqlExpression;

internal sealed record SqlBinary(string Operator, SqlExpression Left, SqlExpression Right) : SqlExpression;

internal sealed record SqlLogical(string Word, ImmutableArray<SqlExpression> Parts) : SqlExpression;

internal sealed record SqlNot(SqlExpression Inner) : SqlExpression;

internal sealed record SqlIsNull(SqlExpression Inner, bool Negated = false) : SqlExpression;

internal sealed record SqlIn(SqlExpression Inner, ImmutableArray<object?> Values, bool Negated) : SqlExpression;

/// <summary>A function that every dialect has under this name.</summary>
internal sealed record SqlCall(string Function, ImmutableArray<SqlExpression> Arguments) : SqlExpression
{
    public SqlCall(string function, params SqlExpression[] arguments)
        : this(function, arguments.ToImmutableArray())
    {
    }
}

internal sealed record SqlCountDistinct(SqlExpression Inner) : SqlExpression;

/// <summary>An aggregate over all rows of the select that have equal values of some expressions; nulls are equal.</summary>
internal sealed record SqlOver(SqlExpression Aggregate, ImmutableArray<SqlExpression> PartitionBy) : SqlExpression
{
    /// <summary>The rows' order, for functions that go by it.</summary>
    public ImmutableArray<SqlOrder> OrderBy { get; init; } = [];

    /// <summary>Which of them count, if not what the function takes by itself.</summary>
    public SqlFrame? Frame { get; init; }

    /// <summary>A row's number, from 1, among those with equal values of some expressions, in an order; nulls come last.</summary>
    public static SqlOver RowNumber(ImmutableArray<SqlExpression> partitionBy, ImmutableArray<SqlOrder> orderBy) =>
        new(new SqlCall("row_number"), partitionBy) { OrderBy = orderBy };
}

internal enum SqlFrame
{
    /// <summary>All rows before the current one.</summary>
    Before,

    /// <summary>All rows before the current one and itself.</summary>
    UpToCurrent,
}

internal sealed record SqlPercentile(SqlExpression Inner, double Fraction, bool IsDiscrete) : SqlExpression;

/// <summary>The code of one value in a <see cref="DistinctSketch"/>, 0 for null. The value is a column: it may be spelt more than once.</summary>
internal sealed record SqlSketchCode(SqlExpression Inner) : SqlExpression;

/// <summary>The aggregate that makes codes a <see cref="DistinctSketch"/>; null codes are no rows.</summary>
internal sealed record SqlSketch(SqlExpression Code) : SqlExpression;

/// <summary>The aggregate that makes one <see cref="DistinctSketch"/> of several; null ones are no rows.</summary>
internal sealed record SqlSketchMerge(SqlExpression Sketch) : SqlExpression;

/// <summary>How many values a <see cref="DistinctSketch"/> is of, as estimated; null for null.</summary>
internal sealed record SqlSketchEstimate(SqlExpression Sketch) : SqlExpression;

/// <summary>The code of a number in a <see cref="QuantileSketch"/>, null where it has none. The number is a column: it may be spelt more than once.</summary>
internal sealed record SqlQuantileCode(SqlExpression Inner) : SqlExpression;

/// <summary>The aggregate that makes codes a <see cref="QuantileSketch"/>; null codes are no rows.</summary>
internal sealed record SqlQuantileSketch(SqlExpression Code) : SqlExpression;

/// <summary>The aggregate that makes one <see cref="QuantileSketch"/> of several; null ones are no rows.</summary>
internal sealed record SqlQuantileMerge(SqlExpression Sketch) : SqlExpression;

/// <summary>A percentile, as a double, of the numbers that a <see cref="QuantileSketch"/> is of; null for null.</summary>
internal sealed record SqlQuantileEstimate(SqlExpression Sketch, double Fraction, bool IsDiscrete) : SqlExpression;

internal sealed record SqlCase(ImmutableArray<(SqlExpression When, SqlExpression Then)> Branches, SqlExpression? Else) : SqlExpression;

internal sealed record SqlCast(SqlExpression Inner, ColumnKind Kind) : SqlExpression;

/// <summary>A test on text: contains, starts or ends with, or matches a regular expression.</summary>
internal sealed record SqlTextTest(TextTest Test, SqlExpression Inner, string Value) : SqlExpression;

internal enum TextTest
{
    Contains,
    StartsWith,
    EndsWith,
    Matches,
}

/// <summary>The start of the bucket a local date or timestamp lies in, as the same type.</summary>
internal sealed record SqlTruncate(TimeGrain Grain, SqlExpression Inner, ModelCalendar Calendar) : SqlExpression;

/// <summary>Whether a number is neither infinite nor NaN.</summary>
internal sealed record SqlIsFinite(SqlExpression Inner) : SqlExpression;

/// <summary>A part of a date or timestamp, as a whole number.</summary>
internal sealed record SqlDatePart(DatePart Part, SqlExpression Inner) : SqlExpression;

/// <summary>A date or timestamp moved by a calendar period, clamped to the month's end.</summary>
internal sealed record SqlAddPeriod(SqlExpression Inner, CalendarPeriod Period) : SqlExpression;

/// <summary>A date or timestamp moved by a number of days that is computed.</summary>
internal sealed record SqlAddDays(SqlExpression Inner, SqlExpression Days) : SqlExpression;

/// <summary>A date or timestamp moved by so many seconds.</summary>
internal sealed record SqlAddSeconds(SqlExpression Inner, long Seconds) : SqlExpression;

/// <summary>How many seconds lie between two timestamps, as a double.</summary>
internal sealed record SqlSecondsBetween(SqlExpression From, SqlExpression To) : SqlExpression;

/// <summary>How many whole days, weeks or months lie between two dates that start one each.</summary>
internal sealed record SqlPeriodsBetween(TimeGrain Grain, SqlExpression From, SqlExpression To) : SqlExpression;

/// <summary>A date or timestamp moved to the same ISO week of the next year (week 53 to week 52).</summary>
internal sealed record SqlNextIsoYear(SqlExpression Inner) : SqlExpression;

/// <summary>A UTC timestamp on the clock of a zone, by the engine's own zone rules.</summary>
internal sealed record SqlAtZone(SqlExpression Inner, string ZoneId) : SqlExpression
{
    /// <summary>The same by ours, as long as the statement has room for them; null where it has not.</summary>
    public SqlExpression? Rules { get; init; }
}
