using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Query;

/// <summary>Reads the parts of a query that are about time: ranges, moments, lengths, zones and comparisons.</summary>
internal sealed partial class TimeReader(QueryForm form)
{
    /// <summary>Moments lie in years that arithmetic on them cannot leave.</summary>
    public const int MinYear = 1000;

    public const int MaxYear = 9000;

    private const int MaxLengthYears = 500;

    private static readonly string[] Formats =
    [
        "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF",
    ];

    private static readonly IReadOnlyDictionary<string, TimeGrain> Grains = QueryForm.Words<TimeGrain>();

    private static readonly IReadOnlyDictionary<string, ComparisonKind> Comparisons =
        QueryForm.Words<ComparisonKind>().Where(w => w.Value != ComparisonKind.Offset).ToDictionary(w => w.Key, w => w.Value);

    public TimeRange? Range(JsonElement json, string path)
    {
        if (form.Object(json, path, "a time range", "from", "to", "last", "toDate") is not { } found)
        {
            return null;
        }

        var kinds = (found.ContainsKey("from") || found.ContainsKey("to") ? 1 : 0) + (found.ContainsKey("last") ? 1 : 0) + (found.ContainsKey("toDate") ? 1 : 0);
        if (kinds > 1)
        {
            form.Report(
                QueryFormProblems.ConflictingProperties,
                $"A time range is 'from' and 'to', or 'last', or 'toDate', and this one has {string.Join(", ", found.Keys.Select(k => $"'{k}'"))}.",
                path);
        }

        var from = found.TryGetValue("from", out var fromJson) ? Point(fromJson, QueryForm.Join(path, "from")) : null;
        var to = found.TryGetValue("to", out var toJson) ? Point(toJson, QueryForm.Join(path, "to")) : null;
        var last = found.TryGetValue("last", out var lastJson) ? Length(lastJson, QueryForm.Join(path, "last")) : null;
        var grain = found.TryGetValue("toDate", out var grainJson) ? ToDate(grainJson, QueryForm.Join(path, "toDate")) : null;
        if (from is { } start && to is { } end && IsAtOrAfter(start, end))
        {
            form.Report(QueryProblems.EmptyTimeRange, $"The time range is empty: it ends ({end}) where or before it starts ({start}).", path);
        }

        return last is { } length ? new LastTimeRange(length)
            : grain is { } date ? new ToDateTimeRange(date)
            : from is not null || to is not null ? new AbsoluteTimeRange(from, to)
            : null;
    }

    public Comparison? Compare(JsonElement json, string path)
    {
        if (form.Object(json, path, "a comparison", "to", "offset", "alignToDate") is not { } found)
        {
            return null;
        }

        var align = found.TryGetValue("alignToDate", out var alignJson) && form.Flag(alignJson, QueryForm.Join(path, "alignToDate")) is true;
        var (hasTo, hasOffset) = (found.TryGetValue("to", out var to), found.TryGetValue("offset", out var offset));
        if (hasTo && hasOffset)
        {
            form.Report(QueryFormProblems.ConflictingProperties, "A comparison has 'to' or 'offset' and not both.", path);
        }
        else if (!hasTo && !hasOffset)
        {
            form.Missing(path, "to", "previousPeriod, previousYear or {\"offset\": \"P1M\"}");
        }

        CalendarPeriod? length = null;
        ComparisonKind? kind = null;
        if (hasOffset)
        {
            length = Length(offset, QueryForm.Join(path, "offset"));
        }

        if (hasTo && to.ValueKind == JsonValueKind.Object)
        {
            var inner = QueryForm.Join(path, "to");
            if (form.Object(to, inner, "a comparison's length", "offset") is { } nested)
            {
                if (nested.TryGetValue("offset", out offset))
                {
                    length = Length(offset, QueryForm.Join(inner, "offset"));
                }
                else
                {
                    form.Missing(inner, "offset", "a length such as \"P1M\"");
                }
            }
        }
        else if (hasTo)
        {
            kind = form.Word(to, QueryForm.Join(path, "to"), "comparison", Comparisons);
        }

        return length is { } period ? new Comparison(ComparisonKind.Offset, period, align)
            : kind is { } known ? new Comparison(known, AlignToDate: align)
            : null;
    }

    public TimeZoneInfo? Zone(JsonElement json, string path)
    {
        if (form.Text(json, path, "a time zone") is not { } id)
        {
            return null;
        }

        if (ZoneId().IsMatch(id) && !id.Contains("..", StringComparison.Ordinal) && TimeZoneInfo.TryFindSystemTimeZoneById(id, out var zone))
        {
            return zone;
        }

        form.Report(
            QueryFormProblems.UnknownTimeZone,
            $"There is no time zone '{QueryForm.Short(id)}'.",
            path,
            Suggestion.For(id, TimeZoneInfo.GetSystemTimeZones().Select(z => z.Id)) ?? "Write a name such as Europe/Berlin or UTC.");
        return null;
    }

    private TimeGrain? ToDate(JsonElement json, string path)
    {
        if (form.Word(json, path, "grain", Grains) is not { } grain)
        {
            return null;
        }

        if (grain >= TimeGrain.Day)
        {
            return grain;
        }

        form.Report(QueryFormProblems.UnknownValue, $"'toDate' starts at a day or coarser, not at {json.GetString()}.", path, "One of day, week, month, quarter, year.");
        return null;
    }

