using System.Globalization;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query.Rows;

/// <summary>Spells expressions over rows in DuckDB's SQL. Text and times of day become parameters; other constants cannot carry anything harmful.</summary>
internal sealed class RowExpressionWriter(SqlWriter writer)
{
    private const string Whitespace = " \t\n\r\f\v\u00a0";

    /// <summary>A condition of which only truth counts, so that the engine may prune by its comparisons.</summary>
    public string Condition(RowExpression expression)
    {
        if (expression is not RowCall call)
        {
            return Value(expression);
        }

        string Left() => Comparable(call.Arguments[0], call.Arguments);
        string Right() => Comparable(call.Arguments[1], call.Arguments);
        return call.Function switch
        {
            RowFunction.And => $"({Condition(call.Arguments[0])} AND {Condition(call.Arguments[1])})",
            RowFunction.Or => $"({Condition(call.Arguments[0])} OR {Condition(call.Arguments[1])})",
            RowFunction.Equal when call.Arguments.Any(a => a is RowConstant { Value: not null }) => $"({Left()} = {Right()})",
            RowFunction.Less or RowFunction.LessOrEqual or RowFunction.Greater or RowFunction.GreaterOrEqual => $"({Left()} {Sign(call.Function)} {Right()})",
            RowFunction.In => In(call),
            _ => Value(call),
        };
    }

    public string Value(RowExpression expression) => expression switch
    {
        RowColumnValue column => RowCompiler.Quote(column.Name),
        RowConstant constant => Constant(constant),
        RowCall call => Call(call),
        _ => throw new ArgumentOutOfRangeException(nameof(expression)),
    };

    public string Constant(RowConstant constant) => constant.Value switch
    {
        null => $"CAST(NULL AS {constant.Type.DuckDbName})",
        TimeOnly time => $"CAST({Text(time.ToString("HH:mm:ss.ffffff", CultureInfo.InvariantCulture))} AS TIME)",
        TimeSpan span => $"CAST({(span.Ticks / TimeSpan.TicksPerMicrosecond).ToString(CultureInfo.InvariantCulture)} AS BIGINT)",
        // A bare number that fits in 32 bits is an INTEGER, whose sums overflow early.
        long number => $"CAST({number.ToString(CultureInfo.InvariantCulture)} AS BIGINT)",
        decimal number when constant.Type.Kind == RowKind.Decimal => $"CAST({number.ToString(CultureInfo.InvariantCulture)} AS {constant.Type.DuckDbName})",
        var value => writer.Expression(new SqlLiteral(value)),
    };

    private string Text(string value) => writer.Expression(new SqlLiteral(value));

    private string Call(RowCall call)
    {
        var arguments = call.Arguments;
        string A(int i) => Value(arguments[i]);
        string Left() => Comparable(arguments[0], arguments);
        string Right() => Comparable(arguments[1], arguments);
        var kind = arguments[0].Type.Kind;
        return call.Function switch
        {
            RowFunction.And => $"({A(0)} AND {A(1)})",
            RowFunction.Or => $"({A(0)} OR {A(1)})",
            RowFunction.Not => $"(NOT {A(0)})",
            RowFunction.Equal => $"({Left()} IS NOT DISTINCT FROM {Right()})",
            RowFunction.NotEqual => $"({Left()} IS DISTINCT FROM {Right()})",
            RowFunction.Less or RowFunction.LessOrEqual or RowFunction.Greater or RowFunction.GreaterOrEqual => $"coalesce({Left()} {Sign(call.Function)} {Right()}, FALSE)",
            RowFunction.In => $"coalesce({In(call)}, FALSE)",
            RowFunction.Add or RowFunction.Subtract => Sum(call),
            RowFunction.Multiply => $"({Number(arguments[0], call.Type)} * {Number(arguments[1], call.Type)})",
            RowFunction.Divide when call.Type.Kind == RowKind.Int64 => $"({A(0)} // nullif({A(1)}, 0))",
            RowFunction.Divide => $"(CAST({A(0)} AS DOUBLE) / nullif(CAST({A(1)} AS DOUBLE), 0))",
            RowFunction.Modulo => $"({Number(arguments[0], call.Type)} % nullif({Number(arguments[1], call.Type)}, 0))",
            RowFunction.Negate => $"(-{A(0)})",
            RowFunction.Contains => $"contains({A(0)}, {A(1)})",
            RowFunction.StartsWith => $"starts_with({A(0)}, {A(1)})",
            RowFunction.EndsWith => $"ends_with({A(0)}, {A(1)})",
            RowFunction.Matches => $"regexp_matches({A(0)}, {A(1)})",
            RowFunction.Length => $"length({A(0)})",
            RowFunction.IndexOf => $"(strpos({A(0)}, {A(1)}) - 1)",
            RowFunction.Substring => Substring(call),
            RowFunction.ToLower => $"lower({A(0)})",
            RowFunction.ToUpper => $"upper({A(0)})",
            RowFunction.Trim => $"trim({A(0)}, {Text(Whitespace)})",
            RowFunction.Concat => $"({A(0)} || {A(1)})",
            RowFunction.Year or RowFunction.Month or RowFunction.Day or RowFunction.Hour or RowFunction.Minute or RowFunction.Second =>
                $"CAST(floor(date_part('{call.Function.ToString().ToLowerInvariant()}', {A(0)})) AS BIGINT)",
            RowFunction.FractionalSeconds => $"((date_part('microsecond', {A(0)}) % 1000000) * 0.000001)",
            RowFunction.Date => $"CAST({A(0)} AS DATE)",
            RowFunction.Time => $"CAST({A(0)} AS TIME)",
            RowFunction.TotalOffsetMinutes => $"CASE WHEN {A(0)} IS NOT NULL THEN 0 END",
            RowFunction.TotalSeconds => $"({A(0)} * 0.000001)",
            RowFunction.Round or RowFunction.Floor or RowFunction.Ceiling when kind == RowKind.Int64 => A(0),
            RowFunction.Round => $"round({A(0)})",
            RowFunction.Floor => $"floor({A(0)})",
            RowFunction.Ceiling => $"ceil({A(0)})",
            RowFunction.Cast => Cast(arguments[0], call.Type),
            RowFunction.Case => $"CASE {string.Join(' ', arguments.Chunk(2).Select(p => $"WHEN {Value(p[0])} THEN CAST({Value(p[1])} AS {call.Type.DuckDbName})"))} END",
            _ => throw new ArgumentOutOfRangeException(nameof(call)),
        };
    }

