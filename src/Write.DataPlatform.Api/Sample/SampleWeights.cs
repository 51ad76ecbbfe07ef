using System.Globalization;

namespace Write.DataPlatform.Api.Sample;

/// <summary>
/// Values and how often they occur, as SQL lists of exactly <see cref="Slots"/> places:
/// a hash modulo <see cref="Slots"/> then draws a value by weight with one list access.
/// </summary>
internal static class SampleWeights
{
    public const int Slots = 200;

    /// <summary>Ids are 1 to this; <c>lookups/shows.csv</c> has a row for each.</summary>
    public const int Shows = 60;

    // Minutes east of UTC place the evening of a country; daylight saving is left out.
    private static readonly (string Code, int OffsetMinutes, int Weight)[] Countries =
    [
        ("DE", 60, 46), ("AT", 60, 12), ("CH", 60, 14), ("FR", 60, 20), ("GB", 0, 18), ("US", -300, 18), ("IT", 60, 8),
        ("ES", 60, 8), ("NL", 60, 7), ("BE", 60, 5), ("PL", 60, 6), ("DK", 60, 3), ("SE", 60, 4), ("NO", 60, 3),
        ("CZ", 60, 3), ("PT", 0, 3), ("TR", 180, 4), ("JP", 540, 4), ("BR", -180, 4), ("CA", -300, 3), ("IN", 330, 2),
        ("AU", 600, 2), ("MX", -360, 1), ("ZA", 120, 1), ("CI", 0, 1),
    ];

    private static readonly (string? Value, int Weight)[] Devices =
        [("mobile", 104), ("desktop", 56), ("tablet", 20), ("tv", 15), (null, 5)];

    private static readonly (string? Value, int Weight)[] Referrers =
    [
        ("search", 62), ("direct", 48), ("social", 34), ("newsletter", 16), ("Zürich Heute", 8), ("Le Monde Café", 5),
        ("朝日", 4), ("Göteborgs-Nytt", 3), (null, 20),
    ];

    private static readonly (string? Value, int Weight)[] Pages =
    [
        ("show", 60), ("player", 40), ("home", 34), ("schedule", 18), ("search", 16), ("news", 14), ("offer", 10),
        ("account", 6), ("über-uns", 2),
    ];

    private static readonly (string? Value, int Weight)[] Qualities = [("hd", 96), ("auto", 54), ("sd", 30), ("4k", 20)];

    private static readonly (string? Value, int Weight)[] Plans = [(null, 118), ("basic", 46), ("premium", 26), ("family", 10)];

    // Local hours 0 to 23; each list adds up to Slots.
    private static readonly int[] WorkdayHours = [4, 2, 1, 1, 1, 2, 5, 8, 8, 7, 7, 7, 10, 9, 7, 7, 8, 10, 13, 18, 23, 20, 14, 8];

    private static readonly int[] WeekendHours = [6, 4, 2, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 9, 9, 9, 9, 10, 13, 18, 24, 20, 12, 5];

    /// <summary>The lists by the name the SQL uses.</summary>
    public static IReadOnlyDictionary<string, string> Lists { get; } = new Dictionary<string, string>
    {
        ["countries"] = Strings(Countries.Select(c => ((string?)c.Code, c.Weight))),
        ["offsets"] = Numbers(Countries.Select(c => (c.OffsetMinutes, c.Weight))),
        ["devices"] = Strings(Devices),
        ["referrers"] = Strings(Referrers),
        ["pages"] = Strings(Pages),
        ["qualities"] = Strings(Qualities),
        ["plans"] = Strings(Plans),
        ["workday_hours"] = Numbers(WorkdayHours.Select((weight, hour) => (hour, weight))),
        ["weekend_hours"] = Numbers(WeekendHours.Select((weight, hour) => (hour, weight))),
    };

    private static string Strings(IEnumerable<(string? Value, int Weight)> values) =>
        List(values.Select(v => (v.Value is null ? "NULL" : $"'{v.Value.Replace("'", "''", StringComparison.Ordinal)}'", v.Weight)), "VARCHAR");

    private static string Numbers(IEnumerable<(int Value, int Weight)> values) =>
        List(values.Select(v => (v.Value.ToString(CultureInfo.InvariantCulture), v.Weight)), "INTEGER");

    private static string List(IEnumerable<(string Literal, int Weight)> values, string type)
    {
        var slots = values.SelectMany(v => Enumerable.Repeat(v.Literal, v.Weight)).ToArray();
        return slots.Length == Slots
            ? $"[{string.Join(",", slots)}]::{type}[]"
            : throw new InvalidOperationException($"The weights add up to {slots.Length}, not to {Slots}.");
    }
}
