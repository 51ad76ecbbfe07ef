using System.IO.Enumeration;
using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Tests.Swagger;

namespace Write.DataPlatform.Api.Tests.Security;

/// <summary>On AWS a server of the role api may write under some keys of the gold table alone.</summary>
public sealed partial class ApiRightsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_the_api_writes_the_template_allows()
    {
        await using var server = new SmallServer();
        await File.AppendAllTextAsync(server.ModelFile, """

            tenants:
              - { name: small, where: "{{ Dimension('visit__country') }} = 'C3'", daily_queries: 30 }
            streams:
              - { name: visits, semantic_model: visits, window: 1m, allowed_lateness: 1m, tables: [visits_daily] }
            """, Cancel);
        await server.StartAsync(Role.Api);
        var run = await server.RefreshAsync();
        var before = Items(server);

        var (made, key) = await server.PostAsync("/v1/keys", """{"name":"reports","tenant":"small"}""");
        Assert.True(made is HttpStatusCode.Created or HttpStatusCode.OK, key.ToJsonString());
        Assert.Equal(HttpStatusCode.OK, (await TwinServers.SendAsync(server.Client, (string)key["key"]!, HttpMethod.Get, "/v1/query?metrics=visits")).Status);
        await server.PostAsync($"/v1/runs/{run.Id}/cancel", "");
        Assert.Equal(HttpStatusCode.Accepted, (await server.PostAsync("/v1/events/visits", """[{"id":7,"started_at":"2026-01-01T00:00:00Z"}]""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync("/v1/streams/visits/dead-letters/replay", "")).Status);
        await server.StopAsync();

        var written = Items(server).Except(before).Select(i => i.Pk).Distinct().ToList();
        Assert.Superset(new HashSet<string> { "keys", "quotas", "audit" }, written.ToHashSet());
        var template = await File.ReadAllTextAsync(Path.Combine(OpenApiTests.Root(), "docs", "deploy", "template.yaml"), Cancel);
        var allowed = LeadingKeys().Match(template).Groups[1].Value.Split(", ").Select(k => k.Trim('"')).ToList();
        Assert.Equal([], written.Where(pk => !allowed.Exists(pattern => FileSystemName.MatchesSimpleExpression(pattern, pk, ignoreCase: false))));
    }

    private static HashSet<(string Pk, string Sk, long Revision)> Items(SmallServer server)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(server.Data, "gold.db")};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT pk, sk, revision FROM items";
        using var reader = command.ExecuteReader();
        var items = new HashSet<(string, string, long)>();
        while (reader.Read())
        {
            items.Add((reader.GetString(0), reader.GetString(1), reader.GetInt64(2)));
        }

        return items;
    }

    [GeneratedRegex(@"""dynamodb:LeadingKeys"": \[(.*)\]")]
    private static partial Regex LeadingKeys();
}
