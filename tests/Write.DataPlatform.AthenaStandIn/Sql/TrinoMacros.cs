using System.Globalization;

namespace Write.DataPlatform.AthenaStandIn.Sql;

/// <summary>Trino's functions that DuckDB has not, or has otherwise, as macros of a schema of their own.</summary>
internal static class TrinoMacros
{
    public const string Schema = "trino";

    /// <summary>The units of time, each with the interval of so many of them, and its microseconds if it has a length. DuckDB writes out what a macro names twice, hence one a unit.</summary>
    private static readonly (string Name, string Interval, long? Microseconds)[] Units =
    [
        ("millisecond", "to_milliseconds(n)", 1_000), ("second", "to_seconds(n)", 1_000_000), ("minute", "to_minutes(n)", 60_000_000), ("hour", "to_hours(n)", 3_600_000_000),
        ("day", "to_days(CAST(n AS INTEGER))", 86_400_000_000), ("week", "to_days(CAST(7 * n AS INTEGER))", 604_800_000_000),
        ("month", "to_months(CAST(n AS INTEGER))", null), ("quarter", "to_months(CAST(3 * n AS INTEGER))", null), ("year", "to_months(CAST(12 * n AS INTEGER))", null),
    ];

    /// <summary>In the order in which they are made: a macro may use those before it.</summary>
    public static IEnumerable<string> All { get; } =
    [
        "CREATE MACRO trino.milliseconds(x) AS make_timestamp((epoch_us(x) + CASE WHEN epoch_us(x) < 0 THEN -500 ELSE 500 END) // 1000 * 1000)",

        // A timestamp has three digits of a second as text; a double has an exponent.
        """
        CREATE MACRO trino.varchar(x) AS CASE typeof(x) WHEN 'DOUBLE' THEN trino_scientific(CAST(x AS VARCHAR)) WHEN 'FLOAT' THEN trino_scientific(CAST(x AS VARCHAR))
          WHEN 'TIMESTAMP' THEN strftime(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g') ELSE CAST(x AS VARCHAR) END
        """,
        """
        CREATE MACRO trino.typeof(x) AS CASE typeof(x) WHEN 'TIMESTAMP' THEN 'timestamp(3)' WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'timestamp(3) with time zone' WHEN 'FLOAT' THEN 'real'
          WHEN 'HUGEINT' THEN 'bigint' WHEN 'BLOB' THEN 'varbinary' ELSE lower(typeof(x)) END
        """,

        .. Units.SelectMany(u => new[] { Add(u), Truncate(u), Difference(u) }),
        "CREATE MACRO trino.sequence(a, b) AS CASE WHEN abs(b - a) >= 10000 THEN error('result of sequence function must not have more than 10000 entries') WHEN a <= b THEN generate_series(a, b) ELSE generate_series(a, b, -1) END",
        "CREATE MACRO trino.from_base(t, r) AS CASE WHEN r = 16 THEN CAST('0x' || t AS BIGINT) WHEN r = 10 THEN CAST(t AS BIGINT) ELSE error('The stand-in knows the radix 16 and 10') END",
        "CREATE MACRO trino.substr(t, s, n) AS CASE WHEN s = 0 OR s > length(t) OR -s > length(t) THEN '' ELSE substr(t, CASE WHEN s < 0 THEN length(t) + s + 1 ELSE s END, n) END",
        "CREATE MACRO trino.element_at(l, i) AS l[i]",
        "CREATE MACRO trino.slice(l, s, n) AS list_slice(l, s, s + n - 1)",
        "CREATE MACRO trino.array_sort(l) AS list_sort(l, 'ASC', 'NULLS LAST')",
        "CREATE MACRO trino.rpad(t, n, p) AS CASE WHEN n < 0 THEN error('Target length must be in the range [0..2147483647]') ELSE rpad(t, n, p) END",
        "CREATE MACRO trino.lpad(t, n, p) AS CASE WHEN n < 0 THEN error('Target length must be in the range [0..2147483647]') ELSE lpad(t, n, p) END",
    ];

    /// <summary>Whether there is such a unit of time.</summary>
    public static bool HasUnit(string unit) => Units.Any(u => u.Name == unit);

    private static string Add((string Name, string Interval, long? Microseconds) unit) =>
        $"CREATE MACRO trino.add_{unit.Name}(n, x DATE) AS {OfDate(unit, $"CAST(x + {unit.Interval} AS DATE)")}, (n, x TIMESTAMP) AS x + {unit.Interval}";

    private static string Truncate((string Name, string Interval, long? Microseconds) unit) =>
        $"CREATE MACRO trino.trunc_{unit.Name}(x DATE) AS {OfDate(unit, $"CAST(date_trunc('{unit.Name}', x) AS DATE)")}, (x TIMESTAMP) AS CAST(date_trunc('{unit.Name}', x) AS TIMESTAMP)";

    /// <summary>Whole periods, not borders passed.</summary>
    private static string Difference((string Name, string Interval, long? Microseconds) unit) => $"CREATE MACRO trino.diff_{unit.Name}(a, b) AS " + (unit.Microseconds is { } length
        ? string.Create(CultureInfo.InvariantCulture, $"(epoch_us(CAST(b AS TIMESTAMP)) - epoch_us(CAST(a AS TIMESTAMP))) // {length}")
        : $"datesub('{unit.Name}', CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP))");

    private static string OfDate((string Name, string Interval, long? Microseconds) unit, string expression) =>
        unit.Microseconds < 86_400_000_000 ? $"CAST(error('{unit.Name} is not a valid DATE field') AS DATE)" : expression;
}
