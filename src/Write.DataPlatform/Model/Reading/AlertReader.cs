using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Write.DataPlatform.Model.Reading;

/// <summary>Reads alerts and reports.</summary>
internal static partial class AlertReader
{
    private const int MaxPeriods = 1_000;
    private const int MaxFor = 1_000;

    public static Alert Alert(MapReader map, string name, TimeZoneInfo zone)
    {
        var freshness = map.Map("freshness", "'freshness' mapping") is { } fresh ? Freshness(fresh) : null;
        var condition = map.Map("condition", "condition") is { } written ? Condition(written) : null;
        if (freshness is null && condition is null && !map.Has("condition") && !map.Has("freshness"))
        {
            map.Missing("condition");
        }

        var own = map.Zone("time_zone");
        var alert = new Alert
        {
            Name = name,
            Description = map.Text("description"),
            Severity = map.Choice<Severity>("severity") ?? Severity.Warning,
            Metric = map.Text("metric"),
            Insight = map.Text("insight"),
            Parameters = Parameters(map),
            Where = map.Filter("where"),
            GroupBy = [.. map.Texts("group_by").Select(FieldName.Parse)],
            Grain = map.Grain("grain"),
            TimeZone = own,
            Period = map.Choice<AlertPeriod>("period") ?? AlertPeriod.Complete,
            Delay = NotNegative(map, "delay") ?? TimeSpan.Zero,
            AllowedGap = NotNegative(map, "allowed_gap"),
            Freshness = freshness,
            Condition = condition,
            Schedule = Schedule(map, own ?? zone),
            For = Count(map, "for", 1, MaxFor) ?? 1,
            Tenant = map.Text("tenant"),
            Channel = map.Text("channel"),
            Source = map.Item,
        };
        map.Ignore("label", "config", "meta");
        return alert;
    }

    public static Report Report(MapReader map, string name, TimeZoneInfo zone)
    {
        var report = new Report
        {
            Name = name,
            Description = map.Text("description"),
            Insight = map.Text("insight"),
            Parameters = Parameters(map),
            Query = map.Has("query") ? QueryJson.Insight(map) : null,
            Format = map.Choice<ReportFormat>("format") ?? ReportFormat.Csv,
            Schedule = Schedule(map, map.Zone("time_zone") ?? zone),
            Tenant = map.Text("tenant"),
            Channel = map.Required("channel"),
            Source = map.Item,
        };
        map.Ignore("label", "config", "meta");
        return report;
    }

    private static FreshnessTarget Freshness(MapReader map)
    {
        var target = new FreshnessTarget(map.Text("gold_table"), map.Text("stream"), map.Duration("older_than"));
        if (target.OlderThan <= TimeSpan.Zero)
        {
            map.Report(ModelCode.BadValue, "'older_than' must be longer than nothing.", "older_than");
        }

        map.Done();
        return target;
    }

    private static AlertCondition Condition(MapReader map)
    {
        var against = map.Choice<AlertReference>("against") ?? AlertReference.Value;
        var by = map.Choice<AlertMeasure>("by") ?? (against == AlertReference.Baseline ? AlertMeasure.Deviations : AlertMeasure.Percent);
        if (map.Has("by") && (against == AlertReference.Value || (by == AlertMeasure.Deviations && against != AlertReference.Baseline)))
        {
            map.Report(ModelCode.BadAlert, $"'by: {map.Text("by")}' has no meaning here.", "by", against == AlertReference.Value ? "Write 'against', or leave 'by' out." : "Deviations are those of a baseline.");
        }

        if (map.Has("periods") && against != AlertReference.Baseline)
        {
            map.Report(ModelCode.BadAlert, "'periods' is for 'against: baseline'.", "periods");
        }

        var condition = new AlertCondition(map.Number("above"), map.Number("below"), against, by, Count(map, "periods", 2, MaxPeriods) ?? 28);
        if (!map.Has("above") && !map.Has("below"))
        {
            map.ReportAt(ModelCode.MissingKey, "A condition needs 'above' or 'below'.", map.Position);
        }

        map.Done();
        return condition;
    }

    private static Schedule Schedule(MapReader map, TimeZoneInfo zone)
    {
        if (map.Raw("schedule") is null)
        {
            map.Missing("schedule");
            return new Schedule("", zone);
        }

        return map.Reference("schedule", "schedule", cron => new Schedule(cron, zone), full => new Schedule(full.Required("cron"), full.Zone("time_zone") ?? zone)) ?? new Schedule("", zone);
    }

    private static ImmutableSortedDictionary<string, ImmutableArray<string>> Parameters(MapReader map)
    {
        if (map.Map("parameters", "'parameters' mapping") is not { } parameters)
        {
            return ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty;
        }

        return parameters.Keys.Distinct().ToList().ToImmutableSortedDictionary(name => name, Values);

        ImmutableArray<string> Values(string name)
        {
            var values = parameters.Texts(name);
            if (parameters.Raw(name) is WrittenList && values.FirstOrDefault(v => Comma().IsMatch(v)) is { } parted)
            {
                // It would be two values, as in a query string, where it is meant as one.
                parameters.Report(ModelCode.BadValue, $"'{parted}' has a comma, which parts values.", name, @"Write each value by itself, and '\,' for a comma within one of several; a parameter of one value takes it as a text, not in a list.");
            }

            return values;
        }
    }

    /// <summary>A comma that no backslash keeps from parting values.</summary>
    [GeneratedRegex(@"(?<!\\)(?:\\\\)*,")]
    private static partial Regex Comma();

    private static TimeSpan? NotNegative(MapReader map, string key)
    {
        var value = map.Duration(key);
        if (value < TimeSpan.Zero)
        {
            map.Report(ModelCode.BadValue, $"'{key}' must not be negative.", key);
        }

        return value;
    }

    private static int? Count(MapReader map, string key, int min, int max)
    {
        var value = map.Integer(key);
        if (value < min || value > max)
        {
            map.Report(ModelCode.BadValue, $"'{key}' must be between {min} and {max}.", key);
            return null;
        }

        return (int?)value;
    }
}
