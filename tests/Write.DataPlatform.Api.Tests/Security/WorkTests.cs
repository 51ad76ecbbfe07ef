using System.Collections.Concurrent;
using System.Net;
using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Sqlite;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;

namespace Write.DataPlatform.Api.Tests.Security;

/// <summary>
/// How long a refusal takes must not tell a caller what exists: whatever it asks for that is hidden makes lake and gold store do what a name does that never was. Counted in
/// calls, for a clock would tell of the machine.
/// </summary>
public sealed class WorkTests
{
    private const string More = """
        metrics:
          - { name: seconds_a_visit, type: ratio, type_params: { numerator: seconds, denominator: visits } }
        insights:
          - { name: by-country, audience: external, query: { metrics: [visits], group_by: [visit__country] } }
          - { name: by-seconds, audience: external, query: { metrics: [seconds] } }
          - { name: of-the-company, query: { metrics: [visits] } }
        saved_queries:
          - { name: plain, query_params: { metrics: [visits] } }
        tenants:
          - { name: acme, where: "{{ Dimension('visit__country') }} = 'C1'" }
          - { name: globex, where: "{{ Dimension('visit__country') }} = 'C2'" }
        roles:
          - name: customer
            metrics: { excludes: ["seconds*"] }
            dimensions: { excludes: [visit__started_at] }
        """;

    private static readonly string Model = VisitsModel.Text("month", """
          - { name: visits_daily, metrics: [visits], group_by: [visit__country], grain: day, partition: month, audience: external, refresh: { cron: "0 4 1 1 *" } }
          - { name: seconds_daily, metrics: [seconds], group_by: [visit__country], grain: day, partition: month, audience: external, refresh: { cron: "0 4 1 1 *" } }
        """);

