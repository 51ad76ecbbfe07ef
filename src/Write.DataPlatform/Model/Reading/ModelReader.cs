using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Reading;

/// <summary>Reads a folder's documents into a model that may still break rules; whatever cannot be read is reported and left out.</summary>
internal sealed class ModelReader(ModelFiles files, ReadContext context)
{
    // What dbt keeps in the same files and has no meaning here.
    private static readonly string[] Foreign =
    [
        "version", "sources", "exposures", "seeds", "snapshots", "groups", "macros", "unit_tests", "data_tests", "analyses", "anchors", "functions",
    ];

    private readonly Dictionary<string, SemanticModel> _semanticModels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Metric> _metrics = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GoldTable> _goldTables = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Lookup> _lookups = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Insight> _insights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tenant> _tenants = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AccessRole> _roles = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StreamDefinition> _streams = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TimeSpine> _timeSpines = new(StringComparer.Ordinal);
    // MetricFlow's older form; it passes over a table that is also written in the newer one.
    private readonly List<TimeSpine> _olderSpines = [];
    private readonly Dictionary<string, SavedQuery> _savedQueries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Alert> _alerts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Report> _reports = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ModelTest> _tests = new(StringComparer.Ordinal);

    // Metrics that measures ask for, with the semantic model that may be switched off.
    private readonly List<(string SemanticModel, Metric Metric)> _created = [];
    private TimeZoneInfo _zone = TimeZoneInfo.Utc;
    private ModelCalendar _calendar = ModelCalendar.Iso;
    private SourcePosition? _settings;

    /// <summary>Reads every document.</summary>
    public MetricModel Read(IReadOnlyCollection<Written> documents)
    {
        var maps = documents.Where(d => d is not WrittenScalar { IsNull: true }).Select(Document).OfType<MapReader>().ToList();

        // The zone first: gold tables that name none take it, wherever it is written.
        maps.ForEach(Settings);
        maps.ForEach(Items);
        foreach (var spine in _olderSpines.Where(s => !_timeSpines.ContainsKey(s.Name)).ToList())
        {
            AddSpine(spine);
        }

        foreach (var (semanticModel, metric) in _created.Where(c => _semanticModels.ContainsKey(c.SemanticModel)))
        {
            Add(_metrics, metric.Name, metric, metric.Source, "metric");
        }

        var measures = ImmutableSortedDictionary.CreateBuilder<string, Measure>(StringComparer.Ordinal);
        foreach (var measure in _semanticModels.Values.SelectMany(m => m.Measures.Values))
        {
            if (!measures.TryAdd(measure.Name, measure))
            {
                var first = measures[measure.Name];
                context.Report(
                    ModelCode.DuplicateMeasure, $"The measure '{measure.Name}' is also in the semantic model '{first.SemanticModel}', at {first.Source}; a measure's name is unique in the whole model.", measure.Source);
            }
        }

        return new MetricModel
        {
            Revision = files.Revision,
            TimeZone = _zone,
            Calendar = _calendar,
            SemanticModels = _semanticModels.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Measures = measures.ToImmutable(),
            Metrics = _metrics.ToImmutableSortedDictionary(StringComparer.Ordinal),
            GoldTables = _goldTables.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Lookups = _lookups.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Insights = _insights.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Tenants = _tenants.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Roles = _roles.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Streams = _streams.ToImmutableSortedDictionary(StringComparer.Ordinal),
            TimeSpines = _timeSpines.ToImmutableSortedDictionary(StringComparer.Ordinal),
            SavedQueries = _savedQueries.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Tests = _tests.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Alerts = _alerts.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Reports = _reports.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Positions = context.Positions,
        };
    }

    private MapReader? Document(Written document)
    {
        if (document is WrittenMap map)
        {
            return new MapReader(map, context, "model file");
        }

        context.Report(ModelCode.BadValue, $"A document must be a mapping and not {document.Kind}.", document.Position);
        return null;
    }

    private void Settings(MapReader document)
    {
        if (document.Map("model", "model") is not { } map)
        {
            return;
        }

        var position = context.Positions.Find(document.Item, "model");
        if (_settings is not null)
        {
            context.Report(ModelCode.Duplicate, $"'model' is written twice; first at {_settings}.", position);
        }

        _settings ??= position;
        _zone = map.Zone("time_zone") ?? _zone;
        _calendar = new ModelCalendar(
            map.Choice<DayOfWeek>("week_start") ?? _calendar.WeekStart,
            map.Month("fiscal_year_start_month") ?? _calendar.FiscalYearStartMonth);
        map.Ignore("name", "description");
        map.Done();
    }

