using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Model;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Tests.Security;

/// <summary>
/// Two servers, the oracle of what must not be seen. The first has all customers' rows and a role that hides names; its twin has no other customer's rows in its lake
/// and no hidden name in its model. What a customer's key is answered by the first must be what the twin answers.
/// </summary>
public sealed partial class TwinServers : IAsyncLifetime
{
    /// <summary>What stands in nothing that acme may see: another customer's values, hidden names, and what lies behind the server.</summary>
    internal static readonly string[] Canaries =
        ["Wakanda", "Atlantis", "globex", "platinum", "goldentier", "revenue", "margin", "echelon", "budget", "inner-circle", "regional", "visits_by_s", "read_parquet", "SELECT ", "wdp-twin", "   at Write.", "lake_0", "a.parquet"];

    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-twin-").FullName;
    private readonly List<WebApplication> _apps = [];

    internal HttpClient Full { get; private set; } = null!;

    internal HttpClient Twin { get; private set; } = null!;

    /// <summary>Acme's keys, at the server with everybody's rows and at its twin.</summary>
    internal string FullKey { get; private set; } = "";

    internal string TwinKey { get; private set; } = "";

    /// <summary>A key of another customer, at the server with everybody's rows.</summary>
    internal string OtherKey { get; private set; } = "";

    internal string FullFiles => $"read_parquet('{_folder}/full/lake/visits/*.parquet')";

    internal IServiceProvider Services => _apps[0].Services;

    /// <summary>What the identity provider signs with, and the file in which the server finds its public half.</summary>
    internal RSA SigningKey { get; } = RSA.Create(2048);

