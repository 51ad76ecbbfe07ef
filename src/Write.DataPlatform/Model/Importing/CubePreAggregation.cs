using System.Globalization;
using System.Text.RegularExpressions;

namespace Write.DataPlatform.Model.Importing;

/// <summary>Turns rollups into gold tables.</summary>
internal static partial class CubePreAggregation
{
    /// <summary>The gold tables of a cube's rollups.</summary>
    public static IEnumerable<Dictionary<string, object>> Read(CubeCube cube, Dictionary<string, CubeCube> cubes)
    {
        foreach (var map in cube.Map.Maps("pre_aggregations"))
        {
            if (Table(map, cube, cubes) is { } table)
            {
                yield return table;
            }

            map.Done();
        }
    }

    private static Dictionary<string, object>? Table(CubeMap map, CubeCube cube, Dictionary<string, CubeCube> cubes)
    {
        var (name, type, time, grain) = (CubeMap.Snake(map.Text("name") ?? ""), map.Text("type") ?? "rollup", map.Text("time_dimension"), map.Text("granularity"));
        var partition = map.Text("partition_granularity");
        var measures = map.Texts("measures");
        var dimensions = map.Texts("dimensions").Concat(map.Texts("segments")).ToList();
        var refresh = map.Map("refresh_key");
        if (type != "rollup")
        {
            map.Lost($"of pre-aggregations there are rollups alone, and this is a {type}");
            return null;
        }

        if (time is null || grain is null || measures.Count == 0 || Member(time, cube, cubes) is not ({ } timeCube, { } timeName) || timeCube != cube || CubeMap.Snake(timeName) != cube.Time)
        {
            map.Lost("a gold table has measures and a grain, and its time is that of its measures");
            return null;
        }

        var metrics = measures.ConvertAll(m => Member(m, cube, cubes) is ({ } of, { } measure) && of == cube ? of.MetricOf(measure) : null);
        var fields = dimensions.ConvertAll(d => Member(d, cube, cubes) is ({ } of, { } dimension) && cube.Reaches(of) ? of.FieldOf(dimension) : null);
        if (metrics.Contains(null) || fields.Contains(null))
        {
            map.Lost("one of its measures is not of this cube or was not taken over, or one of its dimensions was not or is not of a cube that this one joins");
            return null;
        }

        var table = new Dictionary<string, object>
        {
            ["name"] = $"{cube.Name}_{name}",
            ["metrics"] = metrics,
            ["group_by"] = fields,
            ["grain"] = grain,
            ["partition"] = partition ?? grain switch { "second" or "minute" or "hour" => "day", "day" => "month", "week" => "week", _ => "year" },
        };
        if (partition is null)
        {
            map.Differs($"It had no partitions and is refreshed by {table["partition"]}.");
        }

        table["refresh"] = Refresh(map, refresh);
        refresh?.Done();
        return table;
    }

    private static Dictionary<string, object> Refresh(CubeMap map, CubeMap? key)
    {
        var every = key?.Text("every");
        var zone = key?.Text("timezone");
        var window = key?.Text("update_window");
        _ = key?.Flag("incremental");
        if (key?.Text("sql") is not null)
        {
            map.Differs("What its refresh_key asks is found by itself: a refresh looks for partitions whose rows changed.");
        }

        var cron = every is null ? null : every.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length is 5 or 6 ? every : Cron(every);
        if (cron is null)
        {
            map.Differs(every is null ? "It is refreshed every hour, as nothing else is said." : $"Every '{every}' is no schedule by the clock; it is refreshed every hour.");
        }

        var refresh = new Dictionary<string, object> { ["cron"] = cron ?? "0 * * * *" };
        if (zone is not null)
        {
            refresh["time_zone"] = zone;
        }

        if (window is not null)
        {
            if (LookBack(window) is { } lookBack)
            {
                refresh["look_back"] = lookBack;
            }
            else
            {
                map.Differs($"Its update_window '{window}' cannot be read; partitions are refreshed when their rows changed.");
            }
        }

        return refresh;
    }

    private static (CubeCube? Cube, string? Name) Member(string text, CubeCube cube, Dictionary<string, CubeCube> cubes) => text.Trim('{', '}').Split('.') switch
    {
        [var own] => (cube, own),
        ["CUBE", var own] => (cube, own),
        [var other, var member] when cubes.TryGetValue(other, out var found) => (found, member),
        _ => (null, null),
    };

    private static string? Cron(string every)
    {
        if (Length().Match(every) is not { Success: true } match)
        {
            return null;
        }

        // 60 minutes are an hour, for which cron has no step of minutes.
        var (count, unit) = (int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), match.Groups[2].Value);
        foreach (var (shorter, longer, length) in new[] { ("second", "minute", 60), ("minute", "hour", 60), ("hour", "day", 24) })
        {
            (count, unit) = unit == shorter && count % length == 0 ? (count / length, longer) : (count, unit);
        }

        return unit switch
        {
            "minute" when count > 0 && 60 % count == 0 => count == 1 ? "* * * * *" : string.Create(CultureInfo.InvariantCulture, $"*/{count} * * * *"),
            "hour" when count > 0 && 24 % count == 0 => count == 1 ? "0 * * * *" : string.Create(CultureInfo.InvariantCulture, $"0 */{count} * * *"),
            "day" when count == 1 => "0 0 * * *",
            _ => null,
        };
    }

    /// <summary>A window's length as <c>look_back</c> has it; of months and longer the longest.</summary>
    private static string? LookBack(string window)
    {
        if (Length().Match(window) is not { Success: true } match)
        {
            return null;
        }

        var count = int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        var (times, unit) = match.Groups[2].Value switch { "week" => (7, 'd'), "month" => (31, 'd'), "quarter" => (92, 'd'), "year" => (366, 'd'), var own => (1, own[0]) };
        return string.Create(CultureInfo.InvariantCulture, $"{count * times}{unit}");
    }

    [GeneratedRegex(@"^\s*(\d{1,4}) (second|minute|hour|day|week|month|quarter|year)s?\s*$")]
    private static partial Regex Length();
}
