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
