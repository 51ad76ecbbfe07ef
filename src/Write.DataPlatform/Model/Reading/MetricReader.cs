using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Reading;

/// <summary>Reads a metric of any type.</summary>
internal static class MetricReader
{
    private static readonly string[] ParameterKeys =
    [
        "measure", "numerator", "denominator", "expr", "metrics", "window", "grain_to_date", "cumulative_type_params", "conversion_type_params",
        "entity", "steps", "exclusions", "strict", "cohort", "returns", "period", "first_occurrence_only",
    ];

    private enum MetricType
    {
        Simple,
        Ratio,
        Derived,
        Cumulative,
        Conversion,
        Funnel,
        Retention,
    }

    private enum Calculation
    {
        ConversionRate,
        Conversions,
    }

    /// <summary>Reads one.</summary>
    public static Metric Read(MapReader map, string name)
    {
        var type = map.RequiredChoice<MetricType>("type");
        var isTyped = map.Has("type") && Spelling.Values<MetricType>.ByName.ContainsKey(map.Text("type") ?? "");
        var parameters = map.Map("type_params", $"{map.Text("type") ?? "metric"}'s 'type_params'");
        if (parameters is null && !map.Has("type_params"))
        {
            map.Missing("type_params");
        }

        if (parameters is not null && parameters.Has("metric_aggregation_params"))
        {
            parameters.Report(
                ModelCode.NotSupported, "Metrics that aggregate without a measure are not supported.", "metric_aggregation_params", "Write a measure and name it in 'measure'.");
        }

        Metric metric = (parameters is null ? null : (MetricType?)type) switch
        {
            MetricType.Ratio => new RatioMetric { Name = name, Source = map.Item, Numerator = Input(parameters!, "numerator"), Denominator = Input(parameters!, "denominator") },
            MetricType.Derived => Derived(map, parameters!, name),
            MetricType.Cumulative => Cumulative(map, parameters!, name),
            MetricType.Conversion => Conversion(map, parameters!, name),
            MetricType.Funnel => Funnel(map, parameters!, name),
            MetricType.Retention => Retention(map, parameters!, name),
            _ => new SimpleMetric { Name = name, Source = map.Item, Measure = parameters is null || !isTyped ? new MeasureInput("") : Measure(parameters, "measure") },
        };
        if (!isTyped)
        {
            parameters?.Ignore(ParameterKeys);
        }

        parameters?.Done();
        var config = map.Map("config", "'config' mapping");
        var meta = config?.Map("meta", "'meta' mapping");
        var ownMeta = map.Map("meta", "'meta' mapping");
        map.Ignore("tags", "group", "access");
        return metric with
        {
            Label = map.Text("label"),
            TimeGranularity = map.Text("time_granularity") is { } grain && Spelling.IsTooFine(grain) ? TimeGrain.Millisecond : map.Grain("time_granularity"),
            Description = map.Text("description"),
            Unit = meta?.Text("unit") ?? ownMeta?.Text("unit"),
            Owner = meta?.Text("owner") ?? ownMeta?.Text("owner"),
            Format = meta?.Text("format") ?? ownMeta?.Text("format"),
            Filter = map.Filter("filter"),
        };
    }

    private static DerivedMetric Derived(MapReader map, MapReader parameters, string name)
    {
        var metrics = parameters.References("metrics", "metric input", metric => new MetricInput(metric), Input);
        if (!parameters.Has("metrics"))
        {
            parameters.Missing("metrics");
        }

        return new DerivedMetric { Name = name, Source = map.Item, Expr = parameters.Required("expr"), Metrics = metrics };
    }

    private static CumulativeMetric Cumulative(MapReader map, MapReader parameters, string name)
    {
        var own = parameters.Map("cumulative_type_params", "'cumulative_type_params' mapping");
        if (own is not null && own.Has("metric"))
        {
            own.Report(ModelCode.NotSupported, "Cumulative metrics over a metric are not supported.", "metric", "Name the measure in 'measure'.");
        }

        var metric = new CumulativeMetric
        {
            Name = name,
            Source = map.Item,
            Measure = Measure(parameters, "measure"),
            Window = own?.Period("window") ?? parameters.Period("window"),
            GrainToDate = own?.Grain("grain_to_date") ?? parameters.Grain("grain_to_date"),
            PeriodAggregation = own?.Choice<PeriodAggregation>("period_agg") ?? PeriodAggregation.First,
        };
        parameters.Ignore("window", "grain_to_date");
        own?.Done();
        return metric;
    }