    /// <summary>A cast by OData's literals: a text is a number, a truth or a time only as OData writes them, and becomes text as OData writes it.</summary>
    private string Cast(RowExpression value, RowType type)
    {
        var text = Value(value);
        return (value.Type.Kind, type.Kind) switch
        {
            (RowKind.Timestamp, RowKind.String) => $"(rtrim(rtrim(strftime({text}, '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.') || 'Z')",
            (RowKind.String, not RowKind.String) =>
                $"CASE WHEN regexp_full_match({text}, '{Pattern(type.Kind)}') THEN TRY_CAST({(type.Kind == RowKind.Timestamp ? $"TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'" : text)} AS {type.DuckDbName}) END",
            _ => $"TRY_CAST({text} AS {type.DuckDbName})",
        };
    }

    private static string Pattern(RowKind kind) => kind switch
    {
        RowKind.Boolean => "true|false",
        RowKind.Int64 => "[+-]?[0-9]+",
        RowKind.Decimal => "[+-]?[0-9]+([.][0-9]+)?",
        RowKind.Double => "[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?",
        RowKind.Date => "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        RowKind.TimeOfDay => "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?",
        RowKind.Timestamp => "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private string In(RowCall call)
    {
        var value = Comparable(call.Arguments[0], call.Arguments);
        var constants = call.Arguments.Skip(1).Cast<RowConstant>().ToList();
        var set = constants.Where(c => c.Value is not null).Select(c => Comparable(c, call.Arguments)).ToList();
        var tests = new List<string>();
        if (set.Count > 0)
        {
            tests.Add($"{value} IN ({string.Join(", ", set)})");
        }

        if (set.Count < constants.Count)
        {
            tests.Add($"{value} IS NULL");
        }

        return tests.Count == 0 ? "FALSE" : "(" + string.Join(" OR ", tests) + ")";
    }

    /// <summary>Dates beside instants are their midnights in UTC; a number beside a double is one.</summary>
    private string Comparable(RowExpression value, IReadOnlyCollection<RowExpression> others) =>
        value.Type.Kind == RowKind.Date && others.Any(o => o.Type.Kind == RowKind.Timestamp) ? $"CAST({Value(value)} AS TIMESTAMP)"
        : value.Type.IsNumeric && value.Type.Kind != RowKind.Double && others.Any(o => o.Type.Kind == RowKind.Double) ? $"CAST({Value(value)} AS DOUBLE)"
        : Value(value);

    private string Number(RowExpression value, RowType result) => result.Kind == RowKind.Double && value.Type.Kind != RowKind.Double ? $"CAST({Value(value)} AS DOUBLE)" : Value(value);

    private string Sum(RowCall call)
    {
        var (left, right) = (call.Arguments[0], call.Arguments[1]);
        var sign = call.Function == RowFunction.Add ? "+" : "-";
        string Micros(RowExpression value) => value.Type.Kind == RowKind.Duration ? Value(value) : $"epoch_us(CAST({Value(value)} AS TIMESTAMP))";
        return call.Type.Kind switch
        {
            RowKind.Duration => $"({Micros(left)} {sign} {Micros(right)})",
            RowKind.Timestamp or RowKind.Date => $"CAST(make_timestamp({Micros(left)} {sign} {Micros(right)}) AS {call.Type.DuckDbName})",
            _ => $"({Number(left, call.Type)} {sign} {Number(right, call.Type)})",
        };
    }

    /// <summary>From a place, counted from 0 or backwards from the end, so many characters.</summary>
    private string Substring(RowCall call)
    {
        var (text, start) = (Value(call.Arguments[0]), Value(call.Arguments[1]));
        var from = $"CASE WHEN {start} < 0 THEN greatest(length({text}) + {start}, 0) ELSE {start} END + 1";
        return call.Arguments.Length == 2 ? $"substr({text}, {from})" : $"substr({text}, {from}, greatest({Value(call.Arguments[2])}, 0))";
    }

    private static string Sign(RowFunction function) => function switch
    {
        RowFunction.Less => "<",
        RowFunction.LessOrEqual => "<=",
        RowFunction.Greater => ">",
        _ => ">=",
    };
}