    private void Items(MapReader document)
    {
        Each(document, "semantic_models", "semantic_model", "semantic model", _semanticModels, Model);
        Each(document, "metrics", "metric", "metric", _metrics, MetricReader.Read);
        Each(document, "gold_tables", "gold_table", "gold table", _goldTables, (map, name) => ServingReader.GoldTable(map, name, _zone));
        Each(document, "lookups", "lookup", "lookup", _lookups, (map, name) => LookupReader.Read(map, name, files));
        Each(document, "insights", "insight", "insight", _insights, ServingReader.Insight);
        Each(document, "tenants", "tenant", "tenant", _tenants, ServingReader.Tenant);
        Each(document, "roles", "role", "role", _roles, RoleReader.Read);
        Each(document, "streams", "stream", "stream", _streams, ServingReader.Stream);
        Each(document, "saved_queries", "saved_query", "saved query", _savedQueries, ServingReader.SavedQuery);
        Each(document, "tests", "test", "test", _tests, TestReader.Read);
        Each(document, "alerts", "alert", "alert", _alerts, (map, name) => AlertReader.Alert(map, name, _zone));
        Each(document, "reports", "report", "report", _reports, (map, name) => AlertReader.Report(map, name, _zone));
        Spines(document, "time_spines");
        if (document.Map("time_spine", "time spine") is { } spine)
        {
            AddSpine(ServingReader.TimeSpine(spine));
        }

        if (document.Map("project_configuration", "project configuration") is { } project)
        {
            Spines(project, "time_spines");
            foreach (var table in project.Maps("time_spine_table_configurations", "time spine", asItems: true))
            {
                _olderSpines.Add(ServingReader.TimeSpineTable(table));
            }

            project.Ignore("dsi_package_version", "metadata");
            project.Done();
        }

        // Of dbt's own models only the time spines matter.
        foreach (var model in document.Maps("models", "model", asItems: true))
        {
            foreach (var key in model.Keys.Where(k => k is "semantic_model" or "metrics"))
            {
                model.Report(ModelCode.NotSupported, $"'{key}' inside a dbt model is not supported.", key, "Write it under 'semantic_models' and 'metrics'.");
            }

            if (ServingReader.TimeSpineOfModel(model) is { } read)
            {
                AddSpine(read);
            }
        }

        document.Ignore(Foreign);
        document.Done();
    }

    private SemanticModel Model(MapReader map, string name)
    {
        return SemanticModelReader.Read(map, name, metric => _created.Add((name, metric)));
    }

    private void Spines(MapReader map, string key)
    {
        foreach (var spine in map.Maps(key, "time spine", asItems: true))
        {
            AddSpine(ServingReader.TimeSpine(spine));
        }
    }

    private void AddSpine(TimeSpine spine)
    {
        if (spine.Name.Length > 0)
        {
            Add(_timeSpines, spine.Name, spine, spine.Source, "time spine");
        }
    }

    private void Each<T>(MapReader document, string list, string single, string what, Dictionary<string, T> items, Func<MapReader, string, T> read) where T : class
    {
        foreach (var map in document.Maps(list, what, asItems: true))
        {
            One(map);
        }

        if (document.Single(single, what) is { } one)
        {
            One(one);
        }

        void One(MapReader map)
        {
            var config = map.Map("config", "'config' mapping");
            var isEnabled = config?.Flag("enabled", otherwise: true) ?? true;
            var name = map.Required("name");
            var item = read(map, name);
            map.Done();
            if (isEnabled && name.Length > 0)
            {
                Add(items, name, item, map.Item, what);
            }
        }
    }

    private void Add<T>(Dictionary<string, T> items, string name, T item, SourcePosition source, string what)
    {
        if (!items.TryAdd(name, item))
        {
            var first = items[name] switch
            {
                SemanticModel x => x.Source,
                Metric x => x.Source,
                GoldTable x => x.Source,
                Lookup x => x.Source,
                Insight x => x.Source,
                Tenant x => x.Source,
                AccessRole x => x.Source,
                StreamDefinition x => x.Source,
                TimeSpine x => x.Source,
                SavedQuery x => x.Source,
                ModelTest x => x.Source,
                Alert x => x.Source,
                Report x => x.Source,
                _ => null,
            };
            context.Report(ModelCode.Duplicate, $"The {what} '{name}' is written twice; first at {first}.", source);
        }
    }
}
