using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>Turns the values of a filter into the type of the field they are compared with.</summary>
/// <param name="typeOf">The type of a field; null if it is not known, which leaves its values as they are.</param>
/// <param name="zone">The zone whose clock a date and time without an offset is read on.</param>
/// <param name="areInstants">Whether buckets within a day are compared in UTC, as columns of an answer are, and not on the zone's clock.</param>
internal sealed class FilterValues(Func<FieldName, ColumnKind?> typeOf, TimeZoneInfo zone, bool areInstants = false)
{
    private static readonly string[] Booleans = ["true", "false"];

    /// <summary>What is wrong, in order of appearance; paths extend the given one.</summary>
    public List<QueryProblem> Problems { get; } = [];

    /// <summary>Every field that a written tree names, and where.</summary>
    public static IEnumerable<(FieldName Field, string Path)> Places(Filter filter, string path) => filter switch
    {
        AndFilter and => and.Filters.SelectMany((f, i) => Places(f, $"{path}.and[{i}]")),
        OrFilter or => or.Filters.SelectMany((f, i) => Places(f, $"{path}.or[{i}]")),
        NotFilter not => Places(not.Inner, path + ".not"),
        _ => filter.Fields.Select(f => (f, path + ".field")),
    };

    public Filter Convert(Filter filter, string path) => filter switch
    {
        AndFilter and => new AndFilter([.. and.Filters.Select((f, i) => Convert(f, $"{path}.and[{i}]"))]),
        OrFilter or => new OrFilter([.. or.Filters.Select((f, i) => Convert(f, $"{path}.or[{i}]"))]),
        NotFilter not => new NotFilter(Convert(not.Inner, path + ".not")),
        ComparisonFilter comparison => Convert(comparison, path),
        _ => filter,
    };

    private ComparisonFilter Convert(ComparisonFilter comparison, string path)
    {
        var kind = typeOf(comparison.Field);
        if (kind is not { } known)
        {
            return comparison;
        }

        if (IsText(comparison.Operator))
        {
            return comparison with { Values = [.. comparison.Values.Select(v => v is null ? null : (object)Text(v))] };
        }

        var values = comparison.Values.ToBuilder();
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i] is { } value)
            {
                if (Convert(value, known, isInstant: known == ColumnKind.Timestamp && (areInstants || comparison.Field.Grain is null)) is { } converted)
                {
                    values[i] = converted;
                }
                else
                {
                    Problems.Add(new QueryProblem(
                        QueryProblems.WrongValueType,
                        $"{comparison.Field} holds {Name(known)}; {(value is string ? $"'{value}'" : Text(value))} is none.",
                        $"{path}.values[{i}]"));
                }
            }
        }

        return comparison with { Values = values.ToImmutable() };
    }

    public static bool IsText(FilterOperator op) => op is FilterOperator.Contains or FilterOperator.NotContains or FilterOperator.StartsWith
        or FilterOperator.NotStartsWith or FilterOperator.EndsWith or FilterOperator.NotEndsWith or FilterOperator.Matches;

    /// <param name="value">What was written.</param>
    /// <param name="kind">The field's type.</param>
    /// <param name="isInstant">Whether the field is compared in UTC; a bucket within a day is compared on the zone's clock.</param>
    private object? Convert(object value, ColumnKind kind, bool isInstant)
    {
        var text = Text(value);
        switch (kind)
        {
            case ColumnKind.String:
                return text;
            case ColumnKind.Boolean:
                return value is bool ? value : Booleans.Contains(text, StringComparer.OrdinalIgnoreCase) && value is string ? bool.Parse(text) : null;
            case ColumnKind.Int64 or ColumnKind.Double or ColumnKind.Decimal:
                return value switch
                {
                    bool or DateOnly or DateTime => null,
                    long or decimal => value,
                    double number => double.IsFinite(number) ? number : null,
                    _ => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole
                        : decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var exact) ? exact
                        : null,
                };
            case ColumnKind.Date:
                return value switch
                {
                    DateOnly => value,
                    DateTime time when time.TimeOfDay == TimeSpan.Zero => DateOnly.FromDateTime(time),
                    string when DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) => date,
                    string when Moment(text) is { } moment && moment.TimeOfDay == TimeSpan.Zero => DateOnly.FromDateTime(moment),
                    _ => null,
                };
            case ColumnKind.Timestamp:
                DateTime? local = value switch
                {
                    DateTime time => time,
                    DateOnly date => date.ToDateTime(TimeOnly.MinValue),
                    string when isInstant && Instant(text) is { } instant => instant,
                    string => Moment(text),
                    _ => null,
                };
                return isInstant && local is { Kind: not DateTimeKind.Utc } clock ? Plain(ZoneRules.ToUtc(clock, zone)) : local is { } read ? Plain(read) : null;
            default:
                return value;
        }
    }

    /// <summary>A date and time on the zone's clock; one with an offset is brought onto it.</summary>
    private DateTime? Moment(string text) => Instant(text) is { } instant ? ZoneRules.ToLocal(instant, zone) : Parse(text)?.DateTime;

    /// <summary>A date and time with an offset, in UTC.</summary>
    private static DateTime? Instant(string text) =>
        Parse(text) is { } parsed && (text.EndsWith('Z') || text.LastIndexOfAny(['+', '-']) > 9) ? parsed.UtcDateTime : null;

    private static DateTimeOffset? Parse(string text) =>
        text.Length >= 10 && char.IsAsciiDigit(text[0]) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed)
            ? parsed
            : null;

    private static DateTime Plain(DateTime time) => DateTime.SpecifyKind(time, DateTimeKind.Unspecified);

    private static string Text(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        DateOnly date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        _ => System.Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string Name(ColumnKind kind) => kind switch
    {
        ColumnKind.Boolean => "true or false",
        ColumnKind.Int64 or ColumnKind.Double or ColumnKind.Decimal => "numbers",
        ColumnKind.Date => "dates (yyyy-MM-dd)",
        ColumnKind.Timestamp => "dates and times",
        _ => "text",
    };
}
