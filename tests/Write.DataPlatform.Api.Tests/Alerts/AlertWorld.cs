using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>A small server with alerts, a receiver for its messages, and a clock that stands at the afternoon of 10 March 2026.</summary>
internal sealed class AlertWorld : IAsyncDisposable
{
    public const string Rules = """
        tenants:
          - { name: acme, where: "{{ Dimension('visit__country') }} = 'C1'" }
          - { name: other, where: "{{ Dimension('visit__country') }} = 'C2'" }
        insights:
          - name: by-country
            query: { metrics: [visits], group_by: [visit__country], time_range: { last: P30D } }
        alerts:
          - name: too-many
            description: More than nineteen seconds a country a day.
            severity: critical
            metric: seconds
            group_by: [visit__country]
            condition: { above: 19 }
            schedule: "0 * * * *"
            channel: ops
          - name: of-acme
            metric: visits
            condition: { below: 1 }
            schedule: "0 * * * *"
            tenant: acme
          - name: of-insight
            insight: by-country
            grain: week
            condition: { below: -10, against: previous_period }
            schedule: "0 * * * *"
          - name: late
            freshness: { gold_table: visits_daily, older_than: 90m }
            schedule: "0 * * * *"
        reports:
          - name: daily-visits
            insight: by-country
            format: csv
            schedule: { cron: "0 6 * * *", time_zone: Europe/Berlin }
            channel: ops
          - name: picture
            query: { metrics: [visits], group_by: [metric_time__day], time_range: { last: P7D } }
            format: svg
            schedule: "30 * * * *"
            tenant: acme
            channel: ops

        """;

    private AlertWorld(SmallServer server, Receiver receiver) => (Server, Receiver) = (server, receiver);

    public SmallServer Server { get; }

    public Receiver Receiver { get; }

    public AlertRunner Runner => Server.Services.GetRequiredService<AlertRunner>();

    public AlertOutbox Outbox => Server.Services.GetRequiredService<AlertOutbox>();

    public MetricModel Model => Server.Services.GetRequiredService<ModelStore>().Current;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <param name="settings">Settings beside those of the channel.</param>
    public static Task<AlertWorld> StartAsync(params (string Key, string Value)[] settings) => StartAsync(_ => { }, settings);

    /// <param name="configure">Puts services in the place of others.</param>
    /// <param name="settings">Settings beside those of the channel.</param>
    public static async Task<AlertWorld> StartAsync(Action<IServiceCollection> configure, params (string Key, string Value)[] settings)
    {
        var receiver = await Receiver.StartAsync();
        var server = new SmallServer
        {
            Configure = services =>
            {
                services.AddSingleton<TimeProvider>(new ServerFixture.ShiftedClock(new DateTime(2026, 3, 10, 15, 0, 1)));
                configure(services);
            },
        };
        File.AppendAllText(server.ModelFile, Rules);
        var world = new AlertWorld(server, receiver);
        await world.RestartAsync(settings);
        return world;
    }

    /// <summary>Begins anew over what is stored, an hour or more later.</summary>
    public async Task RestartAsync(params (string Key, string Value)[] settings)
    {
        await Server.StopAsync();
        await Server.StartAsync(settings: [("DataPlatform:Alerts:Channels:ops:Url", Receiver.Url), ("DataPlatform:Alerts:Channels:ops:Secret", Receiver.Secret), .. settings]);
    }

    /// <summary>Replaces a text of the model and waits for nothing: the server loads it at once.</summary>
    public void Change(string from, string to)
    {
        var text = File.ReadAllText(Server.ModelFile);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(Server.ModelFile, text.Replace(from, to, StringComparison.Ordinal));
        Server.Services.GetRequiredService<ModelStore>().Reload();
    }

    /// <summary>More of the model, in a file of its own.</summary>
    public void Add(string yaml)
    {
        File.WriteAllText(Path.Combine(Server.Models, "more.yaml"), yaml);
        Server.Services.GetRequiredService<ModelStore>().Reload();
        Assert.Null(Server.Services.GetRequiredService<ModelStore>().Status.Problems);
    }

    /// <summary>Waits for what others do.</summary>
    public static async Task UntilAsync(Func<Task<bool>> happens, string what)
    {
        for (var tries = 0; !await happens(); tries++)
        {
            Assert.True(tries < 600, what);
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancel);
        }
    }

    /// <summary>What is due an hour later.</summary>
    public async Task HourAsync()
    {
        Server.Advance(TimeSpan.FromHours(1));
        await PassAsync();
    }

    /// <summary>Does what is due now, and sends what waits.</summary>
    public async Task PassAsync()
    {
        await Runner.PassAsync(cancellationToken: Cancel);
        await Outbox.DeliverAsync(cancellationToken: Cancel);
    }

    /// <summary>Lets the waits between refusals pass, each as it comes, after the first attempt.</summary>
    public async Task RefusalsAsync()
    {
        for (var refusal = 1; refusal < AlertOutbox.Tries; refusal++)
        {
            Server.Advance(TimeSpan.FromSeconds((5 << (refusal - 1)) + 1));
            await Outbox.DeliverAsync(cancellationToken: Cancel);
        }
    }

    public async Task<JsonNode> AlertAsync(string name) => (await Server.GetAsync("/v1/alerts/" + name)).Body;

    /// <summary>Seconds by country of a day, by hand.</summary>
    public SortedDictionary<string, double> SecondsOf(string day) => new(
        SmallServer.Sql($"SELECT country, CAST(sum(seconds) AS BIGINT) FROM {Server.Files} WHERE CAST(started_at AS DATE) = DATE '{day}' GROUP BY 1")
            .ToDictionary(r => (string)r[0]!, r => Convert.ToDouble(r[1], CultureInfo.InvariantCulture)), StringComparer.Ordinal);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Receiver.DisposeAsync();
    }
}
