namespace Write.DataPlatform.AthenaStandIn.Sql;

/// <summary>Trino's functions that DuckDB has not, or has otherwise, as macros of a schema of their own.</summary>
internal static class TrinoMacros
{
    public const string Schema = "trino";

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

        """
        CREATE MACRO trino.moved(u, n, x) AS CASE u
          WHEN 'millisecond' THEN x + to_milliseconds(n) WHEN 'second' THEN x + to_seconds(n) WHEN 'minute' THEN x + to_minutes(n) WHEN 'hour' THEN x + to_hours(n)
          WHEN 'day' THEN x + to_days(CAST(n AS INTEGER)) WHEN 'week' THEN x + to_days(CAST(7 * n AS INTEGER)) WHEN 'month' THEN x + to_months(CAST(n AS INTEGER))
          WHEN 'quarter' THEN x + to_months(CAST(3 * n AS INTEGER)) WHEN 'year' THEN x + to_months(CAST(12 * n AS INTEGER)) ELSE error('''' || u || ''' is not a valid Timestamp field') END
        """,
        """
        CREATE MACRO trino.date_add(u, n, x DATE) AS CASE WHEN u IN ('day', 'week', 'month', 'quarter', 'year') THEN CAST(trino.moved(u, n, CAST(x AS TIMESTAMP)) AS DATE)
          ELSE error('''' || u || ''' is not a valid DATE field') END, (u, n, x TIMESTAMP) AS trino.moved(u, n, x)
        """,
        """
        CREATE MACRO trino.date_trunc(u, x DATE) AS CASE WHEN u IN ('day', 'week', 'month', 'quarter', 'year') THEN CAST(date_trunc(u, x) AS DATE) ELSE error('''' || u || ''' is not a valid DATE field') END,
          (u, x TIMESTAMP) AS CASE WHEN u IN ('millisecond', 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year') THEN CAST(date_trunc(u, x) AS TIMESTAMP)
          ELSE error('''' || u || ''' is not a valid Timestamp field') END
        """,

        // Whole periods, not borders passed.
        """
        CREATE MACRO trino.date_diff(u, a, b) AS CASE u WHEN 'millisecond' THEN (epoch_us(CAST(b AS TIMESTAMP)) - epoch_us(CAST(a AS TIMESTAMP))) // 1000
          WHEN 'second' THEN (epoch_us(CAST(b AS TIMESTAMP)) - epoch_us(CAST(a AS TIMESTAMP))) // 1000000 WHEN 'minute' THEN (epoch_us(CAST(b AS TIMESTAMP)) - epoch_us(CAST(a AS TIMESTAMP))) // 60000000
          WHEN 'hour' THEN (epoch_us(CAST(b AS TIMESTAMP)) - epoch_us(CAST(a AS TIMESTAMP))) // 3600000000 WHEN 'day' THEN (epoch_us(CAST(b AS TIMESTAMP)) - epoch_us(CAST(a AS TIMESTAMP))) // 86400000000
          WHEN 'week' THEN (epoch_us(CAST(b AS TIMESTAMP)) - epoch_us(CAST(a AS TIMESTAMP))) // 604800000000 WHEN 'month' THEN datesub('month', CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP))
          WHEN 'quarter' THEN datesub('quarter', CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP)) WHEN 'year' THEN datesub('year', CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP))
          ELSE error('''' || u || ''' is not a valid field') END
        """,
        "CREATE MACRO trino.sequence(a, b) AS CASE WHEN abs(b - a) >= 10000 THEN error('result of sequence function must not have more than 10000 entries') WHEN a <= b THEN generate_series(a, b) ELSE generate_series(a, b, -1) END",
        "CREATE MACRO trino.from_base(t, r) AS CASE WHEN r = 16 THEN CAST('0x' || t AS BIGINT) WHEN r = 10 THEN CAST(t AS BIGINT) ELSE error('The stand-in knows the radix 16 and 10') END",
        "CREATE MACRO trino.substr(t, s, n) AS CASE WHEN s = 0 OR s > length(t) OR -s > length(t) THEN '' ELSE substr(t, CASE WHEN s < 0 THEN length(t) + s + 1 ELSE s END, n) END",
        "CREATE MACRO trino.element_at(l, i) AS l[i]",
        "CREATE MACRO trino.slice(l, s, n) AS list_slice(l, s, s + n - 1)",
        "CREATE MACRO trino.array_sort(l) AS list_sort(l, 'ASC', 'NULLS LAST')",
        "CREATE MACRO trino.rpad(t, n, p) AS CASE WHEN n < 0 THEN error('Target length must be in the range [0..2147483647]') ELSE rpad(t, n, p) END",
        "CREATE MACRO trino.lpad(t, n, p) AS CASE WHEN n < 0 THEN error('Target length must be in the range [0..2147483647]') ELSE lpad(t, n, p) END",
    ];
}