    private TimePoint? Point(JsonElement json, string path)
    {
        return form.Text(json, path, "a date or an instant") is { } text ? Point(text, path) : null;
    }

    /// <summary>A date, a local time or an instant.</summary>
    public TimePoint? Point(string text, string path)
    {
        var match = Moment().Match(text);
        if (!match.Success
            || !DateTime.TryParseExact(match.Groups["local"].Value, Formats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var local)
            || Offset(match.Groups["offset"]) is not { } offset)
        {
            form.Report(QueryFormProblems.BadTime, $"'{QueryForm.Short(text)}' is no date or instant.", path, "Write for example 2026-01-31, 2026-01-31T10:00:00 or 2026-01-31T10:00:00Z.");
            return null;
        }

        if (local.Year is < MinYear or > MaxYear)
        {
            form.Report(QueryFormProblems.OutOfRange, $"The year {local.Year} is not between {MinYear} and {MaxYear}.", path, "Leave it out for an open end.");
            return null;
        }

        return new TimePoint(local, match.Groups["offset"].Success ? offset : null);
    }

    /// <summary>An offset from UTC; zero if none is written, null if it is none.</summary>
    private static TimeSpan? Offset(Group group)
    {
        if (!group.Success || group.Value == "Z")
        {
            return TimeSpan.Zero;
        }

        var (hours, minutes) = (int.Parse(group.ValueSpan[1..3], CultureInfo.InvariantCulture), int.Parse(group.ValueSpan[^2..], CultureInfo.InvariantCulture));
        var offset = new TimeSpan(hours, minutes, 0);
        return minutes > 59 || offset > TimeSpan.FromHours(14) ? null : group.Value[0] == '-' ? -offset : offset;
    }

    /// <summary>An ISO 8601 duration of one calendar unit: years and months count as months, weeks and days as days, hours and finer as the finest.</summary>
    private CalendarPeriod? Length(JsonElement json, string path)
    {
        if (form.Text(json, path, "a length of time") is not { } text)
        {
            return null;
        }

        var match = Duration().Match(text);
        var units = "YMWDhms".Where(u => match.Groups[u.ToString()].Success).ToList();
        if (!match.Success || units.Count == 0 || text.EndsWith('T'))
        {
            form.Report(QueryFormProblems.BadDuration, $"'{QueryForm.Short(text)}' is no ISO 8601 duration.", path, "Write for example P30D, P12M, P1Y or PT24H.");
            return null;
        }

        long Count(char unit) => match.Groups[unit.ToString()] is { Success: true } group ? long.Parse(group.ValueSpan, CultureInfo.InvariantCulture) : 0;
        (long Count, TimeGrain Grain)? length = string.Concat(units) switch
        {
            "Y" => (Count('Y'), TimeGrain.Year),
            "M" or "YM" => ((12 * Count('Y')) + Count('M'), TimeGrain.Month),
            "W" => (Count('W'), TimeGrain.Week),
            "D" or "WD" => ((7 * Count('W')) + Count('D'), TimeGrain.Day),
            "h" => (Count('h'), TimeGrain.Hour),
            "m" or "hm" => ((60 * Count('h')) + Count('m'), TimeGrain.Minute),
            "s" or "hs" or "ms" or "hms" => ((3600 * Count('h')) + (60 * Count('m')) + Count('s'), TimeGrain.Second),
            _ => null,
        };
        if (length is not { } found)
        {
            form.Report(QueryFormProblems.BadDuration, $"'{text}' mixes months, days and hours, whose lengths have no fixed ratio.", path, "Use one of them.");
            return null;
        }

        var most = MaxLengthYears * found.Grain switch
        {
            TimeGrain.Year => 1L,
            TimeGrain.Month => 12,
            TimeGrain.Week => 52,
            TimeGrain.Day => 365,
            TimeGrain.Hour => 8_760,
            TimeGrain.Minute => 525_600,
            _ => 4_000_000,
        };
        if (found.Count < 1 || found.Count > most)
        {
            form.Report(QueryFormProblems.OutOfRange, $"The length '{text}' is not between 1 and {most} {found.Grain.ToString().ToLowerInvariant()}s.", path);
            return null;
        }

        return new CalendarPeriod((int)found.Count, found.Grain);
    }

    /// <summary>Whether two moments can be compared without a zone and the first is not before the second.</summary>
    private static bool IsAtOrAfter(TimePoint a, TimePoint b) => (a.Offset, b.Offset) switch
    {
        (null, null) => a.Local >= b.Local,
        ({ } x, { } y) => a.Local - x >= b.Local - y,
        _ => false,
    };

    [GeneratedRegex(@"^(?<local>\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?)?)(?<offset>(?<=T.*)(Z|[+-]\d{2}:?\d{2}))?$", RegexOptions.CultureInvariant)]
    private static partial Regex Moment();

    [GeneratedRegex(@"^P((?<Y>\d{1,9})Y)?((?<M>\d{1,9})M)?((?<W>\d{1,9})W)?((?<D>\d{1,9})D)?(T((?<h>\d{1,9})H)?((?<m>\d{1,9})M)?((?<s>\d{1,9})S)?)?$", RegexOptions.CultureInvariant)]
    private static partial Regex Duration();

    [GeneratedRegex(@"^[A-Za-z0-9_+\-/. ]{1,64}$", RegexOptions.CultureInvariant)]
    private static partial Regex ZoneId();
}