    internal string KeySetFile => Path.Combine(_folder, "jwks.json");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(KeySetFile, TokenMaker.KeySet(("one", SigningKey)), Cancel);
        Full = await StartAsync("full", isTwin: false);
        Twin = await StartAsync("twin", isTwin: true);
        FullKey = await KeyAsync(0, new KeyGrant(null, KeyGrant.Plain.Attributes));
        TwinKey = await KeyAsync(1, KeyGrant.Plain);
        OtherKey = await KeyAsync(0, KeyGrant.Plain, "globex");
    }

    internal async Task<string> KeyAsync(int server, KeyGrant grant, string? tenant = "acme") =>
        (await _apps[server].Services.GetRequiredService<ApiKeys>().CreateAsync("test", tenant is null ? KeyRole.Analyst : KeyRole.Customer, tenant, null, grant, Cancel)).Text;

    /// <summary>A token of the identity provider, good for a day at both servers.</summary>
    internal string TokenOf(params (string Name, JsonNode? Value)[] claims)
    {
        var now = Services.GetRequiredService<TimeProvider>().GetUtcNow();
        return TokenMaker.Sign(SigningKey, TokenMaker.Claims(now, [.. claims, ("exp", now.AddDays(1).ToUnixTimeSeconds())]));
    }

    internal static async Task<(HttpStatusCode Status, string Body, string Headers)> SendAsync(HttpClient client, string? key, HttpMethod method, string path, string? json = null, params (string Name, string Value)[] headers)
    {
        // The path goes out as it is written, its dots and slashes too.
        var isRaw = path.All(c => char.IsAscii(c) && c > ' ');
        using var request = new HttpRequestMessage(method, new Uri(client.BaseAddress!.GetLeftPart(UriPartial.Authority) + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = isRaw }));
        if (json is not null)
        {
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        }

        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + key);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await client.SendAsync(request, Cancel);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Cancel), response.Headers.ToString() + response.Content.Headers);
    }

    internal async Task<(HttpStatusCode Status, JsonNode Body)> AskAsync(string key, string query)
    {
        var (status, body, _) = await SendAsync(Full, key, HttpMethod.Post, "/v1/query", query);
        return (status, JsonNode.Parse(body)!);
    }

    /// <summary>An answer without what two servers differ in by nature: their addresses, traces, tags, revisions of tables and pages.</summary>
    internal static string Comparable(string body)
    {
        body = Port().Replace(body, "http://server");
        body = Token().Replace(body, "TOKEN");
        // An event of the Model Context Protocol.
        body = body.StartsWith("event:", StringComparison.Ordinal) ? body[(body.IndexOf("data:", StringComparison.Ordinal) + "data:".Length)..] : body;
        try
        {
            var json = JsonNode.Parse(body);
            Strip(json);
            return json?.ToJsonString() ?? "null";
        }
        catch (System.Text.Json.JsonException)
        {
            return body;
        }
    }

    private static void Strip(JsonNode? node)
    {
        if (node is JsonArray array)
        {
            foreach (var item in array)
            {
                Strip(item);
            }
        }

        if (node is not JsonObject map)
        {
            return;
        }

        foreach (var name in new[] { "traceId", "served", "goldTables", "examples", "example", "etag", "loaded_at", "modelRevision", "content-length" })
        {
            map.Remove(name);
        }

        if (map["next"] is JsonValue)
        {
            map["next"] = "TOKEN";
        }

        if (map["text"] is JsonValue said && said.TryGetValue<string>(out var text))
        {
            map["text"] = Comparable(text);
        }

        foreach (var (_, item) in map)
        {
            Strip(item);
        }
    }

    private async Task<HttpClient> StartAsync(string name, bool isTwin)
    {
        var folder = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.Combine(folder, "lake", "visits"));
        Directory.CreateDirectory(Path.Combine(folder, "lake", "shows"));
        Directory.CreateDirectory(Path.Combine(folder, "models"));
        await File.WriteAllTextAsync(Path.Combine(folder, "models", "model.yaml"), Model(isTwin), Cancel);
        // Every number differs by customer, so that a sum over the wrong rows is another one.
        SmallServer.Sql($"""
            COPY (
              SELECT i AS id, TIMESTAMP '2026-01-01' + to_minutes(i * 61 % 129600) AS started_at, CASE i % 3 WHEN 0 THEN 'globex' WHEN 1 THEN 'acme' ELSE 'initech' END AS customer,
                CASE WHEN i % 3 = 0 THEN ['Wakanda', 'Atlantis', 'FR'][i % 3 + i // 3 % 3 + 1] ELSE ['FR', 'DE', 'IT'][i // 3 % 3 + 1] END AS country,
                i // 7 % 4 AS device, ['platinum', 'goldentier', 'plain'][i // 5 % 3 + 1] AS echelon, i % 97 AS seconds, i * 0.5 AS revenue, 's' || (i % 11) AS show_id
              FROM range(3000) AS r(i) {(isTwin ? "WHERE i % 3 = 1" : "")})
            TO '{folder}/lake/visits/a.parquet' (FORMAT parquet)
            """);
        SmallServer.Sql($"COPY (SELECT 's' || i AS show_id, 'genre' || (i % 3) AS genre, 'budget' || (i % 2) AS budget FROM range(11) AS r(i)) TO '{folder}/lake/shows/a.parquet' (FORMAT parquet)");
        var (app, client) = await ServerFixture.StartAsync(
            Path.Combine(folder, "data"), Role.Api, ("DataPlatform:Models", Path.Combine(folder, "models")), ("DataPlatform:Lake:Path", Path.Combine(folder, "lake")),
            ("DataPlatform:Jwt:Keys", KeySetFile), ("DataPlatform:Jwt:Issuers:0", TokenMaker.Issuer), ("DataPlatform:Jwt:Audiences:0", TokenMaker.Audience),
            ("DataPlatform:Jwt:InternalRoles:0", "analyst"), ("DataPlatform:Jwt:InternalRoles:1", "operator"), ("DataPlatform:Jwt:InternalRoles:2", "regional"));
        _apps.Add(app);
        foreach (var table in app.Services.GetRequiredService<ModelStore>().Current.GoldTables.Keys)
        {
            await app.Services.GetRequiredService<RefreshService>().RunAsync(table, new RefreshRange(), Gold.RunTrigger.Manual, null, Cancel);
        }

        return client;
    }

    private static string Model(bool isTwin)
    {
        string Full(string text) => isTwin ? "" : text;
        return $$"""
            model: { time_zone: UTC }
            semantic_models:
              - name: visits
                model: ref('visits')
                defaults: { agg_time_dimension: started_at }
                entities:
                  - { name: visit, type: primary, expr: id }
                  - { name: show, type: foreign, expr: show_id }
                dimensions:
                  - { name: started_at, type: time, type_params: { time_granularity: second } }
                  - { name: customer, type: categorical }
                  - { name: country, type: categorical }
                  - { name: device, type: categorical }
            {{Full("      - { name: echelon, type: categorical }")}}
                measures:
                  - { name: visits, agg: count, expr: 1 }
                  - { name: seconds, agg: sum }
                  - { name: shows, agg: count_distinct, expr: show_id }
            {{Full("      - { name: revenue, agg: sum }")}}
              - name: shows
                model: ref('shows')
                entities:
                  - { name: show, type: primary, expr: show_id }
                dimensions:
                  - { name: genre, type: categorical }
            {{Full("      - { name: budget, type: categorical }")}}
            metrics:
              - { name: visits, type: simple, type_params: { measure: visits } }
              - { name: seconds, type: simple, type_params: { measure: seconds } }
              - { name: shows_seen, type: simple, type_params: { measure: shows } }
              - { name: seconds_a_visit, type: ratio, type_params: { numerator: seconds, denominator: visits } }
            {{Full("""
              - { name: revenue, type: simple, type_params: { measure: revenue } }
              - { name: margin, type: ratio, type_params: { numerator: revenue, denominator: visits } }
            """)}}
            gold_tables:
              - { name: visits_daily, metrics: [visits, seconds], group_by: [visit__country, visit__device], grain: day, partition: month, refresh: { cron: "0 4 1 1 *" } }
              - { name: customers_daily, metrics: [visits, seconds], group_by: [visit__country], grain: day, partition: month, audience: external, refresh: { cron: "0 4 1 1 *" } }
            {{Full("""
              - { name: visits_by_s, metrics: [revenue], group_by: [visit__echelon], grain: day, partition: month, audience: external, refresh: { cron: "0 4 1 1 *" } }
            """)}}
            insights:
              - name: by-country
                audience: external
                query: { metrics: [visits, seconds], group_by: [visit__country] }
                parameters:
                  - { name: country, field: visit__country, multiple: true }
                  - { name: by, sets: groupBy, multiple: true }
                  - { name: from, sets: timeRange.from }
              - { name: inside, query: { metrics: [visits] } }
            {{Full("""
              - { name: inner-circle, audience: external, query: { metrics: [visits] } }
              - { name: revenue-report, audience: external, query: { metrics: [revenue], group_by: [metric_time__month] } }
              - { name: by-echelon, audience: external, query: { metrics: [visits] }, parameters: [ { name: echelon, field: visit__echelon } ] }
              - { name: by-budget, audience: external, query: { metrics: [visits] }, parameters: [ { name: by, sets: groupBy, values: [visit__country, show__budget] } ] }
            """)}}
            saved_queries:
              - { name: plain, query_params: { metrics: [visits], group_by: ["Dimension('visit__country')"] } }
            tenants:
              - { name: acme, where: "{{"{{ Dimension('visit__customer') }}"}} = 'acme'" }
            {{Full($$"""
              - { name: globex, where: "{{"{{ Dimension('visit__customer') }}"}} = 'globex'" }
              - { name: initech, where: "{{"{{ Dimension('visit__customer') }}"}} = 'initech'", role: open }
            roles:
              - name: customer
                metrics: { excludes: [revenue, "marg*"] }
                dimensions: { excludes: [visit__echelon, "show__budget"] }
                insights: { excludes: [inner-circle] }
              - name: open
                metrics: { excludes: [margin] }
              - name: regional
                metrics: { includes: [visits, "seconds*", revenue] }
                dimensions: { includes: [visit__country, "show__*"] }
                rows: [ { field: visit__country, claim: countries } ]
              - name: premium
                rows: [ { where: "{{"{{ Dimension('visit__echelon') }}"}} = 'platinum'" } ]
              - name: devices
                rows: [ { field: visit__device, op: lte, claim: device } ]
            """)}}
            """;
    }

    public async ValueTask DisposeAsync()
    {
        Full.Dispose();
        Twin.Dispose();
        SigningKey.Dispose();
        foreach (var app in _apps)
        {
            await app.StopAsync(CancellationToken.None);
            await app.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+")]
    private static partial Regex Port();

    [GeneratedRegex(@"(?<=skiptoken=)[^""&]+")]
    private static partial Regex Token();
}

/// <summary>The tests that share the two servers.</summary>
[CollectionDefinition]
public sealed class TwinCollection : ICollectionFixture<TwinServers>;
