using System.Globalization;
using System.Text.RegularExpressions;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>Athena's spelling (engine version 3, which is Trino); see <c>docs/query.md</c> for what it refuses.</summary>
/// <remarks>
/// Values are written in place: Athena's parameters stand in WHERE alone and are SQL literals themselves, so the quotes are the boundary either way.
/// Where an expression is needed twice, a lambda over a list of one gives it a name.
/// </remarks>
public sealed partial class AthenaDialect : SqlDialect
{
    /// <summary>The dialect; it has no state.</summary>
    public static AthenaDialect Instance { get; } = new();

    /// <inheritdoc />
    public override string Name => "Athena";

    internal override int MaxTextBytes => 262_144;

    internal override string? Placeholder(int number) => null;

    internal override string Literal(object? value) => value is string text ? "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'" : base.Literal(value);

    internal override string LookupValue(string? text) => text is null ? "CAST(NULL AS VARCHAR)" : Literal(text);

    internal override string Function(string name) => name == "any_value" ? "arbitrary" : name;

    /// <summary>DuckDB's quotient of whole numbers and decimals is a double.</summary>
    internal override string Formula(string text) => Division().Replace(text, match => match.Value == "/" ? "* 1E0 /" : match.Value);

    internal override string TypeName(ColumnKind kind) => kind switch
    {
        ColumnKind.Int64 => "BIGINT",
        ColumnKind.String => "VARCHAR",
        ColumnKind.Boolean => "BOOLEAN",
        ColumnKind.Double => "DOUBLE",
        ColumnKind.Date => "DATE",
        ColumnKind.Timestamp => "TIMESTAMP",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "A decimal is never cast to."),
    };

    /// <summary>Text is DuckDB's: Trino gives every timestamp its three digits of a second, and every double an exponent.</summary>
    internal override string Cast(string expression, ColumnKind kind, ColumnKind? from = null)
    {
        var cast = base.Cast(expression, kind, from);
        return (kind, from) switch
        {
            (ColumnKind.String, null) => $"zip_with(ARRAY[typeof({expression})], ARRAY[{cast}], (y, t) -> CASE WHEN y IN ('double', 'real') THEN {DoubleText} WHEN regexp_like(y, '^timestamp\\([0-9]+\\)$') THEN {TimeText} ELSE t END)[1]",
            (ColumnKind.String, ColumnKind.Double) => Bound("t", cast, DoubleText),
            (ColumnKind.String, ColumnKind.Timestamp) => Bound("t", cast, TimeText),
            _ => cast,
        };
    }

    /// <summary>Of <c>t</c>, a time with digits of a second: without those that are zero at the end.</summary>
    private const string TimeText = "regexp_replace(regexp_replace(t, '\\.0+$', ''), '(\\.[0-9]*[1-9])0+$', '$1')";

    /// <summary>Of <c>t</c>, Trino's 3.77E1: 37.7 between a ten-thousandth and ten quadrillions, else 3.77e+20.</summary>
    private const string DoubleText =
        "CASE WHEN t = 'NaN' THEN 'nan' WHEN t = 'Infinity' THEN 'inf' WHEN t = '-Infinity' THEN '-inf' WHEN strpos(t, 'E') = 0 THEN t"
        + " ELSE IF(starts_with(t, '-'), '-', '') || zip_with("
        + "ARRAY[regexp_replace(regexp_replace(split_part(t, 'E', 1), '[-.]', ''), '0+$', '')], ARRAY[TRY_CAST(split_part(t, 'E', 2) AS INTEGER)], (d, x) -> CASE"
        + " WHEN d = '' THEN '0.0'"
        + " WHEN x BETWEEN 0 AND 15 THEN IF(length(d) <= x + 1, rpad(d, x + 1, '0') || '.0', substr(d, 1, x + 1) || '.' || substr(d, x + 2))"
        + " WHEN x BETWEEN -4 AND -1 THEN rpad('0.', 1 - x, '0') || d"
        + " ELSE substr(d, 1, 1) || IF(length(d) > 1, '.' || substr(d, 2), '') || 'e' || IF(x < 0, '-', '+') || IF(abs(x) < 10, '0', '') || CAST(abs(x) AS VARCHAR) END)[1] END";

    internal override string Truncate(TimeGrain grain, string expression) => $"date_trunc('{Unit(grain)}', {expression})";

    internal override string IsFinite(string expression) => $"is_finite({expression})";

    internal override string DatePart(DatePart part, string expression) => part switch
    {
        Model.DatePart.Dow => $"day_of_week({expression})",
        Model.DatePart.Doy => $"day_of_year({expression})",
        _ => $"{part.ToString().ToLowerInvariant()}({expression})",
    };

    internal override string AddPeriod(string expression, CalendarPeriod period) =>
        $"date_add('{Unit(period.Grain)}', {period.Count.ToString(CultureInfo.InvariantCulture)}, {(period.Grain < TimeGrain.Day ? $"CAST({expression} AS TIMESTAMP)" : expression)})";

    internal override string AddDays(string expression, string days) => $"date_add('day', {days}, {expression})";

    internal override string AddSeconds(string expression, long seconds) => $"date_add('second', {seconds.ToString(CultureInfo.InvariantCulture)}, {expression})";

    internal override string SecondsBetween(string from, string to) => $"(date_diff('millisecond', {from}, {to}) / 1E3)";

    internal override string PeriodsBetween(TimeGrain grain, string from, string to) => $"date_diff('{Unit(grain)}', {from}, {to})";

    internal override string NextIsoYear(string expression) =>
        $"date_add('day', 7 * CASE WHEN week({expression}) = 53 THEN 52 ELSE week(CAST(CAST(year_of_week({expression}) AS VARCHAR) || '-12-28' AS DATE)) END, {expression})";

    internal override string AtZone(string expression, string zoneId) =>
        $"CAST(at_timezone(with_timezone({expression}, 'UTC'), {Literal(zoneId)}) AS TIMESTAMP)";

    /// <summary>Exact, as Trino's own functions are not: all values of a group in order, and the one or two that count.</summary>
    internal override string Percentile(string expression, double fraction, bool isDiscrete)
    {
        var exact = ((decimal)fraction).ToString(CultureInfo.InvariantCulture);
        var value = isDiscrete
            ? $"a[greatest(1, CAST(ceiling(cardinality(a) * DECIMAL '{exact}') AS BIGINT))]"
            : Bound("p", $"(cardinality(a) - 1) * {Literal(fraction)}", "a[CAST(floor(p) AS BIGINT) + 1] * (1E0 - (p - floor(p))) + a[CAST(ceiling(p) AS BIGINT) + 1] * (p - floor(p))");
        return Bound("a", $"array_sort(filter(array_agg({expression}), v -> v IS NOT NULL))", $"IF(cardinality(a) > 0, {value})");
    }

    internal override string SketchCode(string value)
    {
        // Digits 14 to 16 of the hash are its lower 12 bits, those before them its upper 52.
        var hash = $"to_hex(md5(to_utf8({Cast(value, ColumnKind.String)})))";
        return "coalesce(" + Bound("h", hash, "zip_with(ARRAY[from_base(substr(h, 14, 3), 16)], ARRAY[from_base(substr(h, 1, 13), 16)],"
            + " (r, u) -> r * 64 + IF(u = 0, 53, 53 - length(to_base(u, 2))))[1]") + ", 0)";
    }

    internal override string Sketch(string code) => Greatest($"filter(array_agg(DISTINCT {code}), c -> c IS NOT NULL)");

    internal override string MergeSketches(string sketch) => Greatest(Codes($"filter(split(array_join(array_agg({sketch}), ','), ','), c -> c <> '')"));

    internal override string EstimateSketch(string sketch)
    {
        const string Registers = "4096E0";
        static string Sum(string list, string term) => $"reduce({list}, 0E0, (s, k) -> s + {term}, s -> s)";
        var ranks = $"filter(transform({Codes($"split({sketch}, ',')")}, c -> c % 64), r -> r > 0)";
        var sigma = "x + " + Sum("sequence(1, 23)", "power(2E0, k - 1) * power(x, power(2E0, k))");
        var estimate = $"{Registers} * {Registers} / (2E0 * ln(2E0)) / ({Sum("r", "power(2E0, -k)")} + {Registers} * {Bound("x", $"1E0 - cardinality(r) / {Registers}", sigma)})";
        return Bound("r", ranks, $"CASE WHEN cardinality(r) = 0 THEN 0 ELSE CAST(round({estimate}) AS BIGINT) END");
    }

    /// <summary>Each register's greatest code alone, as text.</summary>
    private static string Greatest(string codes) => "nullif(array_join("
        + Bound("l", $"array_sort({codes})", "filter(zip_with(l, slice(l, 2, cardinality(l)), (c, n) -> IF(n IS NULL OR c / 64 <> n / 64, c)), c -> c IS NOT NULL)")
        + ", ','), '')";

    private static string Codes(string texts) => $"transform({texts}, c -> CAST(c AS BIGINT))";

    internal override string QuantileCode(string value)
    {
        string Above(string number) => $"{Zero} + CAST(ceiling(ln({number}) / {Literal(Query.QuantileSketch.LogGamma)}) AS BIGINT)";
        return $"CASE WHEN NOT is_finite({value}) THEN NULL WHEN {value} > 0 THEN {Above(value)} WHEN {value} < 0 THEN -({Above("-" + value)}) WHEN {value} = 0 THEN 0 END";
    }

    internal override string QuantileSketch(string code) =>
        "nullif(array_join(" + Bound("h", $"histogram({code})", "transform(array_sort(map_keys(h)), k -> CAST(k AS VARCHAR) || ':' || CAST(element_at(h, k) AS VARCHAR))") + ", ','), '')";

    internal override string MergeQuantiles(string sketch) => $"nullif(array_join(array_agg({sketch}), ','), '')";

    /// <summary>A bucket is one whole number, its code above 40 bits of its count; so is the place that a search has come to, until it is the code that was found, below zero.</summary>
    internal override string EstimateQuantile(string sketch, double fraction, bool isDiscrete)
    {
        const string Bits = "1099511627776";
        const string Above = "200000";
        var buckets = $"array_sort(transform(split({sketch}, ','), t -> (CAST(split_part(t, ':', 1) AS BIGINT) + {Above}) * {Bits} + CAST(split_part(t, ':', 2) AS BIGINT)))";
        var p = ((decimal)fraction).ToString(CultureInfo.InvariantCulture);
        string At(string place) => Bound(
            "c",
            $"reduce(b, CAST(0 AS BIGINT), (s, x) -> IF(s < 0, s, IF(s + x % {Bits} > {place}, -1 - x / {Bits}, s + x % {Bits})), s -> -1 - s - {Above})",
            $"IF(c = 0, 0E0, sign(c) * exp((abs(c) - {Zero}) * {Literal(Query.QuantileSketch.LogGamma)}) * {Literal(1 - Query.QuantileSketch.RelativeError)})");
        var value = isDiscrete
            ? At($"greatest(CAST(ceiling(DECIMAL '{p}' * m) AS BIGINT) - 1, 0)")
            : Bound("f", $"CAST(floor(DECIMAL '{p}' * (m - 1)) AS BIGINT)", Bound("v", At("f"), $"v + ({At("least(f + 1, m - 1)")} - v) * ({Literal(fraction)} * (m - 1) - f)"));
        return $"CASE WHEN {sketch} IS NOT NULL THEN {Bound("b", buckets, Bound("m", $"reduce(b, CAST(0 AS BIGINT), (s, x) -> s + x % {Bits}, s -> s)", value))} END";
    }

    private static readonly string Zero = Query.QuantileSketch.Zero.ToString(CultureInfo.InvariantCulture);

    /// <summary>An expression over another one that is spelt and computed once.</summary>
    private static string Bound(string name, string value, string expression) => $"transform(ARRAY[{value}], {name} -> {expression})[1]";

    /// <summary>A sequence has 10,000 entries at most, and includes its end: moments are counted in ten thousands and ones.</summary>
    internal override string Moments(string start, string end, TimeGrain grain, string? bounds)
    {
        var (type, unit) = (grain < TimeGrain.Day ? "TIMESTAMP" : "DATE", Unit(grain));
        var (count, moment) = ($"greatest(0, date_diff('{unit}', n.a, n.z))", $"date_add('{unit}', 10000 * h.k + o.k, n.a)");
        return $"SELECT {moment} AS u\nFROM (\n  SELECT CAST({start} AS {type}) AS a, CAST({end} AS {type}) AS z{(bounds is null ? "" : "\n  FROM " + bounds.Replace("\n", "\n  ", StringComparison.Ordinal))}\n) AS n\n"
            + $"CROSS JOIN UNNEST(sequence(0, {count} / 10000)) AS h(k)\nCROSS JOIN UNNEST(sequence(0, least(9999, {count}))) AS o(k)\nWHERE {moment} < n.z";
    }

    internal override string TextTest(TextTest test, string expression, string value) => test switch
    {
        Sql.TextTest.Contains => $"strpos({expression}, {value}) > 0",
        Sql.TextTest.StartsWith => $"starts_with({expression}, {value})",
        Sql.TextTest.EndsWith => $"substr({expression}, length({expression}) - length({value}) + 1) = {value}",
        Sql.TextTest.Matches => $"regexp_like({expression}, {Literal(AthenaPattern.Of(value[1..^1].Replace("''", "'", StringComparison.Ordinal)))})",
        _ => throw new ArgumentOutOfRangeException(nameof(test)),
    };

    private static string Unit(TimeGrain grain) => grain.ToString().ToLowerInvariant();

    [GeneratedRegex("""'(?:[^']|'')*'|"(?:[^"]|"")*"|/""")]
    private static partial Regex Division();
}
