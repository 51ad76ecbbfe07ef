using System.Globalization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>DuckDB's spelling; sessions run with <c>TimeZone = 'UTC'</c>.</summary>
public sealed class DuckDbDialect : SqlDialect
{
    /// <summary>The dialect; it has no state.</summary>
    public static DuckDbDialect Instance { get; } = new();

    /// <inheritdoc />
    public override string Name => "DuckDb";

    internal override string Placeholder(int number) => "$" + number.ToString(CultureInfo.InvariantCulture);

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

    internal override string Truncate(TimeGrain grain, string expression) => $"date_trunc('{grain.ToString().ToLowerInvariant()}', {expression})";

    internal override string IsFinite(string expression) => $"isfinite({expression})";

    internal override string DatePart(DatePart part, string expression) =>
        $"date_part('{(part == Model.DatePart.Dow ? "isodow" : part.ToString().ToLowerInvariant())}', {expression})";

    internal override string AddPeriod(string expression, CalendarPeriod period) =>
        $"({expression} + INTERVAL ({period.Count.ToString(CultureInfo.InvariantCulture)}) {period.Grain.ToString().ToUpperInvariant()})";

    internal override string AddDays(string expression, string days) => $"({expression} + to_days(CAST({days} AS INTEGER)))";

    internal override string AddSeconds(string expression, long seconds) =>
        $"({expression} + INTERVAL ({seconds.ToString(CultureInfo.InvariantCulture)}) SECOND)";

    internal override string SecondsBetween(string from, string to) => $"(date_diff('microsecond', {from}, {to}) / CAST(1000000 AS DOUBLE))";

    internal override string PeriodsBetween(TimeGrain grain, string from, string to) => $"date_diff('{grain.ToString().ToLowerInvariant()}', {from}, {to})";

    internal override string NextIsoYear(string expression) =>
        $"({expression} + to_days(CAST(7 * CASE WHEN week({expression}) = 53 THEN 52 ELSE week(make_date(isoyear({expression}), 12, 28)) END AS INTEGER)))";