    /// <summary>What is asked, with a place for the name; the name that is hidden, and one that never was.</summary>
    private static readonly (string Question, string Hidden, string Never)[] Questions =
    [
        ("GET /v1/query?metrics={name}", "seconds", "minutes"),
        ("GET /v1/query?metrics=visits,{name}&groupBy=visit__country&source=lake", "seconds_a_visit", "minutes_a_visit"),
        ("POST /v1/query {\"metrics\":[\"visits\"],\"having\":{\"field\":\"{name}\",\"op\":\"gt\",\"values\":[1]}}", "seconds", "minutes"),
        ("POST /v1/query {\"metrics\":[\"visits\"],\"where\":{\"field\":\"{name}__day\",\"op\":\"gt\",\"values\":[\"2026-01-02\"]},\"source\":\"lake\"}", "visit__started_at", "visit__stopped_at"),
        ("POST /v1/query {\"metrics\":[\"visits\"],\"source\":\"{name}\"}", "seconds_daily", "minutes_daily"),
        ("GET /v1/metrics/{name}", "seconds", "minutes"),
        ("GET /v1/dimensions?metrics={name}", "seconds", "minutes"),
        ("GET /v1/dimensions/visit__country/values?metrics={name}", "seconds", "minutes"),
        ("GET /v1/dimensions/{name}/values", "visit__started_at", "visit__stopped_at"),
        ("GET /v1/insights/{name}", "by-seconds", "by-minutes"),
        ("GET /v1/insights/{name}.svg", "by-seconds", "by-minutes"),
        ("GET /v1/insights/{name}", "of-the-company", "of-the-orchard"),
        ("GET /v1/saved-queries/{name}", "plain", "plane"),
        ("GET /odata/{name}", "seconds_daily", "minutes_daily"),
        ("GET /odata/metrics?$apply=aggregate({name})", "seconds", "minutes"),
        ("GET /v1/queries/{name}", "{job}", "{never}"),
        ("DELETE /v1/queries/{name}", "{job}", "{never}"),
        ("GET /v1/gold/{name}", "seconds_daily", "minutes_daily"),
        ("GET /v1/runs/{name}", "{run}", "{never}"),
        // Values that are another customer's, and nobody's.
        ("GET /v1/query?metrics=visits&groupBy=visit__country&source=lake&where={\"field\":\"visit__country\",\"op\":\"equals\",\"values\":[\"{name}\"]}", "C2", "C9"),
        ("GET /v1/query?metrics=visits&groupBy=visit__country&source=gold&where={\"field\":\"visit__country\",\"op\":\"equals\",\"values\":[\"{name}\"]}", "C2", "C9"),
        ("GET /v1/dimensions/visit__country/values?search={name}", "C2", "C9"),
        ("GET /odata/visits_daily?$filter=country eq '{name}'", "C2", "C9"),
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Hidden_names_take_the_work_of_names_that_never_were()
    {
        await using var server = await StartAsync();
        var ids = await IdsAsync(server);
        var key = await server.KeyAsync("acme");
        var work = server.Services.GetRequiredService<Work>();
        async Task<(HttpStatusCode Status, string Body, string Calls)> AskAsync(string question, string name)
        {
            name = ids.GetValueOrDefault(name, name);
            var parts = question.Replace("{name}", name, StringComparison.Ordinal).Split(' ', 3);
            var (path, json) = parts[0] == "POST" ? (parts[1], parts[2]) : (string.Join("%20", parts[1..]).Replace("\"", "%22", StringComparison.Ordinal), null);
            work.Reset();
            var (status, body, _) = await TwinServers.SendAsync(server.Client, key, new HttpMethod(parts[0]), path, json);
            return (status, TwinServers.Comparable(body).Replace(name, "NAME", StringComparison.Ordinal), work.Told());
        }

        foreach (var (question, hidden, never) in Questions)
        {
            // Whatever the first of its kind makes ready is there.
            await AskAsync(question, "x" + never);
            var (one, other) = (await AskAsync(question, never), await AskAsync(question, hidden));
            Assert.True(one == other, $"{question}\n{never}: {one}\n{hidden}: {other}");
        }
    }

    /// <summary>The count sees what it should: names that may be asked for make work, and those that are hidden make none.</summary>
    [Fact]
    public async Task Work_is_seen()
    {
        await using var server = await StartAsync();
        var work = server.Services.GetRequiredService<Work>();
        foreach (var (source, call) in new[] { ("lake", "ILake.QueryAsync"), ("gold", "IGoldStore.") })
        {
            work.Reset();
            Assert.Equal(HttpStatusCode.OK, (await TwinServers.SendAsync(server.Client, await server.KeyAsync("acme"), HttpMethod.Get, $"/v1/query?metrics=visits&groupBy=visit__country&source={source}")).Status);
            Assert.Contains(call, work.Told(), StringComparison.Ordinal);
        }
    }

    private static async Task<SmallServer> StartAsync()
    {
        var server = new SmallServer { Configure = Work.Count };
        await File.WriteAllTextAsync(server.ModelFile, Model, Cancel);
        await File.WriteAllTextAsync(Path.Combine(server.Models, "more.yaml"), More, Cancel);
        await server.StartAsync();
        await server.RefreshAsync();
        return server;
    }

    /// <summary>What globex has, and what nobody has, by the place of it.</summary>
    private static async Task<Dictionary<string, string>> IdsAsync(SmallServer server)
    {
        var (_, accepted, _) = await TwinServers.SendAsync(
            server.Client, await server.KeyAsync("globex"), HttpMethod.Post, "/v1/query", """{"metrics":["visits"],"source":"lake"}""", ("Prefer", "respond-async, wait=0"));
        var job = (string)JsonNode.Parse(accepted)!["id"]!;
        var run = await server.Services.GetRequiredService<RunLedger>().ListAsync(cancellationToken: Cancel).FirstAsync(Cancel);
        return new() { ["{job}"] = job, ["{run}"] = run.Id, ["{never}"] = Guid.NewGuid().ToString("N") };
    }

    /// <summary>The calls of lake and gold store.</summary>
    private sealed class Work
    {
        private readonly ConcurrentQueue<string> _calls = [];

        /// <summary>Puts a counted lake and a counted store in the place of the embedded ones.</summary>
        public static void Count(IServiceCollection services)
        {
            services.AddSingleton<Work>();
            services.AddSingleton(provider => new DuckDbLake(provider.GetRequiredService<IOptions<LakeOptions>>().Value, provider.GetRequiredService<TimeProvider>()));
            services.AddSingleton<ILake>(provider => Counted<ILake>.Of(provider.GetRequiredService<DuckDbLake>(), provider.GetRequiredService<Work>()));
            services.AddSingleton<IGoldStore>(provider => Counted<IGoldStore>.Of(
                new SqliteGoldStore(provider.GetRequiredService<IOptions<GoldOptions>>().Value.Path!, provider.GetRequiredService<TimeProvider>()), provider.GetRequiredService<Work>()));
        }

        public void Reset() => _calls.Clear();

        /// <summary>The calls, in the order of their names: those that go on at once may begin in any.</summary>
        public string Told() => string.Join('\n', _calls.Order(StringComparer.Ordinal));

        public void Add(string call) => _calls.Enqueue(call);
    }

    private class Counted<T> : DispatchProxy
        where T : class
    {
        private T _inner = null!;
        private Work _work = null!;

        public static T Of(T inner, Work work)
        {
            var proxy = Create<T, Counted<T>>();
            (((Counted<T>)(object)proxy)._inner, ((Counted<T>)(object)proxy)._work) = (inner, work);
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            // When a key was last used is written down now and then, by whoever comes next.
            if (!targetMethod!.IsSpecialName && !(args ?? []).Any(a => a is string pk && pk.StartsWith("key", StringComparison.Ordinal)))
            {
                _work.Add($"{typeof(T).Name}.{targetMethod.Name}");
            }

            return targetMethod.Invoke(_inner, BindingFlags.DoNotWrapExceptions, null, args, null);
        }
    }
}
