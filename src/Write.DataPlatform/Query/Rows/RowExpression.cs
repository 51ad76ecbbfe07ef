using System.Collections.Immutable;

namespace Write.DataPlatform.Query.Rows;

/// <summary>The kinds of values in expressions over rows.</summary>
internal enum RowKind
{
    /// <summary>Text.</summary>
    String,

    /// <summary>True or false.</summary>
    Boolean,

    /// <summary>A whole number.</summary>
    Int64,

    /// <summary>A binary floating-point number.</summary>
    Double,

    /// <summary>A decimal number.</summary>
    Decimal,

    /// <summary>A date.</summary>
    Date,

    /// <summary>An instant in UTC.</summary>
    Timestamp,

    /// <summary>A time of day.</summary>
    TimeOfDay,

    /// <summary>A length of time; in SQL a whole number of microseconds.</summary>
    Duration,

    /// <summary>The kind of a bare null.</summary>
    Null,
}

/// <summary>A value's type.</summary>
internal readonly record struct RowType(RowKind Kind, byte Precision = 0, byte Scale = 0)
{
    public static RowType String { get; } = new(RowKind.String);

    public static RowType Boolean { get; } = new(RowKind.Boolean);

    public static RowType Int64 { get; } = new(RowKind.Int64);

    public static RowType Double { get; } = new(RowKind.Double);

    public bool IsNumeric => Kind is RowKind.Int64 or RowKind.Double or RowKind.Decimal;

    public static RowType Of(ColumnType type) => new(Enum.Parse<RowKind>(type.Kind.ToString()), type.Precision, type.Scale);

    public static RowType Decimal(int precision, int scale) => new(RowKind.Decimal, (byte)precision, (byte)scale);

    /// <summary>The DuckDB type that holds it.</summary>
    public string DuckDbName => Kind switch
    {
        RowKind.String or RowKind.Null => "VARCHAR",
        RowKind.Boolean => "BOOLEAN",
        RowKind.Int64 or RowKind.Duration => "BIGINT",
        RowKind.Double => "DOUBLE",
        RowKind.Decimal => $"DECIMAL({Precision},{Scale})",
        RowKind.Date => "DATE",
        RowKind.Timestamp => "TIMESTAMP",
        RowKind.TimeOfDay => "TIME",
        _ => throw new InvalidOperationException($"{Kind} has no type."),
    };
}

/// <summary>A column of rows.</summary>
internal sealed record RowColumn(string Name, RowType Type);

/// <summary>An expression over the columns of a row.</summary>
internal abstract record RowExpression(RowType Type)
{
    public static RowExpression And(RowExpression left, RowExpression right) => new RowCall(RowFunction.And, [left, right], RowType.Boolean);
}

/// <summary>A column's value.</summary>
internal sealed record RowColumnValue(string Name, RowType Type) : RowExpression(Type);

/// <summary>A constant: null, <see cref="string"/>, <see cref="bool"/>, <see cref="long"/>, <see cref="double"/>, <see cref="decimal"/>, <see cref="DateOnly"/>,
/// <see cref="DateTime"/> in UTC, <see cref="TimeOnly"/> or <see cref="TimeSpan"/>.</summary>
internal sealed record RowConstant(object? Value, RowType Type) : RowExpression(Type);

/// <summary>A function or an operator.</summary>
internal sealed record RowCall(RowFunction Function, ImmutableArray<RowExpression> Arguments, RowType Type) : RowExpression(Type);

/// <summary>
/// What can be computed of rows. Comparisons are never null: null equals null and no other value, and is neither less nor greater than anything. Everything
/// else of null is null, but for and, or and not, which are those of SQL. By zero nothing is divided: the result is null.
/// </summary>
internal enum RowFunction
{
    And,
    Or,
    Not,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,

    /// <summary>Whether the first argument equals any of the others, which are constants.</summary>
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Negate,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    Length,
    IndexOf,
    Substring,
    ToLower,
    ToUpper,
    Trim,
    Concat,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    FractionalSeconds,
    Date,
    Time,
    TotalOffsetMinutes,
    TotalSeconds,
    Round,
    Floor,
    Ceiling,

    /// <summary>The value as another type; null where it has none.</summary>
    Cast,

    /// <summary>Of pairs of a condition and a value the value of the first condition that is true; null if none is.</summary>
    Case,
}