    private static ConversionMetric Conversion(MapReader map, MapReader parameters, string name)
    {
        var own = parameters.Map("conversion_type_params", "'conversion_type_params' mapping");
        if (own is null)
        {
            if (!parameters.Has("conversion_type_params"))
            {
                parameters.Missing("conversion_type_params");
            }

            return new ConversionMetric { Name = name, Source = map.Item, BaseMeasure = new(""), ConversionMeasure = new(""), Entity = "" };
        }

        var properties = ImmutableArray.CreateBuilder<(string Base, string Conversion)>();
        foreach (var property in own.Maps("constant_properties", "constant property"))
        {
            properties.Add((property.Required("base_property"), property.Required("conversion_property")));
            property.Done();
        }

        var metric = new ConversionMetric
        {
            Name = name,
            Source = map.Item,
            BaseMeasure = Measure(own, "base_measure"),
            ConversionMeasure = Measure(own, "conversion_measure"),
            Entity = own.Required("entity"),
            IsRate = own.Choice<Calculation>("calculation") is not Calculation.Conversions,
            Window = own.Period("window"),
            ConstantProperties = properties.ToImmutable(),
        };
        own.Done();
        return metric;
    }

    private static FunnelMetric Funnel(MapReader map, MapReader parameters, string name)
    {
        var steps = ImmutableArray.CreateBuilder<(string Name, MeasureInput Measure)>();
        foreach (var step in parameters.Maps("steps", "step"))
        {
            var measure = Measure(step, "measure");
            steps.Add((step.Text("name") ?? measure.Measure, measure with { Filter = Filter.And(measure.Filter, step.Filter("filter")) }));
            step.Done();
        }

        if (!parameters.Has("steps"))
        {
            parameters.Missing("steps");
        }

        return new FunnelMetric
        {
            Name = name,
            Source = map.Item,
            Entity = parameters.Required("entity"),
            Steps = steps.ToImmutable(),
            Exclusions = parameters.References("exclusions", "measure input", measure => new MeasureInput(measure), Measure),
            Window = parameters.Period("window"),
            IsStrict = parameters.Flag("strict"),
        };
    }

    private static RetentionMetric Retention(MapReader map, MapReader parameters, string name)
    {
        if (!parameters.Has("returns"))
        {
            parameters.Missing("returns");
        }

        return new RetentionMetric
        {
            Name = name,
            Source = map.Item,
            Entity = parameters.Required("entity"),
            CohortMeasure = Measure(parameters, "cohort"),
            ReturnMeasures = parameters.References("returns", "measure input", measure => new MeasureInput(measure), Measure),
            Period = parameters.Grain("period") ?? TimeGrain.Day,
            FirstOccurrenceOnly = parameters.Flag("first_occurrence_only", otherwise: true),
        };
    }

    private static MeasureInput Measure(MapReader map, string key)
    {
        var measure = map.Reference(key, "measure input", name => new MeasureInput(name), Measure);
        if (measure is null && !(map.Has(key) && map.Raw(key) is not null))
        {
            map.Missing(key);
        }

        return measure ?? new MeasureInput("");
    }

    private static MeasureInput Measure(MapReader map)
    {
        map.Ignore("alias");
        return new MeasureInput(map.Required("name"), map.Filter("filter"), map.Flag("join_to_timespine"), map.Integer("fill_nulls_with"));
    }

    private static MetricInput Input(MapReader map, string key)
    {
        var input = map.Reference(key, "metric input", name => new MetricInput(name), Input);
        if (input is null && map.Raw(key) is null)
        {
            map.Missing(key);
        }

        return input ?? new MetricInput("");
    }

    private static MetricInput Input(MapReader map)
    {
        var custom = map.Text("offset_window") is { } text ? Spelling.CustomPeriod(text) : null;
        return new MetricInput(
            map.Required("name"), map.Text("alias"), map.Filter("filter"), custom is null ? map.Period("offset_window") : null, map.Grain("offset_to_grain"), custom);
    }
}
