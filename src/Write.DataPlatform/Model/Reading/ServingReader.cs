using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Reading;

/// <summary>Reads the documents that are ours: gold tables, insights, tenants and streams; and MetricFlow's saved queries and time spines.</summary>
internal static class ServingReader
{
    /// <summary>Reads a gold table.</summary>
    public static GoldTable GoldTable(MapReader map, string name, TimeZoneInfo modelZone)
    {
        var zone = map.Zone("time_zone") ?? modelZone;
        var metrics = map.Texts("metrics");
        if (metrics.Length == 0)
        {
            map.Missing("metrics");
        }

        // A grain that could not be read is reported; it then stands for the other, so that no second problem follows from the first.
        var grain = RequiredGrain(map, "grain");
        var partition = RequiredGrain(map, "partition");
        var refresh = map.Map("refresh", "refresh");
        var table = new GoldTable
        {
            Name = name,
            Description = map.Text("description"),
            Metrics = metrics,
            GroupBy = [.. map.Texts("group_by").Select(FieldName.Parse)],
            Grain = grain ?? partition ?? TimeGrain.Day,
            Partition = partition ?? grain ?? TimeGrain.Day,
            TimeZone = zone,
            Where = map.Filter("where"),
            Audience = map.Choice<Audience>("audience") ?? Audience.Internal,
            Freshness = map.Duration("freshness"),
            Refresh = refresh is null ? null : new RefreshPolicy(refresh.Required("cron"), refresh.Zone("time_zone") ?? zone, refresh.Duration("look_back") ?? TimeSpan.Zero),
            From = map.Date("from"),
            Source = map.Item,
        };
        refresh?.Done();
        map.Ignore("label", "config", "meta");
        return table;
    }

    /// <summary>Reads an insight.</summary>
    public static Insight Insight(MapReader map, string name)
    {
        var parameters = ImmutableArray.CreateBuilder<InsightParameter>();
        foreach (var parameter in map.Maps("parameters", "parameter", asItems: true))
        {
            parameters.Add(new InsightParameter(
                parameter.Required("name"),
                parameter.Text("field") is { Length: > 0 } field ? FieldName.Parse(field) : null,
                parameter.Text("sets"),
                parameter.Flag("multiple"),
                parameter.Flag("required"),
                parameter.Text("default"),
                parameter.Texts("values"),
                parameter.Text("description"),
                parameter.Item));
            parameter.Done();
        }

        var insight = new Insight
        {
            Name = name,
            Description = map.Text("description"),
            Audience = map.Choice<Audience>("audience") ?? Audience.Internal,
            Query = QueryJson.Insight(map),
            Parameters = parameters.ToImmutable(),
            Source = map.Item,
        };
        map.Ignore("label", "config", "meta");
        return insight;
    }

    /// <summary>Reads a tenant.</summary>
    public static Tenant Tenant(MapReader map, string name)
    {
        var where = map.Filter("where");
        if (where is null && map.Raw("where") is null)
        {
            map.Missing("where");
        }

        var daily = map.Integer("daily_queries");
        if (daily is < 1 or > int.MaxValue)
        {
            map.Report(ModelCode.BadValue, $"'daily_queries' must be between 1 and {int.MaxValue}.", "daily_queries");
            daily = null;
        }

        map.Ignore("description", "label", "config", "meta");

        // Should the condition be missing, no row is the harmless reading; the model is refused anyway.
        return new Tenant(name, where ?? new OrFilter([]), (int?)daily, map.Rate("rate"), map.Item) { Role = map.Text("role") };
    }

    /// <summary>Reads a stream.</summary>
    public static StreamDefinition Stream(MapReader map, string name)
    {
        var window = map.Duration("window");
        if (window <= TimeSpan.Zero)
        {
            map.Report(ModelCode.BadValue, "'window' must be longer than nothing.", "window");
        }

        var lateness = map.Duration("allowed_lateness");
        if (lateness < TimeSpan.Zero)
        {
            map.Report(ModelCode.BadValue, "'allowed_lateness' must not be negative.", "allowed_lateness");
        }

        map.Ignore("description", "label", "config", "meta");
        return new StreamDefinition(
            name, map.Required("semantic_model"), map.Text("source") ?? name, window ?? TimeSpan.FromMinutes(1), lateness ?? TimeSpan.Zero, map.Texts("tables"), map.Item);
    }

