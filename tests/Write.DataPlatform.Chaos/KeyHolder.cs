using System.Net;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Chaos;

/// <summary>Makes keys and revokes them: a key works once it was given, and once it was revoked it never does again, whatever happens to the server.</summary>
internal sealed class KeyHolder(Server server, Findings findings, Asker asker, TimeProvider time)
{
    // Processes read a key again after three seconds.
    private static readonly TimeSpan Stops = TimeSpan.FromSeconds(5);

    private readonly List<(string Key, string Tenant)> _revoked = [];

    /// <summary>Makes a key; tries until it has one.</summary>
    public async Task<(string Id, string Key)> MakeAsync(string tenant, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await asker.AskAsync(Asker.Post("/v1/keys", new JsonObject { ["name"] = "chaos", ["tenant"] = tenant }, null), null, [HttpStatusCode.Created], cancellationToken) is { } answer)
            {
                findings.Count("keys made");
                var body = JsonNode.Parse(answer.Body)!;
                return ((string)body["about"]!["id"]!, (string)body["key"]!);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500), time, cancellationToken);
        }
    }

    public async Task RunAsync(Random random, CancellationToken end)
    {
        try
        {
            while (true)
            {
                var tenant = Place.Tenants[random.Next(Place.Tenants.Count)];
                var (id, key) = await MakeAsync(tenant, end);
                if (await AskWithAsync(key, tenant, end) is HttpStatusCode.Unauthorized)
                {
                    findings.Break("status", $"A key of {tenant} that was just made gets 401.");
                }

                await Task.Delay(random.NextDouble() * TimeSpan.FromSeconds(2), time, end);
                if (await asker.AskAsync(new HttpRequestMessage(HttpMethod.Delete, "/v1/keys/" + id), null, [HttpStatusCode.OK], end) is not null)
                {
                    findings.Count("keys revoked");
                    await Task.Delay(Stops, time, end);
                    _revoked.Add((key, tenant));
                }

                await CheckAsync(random, end);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The time is over.
        }
    }

    /// <summary>One of the revoked keys, the last or any.</summary>
    public async Task CheckAsync(Random random, CancellationToken cancellationToken)
    {
        if (_revoked.Count > 0)
        {
            var (key, tenant) = _revoked[random.Next(2) == 0 ? _revoked.Count - 1 : random.Next(_revoked.Count)];
            if (await AskWithAsync(key, tenant, cancellationToken) is HttpStatusCode.OK)
            {
                findings.Break("leak", $"A revoked key of {tenant} still works at {server.Now:HH:mm:ss.fff}.");
            }
        }
    }

    private async Task<HttpStatusCode?> AskWithAsync(string key, string tenant, CancellationToken cancellationToken) =>
        (await asker.AskAsync(Asker.Get("/v1/insights/plays-by-minute", key), tenant, [HttpStatusCode.OK, HttpStatusCode.Unauthorized], cancellationToken))?.Status;
}