    internal override string AtZone(string expression, string zoneId) =>
        $"timezone('{zoneId.Replace("'", "''", StringComparison.Ordinal)}', timezone('UTC', {expression}))";

    internal override string Percentile(string expression, double fraction, bool isDiscrete) =>
        $"quantile_{(isDiscrete ? "disc" : "cont")}({expression}, {Literal((decimal)fraction)})";

    internal override string SketchCode(string value)
    {
        // Digits 14 to 16 of the hash are its lower 12 bits, those before them its upper 52.
        var hash = $"md5(CAST({value} AS VARCHAR))";
        var upper = $"CAST('0x' || substr({hash}, 1, 13) AS BIGINT)";
        return $"coalesce(CAST('0x' || substr({hash}, 14, 3) AS INTEGER) * 64 + CASE WHEN {upper} = 0 THEN 53 ELSE 53 - length(bin({upper})) END, 0)";
    }

    internal override string Sketch(string code) => Greatest($"list(DISTINCT {code})");

    internal override string MergeSketches(string sketch) => Greatest(Codes($"string_agg({sketch}, ',')"));

    internal override string EstimateSketch(string sketch)
    {
        const string Registers = "4096";
        var ranks = $"list_filter(list_transform({Codes(sketch)}, lambda c: c & 63), lambda r: r > 0)";
        var sigma = $"x + list_sum(list_transform(range(1, 24), lambda k: pow(2, k - 1) * pow(x, pow(2, k))))";
        var estimate = $"{Registers} * {Registers} / (2 * ln(2)) / (coalesce(list_sum(list_transform(r, lambda k: pow(2, -k))), 0) + {Registers} * "
            + $"{Bound("x", $"1 - len(r) / {Registers}", sigma)})";
        return Bound("r", ranks, $"CASE WHEN len(r) = 0 THEN 0 ELSE CAST(round({estimate}) AS BIGINT) END");
    }

    /// <summary>Each register's greatest code alone, as text. A lambda that looks into a list it is not given copies it for every element, hence the pairs.</summary>
    private static string Greatest(string codes) => "nullif(array_to_string("
        + Bound("l", $"list_sort({codes})", "list_transform(list_filter(list_zip(l, l[2:]), lambda p: coalesce(p[1] >> 6 <> p[2] >> 6, true)), lambda p: p[1])")
        + ", ','), '')";

    private static string Codes(string sketch) => $"CAST(string_split({sketch}, ',') AS INTEGER[])";

    /// <summary>An expression over another one that is spelt and computed once.</summary>
    private static string Bound(string name, string value, string expression) => $"list_transform([{value}], lambda {name}: {expression})[1]";

    internal override string QuantileCode(string value)
    {
        string Above(string number) => $"{Zero} + CAST(ceil(ln({number}) / {Literal(Query.QuantileSketch.LogGamma)}) AS INTEGER)";
        return $"CASE WHEN NOT isfinite({value}) THEN NULL WHEN {value} > 0 THEN {Above(value)} WHEN {value} < 0 THEN -({Above("-" + value)}) WHEN {value} = 0 THEN 0 END";
    }

    internal override string QuantileSketch(string code) =>
        $"nullif(array_to_string(list_transform(list_sort(map_entries(histogram({code}))), lambda e: e.key || ':' || e.value), ','), '')";

    internal override string MergeQuantiles(string sketch) => $"string_agg({sketch}, ',')";

    internal override string EstimateQuantile(string sketch, double fraction, bool isDiscrete)
    {
        var buckets = $"list_sort(list_transform(string_split({sketch}, ','), lambda t: struct_pack(code := CAST(split_part(t, ':', 1) AS BIGINT), n := CAST(split_part(t, ':', 2) AS BIGINT))))";
        var count = "CAST(list_sum(list_transform(b, lambda x: x.n)) AS BIGINT)";
        var p = Literal((decimal)fraction);
        // The first bucket with more values up to its end than there are places before.
        string At(string place) => Bound(
            "c",
            $"list_reduce(list_prepend(struct_pack(code := CAST(0 AS BIGINT), n := CAST(0 AS BIGINT)), b), lambda a, x: CASE WHEN a.n > {place} THEN a ELSE struct_pack(code := x.code, n := a.n + x.n) END).code",
            $"CAST(sign(c) * CASE WHEN c = 0 THEN 0 ELSE exp((abs(c) - {Zero}) * {Literal(Query.QuantileSketch.LogGamma)}) * {Literal(1 - Query.QuantileSketch.RelativeError)} END AS DOUBLE)");
        var value = isDiscrete
            ? At($"greatest(CAST(ceil({p} * m) AS BIGINT) - 1, 0)")
            : Bound("f", $"CAST(floor({p} * (m - 1)) AS BIGINT)", Bound("v", At("f"), $"v + ({At("least(f + 1, m - 1)")} - v) * CAST({p} * (m - 1) - f AS DOUBLE)"));
        return $"CASE WHEN {sketch} IS NOT NULL THEN {Bound("b", buckets, Bound("m", count, value))} END";
    }

    private static readonly string Zero = Query.QuantileSketch.Zero.ToString(CultureInfo.InvariantCulture);

    internal override string Moments(string start, string end, TimeGrain grain, string? bounds)
    {
        var step = grain == TimeGrain.Quarter ? "3 MONTH" : "1 " + grain.ToString().ToUpperInvariant();
        var moment = $"unnest(range(CAST({start} AS TIMESTAMP), CAST({end} AS TIMESTAMP), INTERVAL {step}))";
        return $"SELECT {(grain < TimeGrain.Day ? moment : $"CAST({moment} AS DATE)")} AS u{(bounds is null ? "" : "\nFROM " + bounds)}";
    }

    internal override string TextTest(TextTest test, string expression, string value) => test switch
    {
        Sql.TextTest.Contains => $"contains({expression}, {value})",
        Sql.TextTest.StartsWith => $"starts_with({expression}, {value})",
        Sql.TextTest.EndsWith => $"ends_with({expression}, {value})",
        Sql.TextTest.Matches => $"regexp_matches({expression}, {value})",
        _ => throw new ArgumentOutOfRangeException(nameof(test)),
    };
}