    /// <summary>Reads a saved query.</summary>
    public static SavedQuery SavedQuery(MapReader map, string name)
    {
        var parameters = map.Map("query_params", "query");
        if (parameters is null && !map.Has("query_params"))
        {
            map.Missing("query_params");
        }

        var query = parameters is null ? [] : QueryJson.SavedQuery(parameters);
        parameters?.Done();
        map.Ignore("label", "exports", "config", "meta", "tags", "cache");
        return new SavedQuery(name, map.Text("description"), query, map.Item);
    }

    /// <summary>Reads a time spine with a relation and a primary column.</summary>
    public static TimeSpine TimeSpine(MapReader map, string? otherName = null)
    {
        var primary = map.Map("primary_column", "'primary_column' mapping");
        if (primary is null && !map.Has("primary_column"))
        {
            map.Missing("primary_column");
        }

        var name = map.Text("name") ?? otherName;
        var table = !map.Has("node_relation") && !map.Has("model") && name is not null ? name : SemanticModelReader.Table(map);
        map.Ignore("node_relation", "model", "name");
        var spine = new TimeSpine(table, primary?.Required("name") ?? "", primary is null ? TimeGrain.Day : SpineGrain(primary, "time_granularity"), Custom(map), map.Item) { IsFiner = primary?.Text("time_granularity") is { } text && Spelling.IsTooFine(text) };
        primary?.Done();
        map.Done();
        return spine;
    }

    /// <summary>Reads the time spine of a dbt model, or null if the model is none.</summary>
    public static TimeSpine? TimeSpineOfModel(MapReader model)
    {
        if (model.Map("time_spine", "time spine") is not { } map)
        {
            return null;
        }

        if (map.Has("primary_column") || map.Has("node_relation"))
        {
            return TimeSpine(map, model.Text("name"));
        }

        var column = map.Required("standard_granularity_column");
        var grain = TimeGrain.Day;
        foreach (var written in model.Maps("columns", "column"))
        {
            if (written.Text("name") == column)
            {
                grain = SpineGrain(written, "granularity");
            }
        }

        var read = new TimeSpine(model.Required("name"), column, grain, Custom(map), map.Item);
        map.Done();
        return read;
    }

    /// <summary>Reads the older form in a project configuration.</summary>
    public static TimeSpine TimeSpineTable(MapReader map)
    {
        var spine = new TimeSpine(SemanticModelReader.TableOf(map.Required("location")), map.Required("column_name"), SpineGrain(map, "grain"), [], map.Item);
        map.Done();
        return spine;
    }

    private static ImmutableArray<(string Name, string Column)> Custom(MapReader map)
    {
        var custom = ImmutableArray.CreateBuilder<(string, string)>();
        foreach (var written in map.Maps("custom_granularities", "custom granularity").Concat(map.Maps("custom_granularity_columns", "custom granularity")))
        {
            var name = written.Required("name");
            custom.Add((name, written.Text("column_name") ?? name));
            written.Ignore("description", "config");
            written.Done();
        }

        return custom.ToImmutable();
    }

    private static TimeGrain SpineGrain(MapReader map, string key)
    {
        if (map.Raw(key) is null)
        {
            map.Missing(key);
        }

        return map.Text(key) is { } text && Spelling.IsTooFine(text) ? TimeGrain.Millisecond : map.Grain(key) ?? TimeGrain.Day;
    }

    private static TimeGrain? RequiredGrain(MapReader map, string key)
    {
        if (map.Raw(key) is null)
        {
            map.Missing(key);
        }

        return map.Grain(key);
    }
}
