using System.Globalization;
using Write.DataPlatform.DuckDb;

namespace Write.DataPlatform.Chaos;

/// <summary>Which of its forms the model has.</summary>
internal enum ModelForm
{
    /// <summary>As it was at first.</summary>
    Plain,

    /// <summary>With one metric more, which the gold tables hold.</summary>
    WithMetric,

    /// <summary>With one dimension more in the gold table of tenants.</summary>
    WithDimension,

    /// <summary>With mistakes: it must be refused, and the one before goes on.</summary>
    Broken,
}

/// <summary>The folders of a run: the model, and the data on a disk of its own that can be filled.</summary>
internal sealed class Place : IAsyncDisposable
{
    /// <summary>The stream, its source, and the lake's table.</summary>
    public const string Stream = "plays";

    /// <summary>The metric that <see cref="ModelForm.WithMetric"/> has.</summary>
    public const string OptionalMetric = "large_plays";

    /// <summary>Amounts above it are large.</summary>
    public const int Large = 500_000;

    private const string DiskSize = "256m";

    private readonly string _root;
    private bool _isMounted;

    private Place(string root) => _root = root;

    /// <summary>Names so long that no cursor's letters spell one by chance.</summary>
    public static IReadOnlyList<string> Tenants { get; } = ["umbrella", "globular", "initech"];

    public string Data => Path.Combine(_root, "disk", "data");

    public string Lake => Path.Combine(Data, "lake");

    public string Gold => Path.Combine(Data, "gold.db");

    public string Models => Path.Combine(_root, "models");

    public string Log => Path.Combine(_root, "server.log");

    /// <summary>The file that says what time it is for the server.</summary>
    public string Clock => Path.Combine(_root, "clock");

    /// <summary>Takes what is left of the disk.</summary>
    public string Ballast => Path.Combine(_root, "disk", "ballast");

    /// <summary>Why the disk cannot be filled; null if it can.</summary>
    public string? NoDisk { get; private set; }

    /// <summary>Whether the folder stays when all is over.</summary>
    public bool IsKept { get; set; }

    public string Root => _root;

    /// <summary>Makes the folders, mounts a small disk if the system lets, and writes the model.</summary>
    public static async Task<Place> CreateAsync(CancellationToken cancellationToken)
    {
        var place = new Place(Directory.CreateTempSubdirectory("wdp-chaos-").FullName);
        try
        {
            var disk = Directory.CreateDirectory(Path.Combine(place._root, "disk")).FullName;
            place.NoDisk = OperatingSystem.IsLinux() ? await Shell.RunAsync("mount", ["-t", "tmpfs", "-o", "size=" + DiskSize, "wdp-chaos", disk], cancellationToken) : "only Linux mounts a file system in memory";
            place._isMounted = place.NoDisk is null;
            Directory.CreateDirectory(place.Models);
            place.Write(ModelForm.Plain);
            return place;
        }
        catch
        {
            await place.DisposeAsync();
            throw;
        }
    }

    /// <summary>Puts a form of the model in the place of the one before, as a deployment does: by a rename.</summary>
    public void Write(ModelForm form)
    {
        var file = Path.Combine(Models, ".model.new");
        File.WriteAllText(file, Text(form));
        File.Move(file, Path.Combine(Models, "model.yaml"), overwrite: true);
    }

    public async ValueTask DisposeAsync()
    {
        if (IsKept)
        {
            return;
        }

        if (_isMounted)
        {
            await Shell.RunAsync("umount", ["-l", Path.Combine(_root, "disk")], CancellationToken.None);
        }

        Directory.Delete(_root, recursive: true);
    }

    /// <summary>Puts the lake's first events there.</summary>
    public async Task MakeLakeAsync(IEnumerable<Play> first, CancellationToken cancellationToken)
    {
        var rows = string.Join(",\n", first.Select(p => string.Create(CultureInfo.InvariantCulture, $"({p.Id}, '{p.Tenant}', '{p.Item}', TIMESTAMP '{p.Time:yyyy-MM-dd HH:mm:ss.fff}', {p.Amount}, {p.Listener})")));
        await using var duck = new DuckDbInstance(new DuckDbSettings());
        await using var session = await duck.OpenAsync(cancellationToken);
        Directory.CreateDirectory(Lake);
        await session.ExecuteAsync(
            $"""
            COPY (SELECT CAST(a AS BIGINT) AS id, b AS customer, c AS item, d AS played_at, CAST(e AS BIGINT) AS amount, CAST(f AS BIGINT) AS listener, strftime(d, '%Y-%m-%d') AS day FROM (VALUES {rows}) AS t(a, b, c, d, e, f))
            TO '{Path.Combine(Lake, Stream)}' (FORMAT parquet, PARTITION_BY (day))
            """,
            cancellationToken);
    }

    private static string Text(ModelForm form)
    {
        var metric = form == ModelForm.WithMetric ? $", {OptionalMetric}" : "";
        var dimension = form == ModelForm.WithDimension ? ", play__customer" : "";
        return $$$"""
            model: { time_zone: UTC }
            semantic_models:
              - name: plays
                model: ref('plays')
                defaults: { agg_time_dimension: played_at }
                entities:
                  - { name: play, type: primary, expr: id }
                dimensions:
                  - { name: played_at, type: time, type_params: { time_granularity: second } }
                  - { name: partition_day, type: time, expr: day, is_partition: true, partitions: played_at, type_params: { time_granularity: day } }
                  - { name: customer, type: categorical }
                  - { name: item, type: categorical }
                measures:
                  - { name: play_count, agg: {{{(form == ModelForm.Broken ? "conut" : "count")}}}, expr: id }
                  - { name: amount_sum, agg: sum, expr: amount }
                  - { name: large_count, agg: sum_boolean, expr: amount > {{{Large.ToString(CultureInfo.InvariantCulture)}}} }
                  - { name: listener_count, agg: count_distinct, expr: listener }
            metrics:
              - { name: plays, type: simple, type_params: { measure: play_count } }
              - { name: amount, type: simple, type_params: { measure: amount_sum } }
              - { name: listeners, type: simple, type_params: { measure: listener_count } }
            {{{(form == ModelForm.WithMetric ? $"  - {{ name: {OptionalMetric}, type: simple, type_params: {{ measure: large_count }} }}" : "")}}}
            gold_tables:
              - name: plays_by_minute
                audience: external
                metrics: [plays, amount{{{metric}}}]
                group_by: [play__item{{{dimension}}}]
                grain: minute
                partition: day
                refresh: { cron: "*/10 * * * * *" }
              - name: plays_by_day
                metrics: [plays, amount, listeners{{{metric}}}]
                group_by: [play__customer, play__item]
                grain: day
                partition: month
                refresh: { cron: "5/15 * * * * *" }
            insights:
              - name: plays-by-minute
                description: Plays by minute and item
                audience: external
                query: { metrics: [plays, amount], group_by: [metric_time__minute, play__item], time_range: { last: PT1H } }
                parameters:
                  - { name: from, sets: timeRange.from }
                  - { name: to, sets: timeRange.to }
            tenants:
            {{{string.Join('\n', Tenants.Select(t => $"  - {{ name: {t}, where: \"{{{{ Dimension('play__customer') }}}} = '{t}'\" }}"))}}}
            streams:
              - { name: plays, semantic_model: plays, source: plays, window: 10s, allowed_lateness: 10s, tables: [plays_by_minute, plays_by_day] }

            """;
    }
}
