using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Tests.Security;

/// <summary>
/// Acme's key against everything that is not acme's. An attempt succeeds if the answer holds a canary that the request did not bring, is another one than the server
/// gives that never had the rest, opens an operator's route, or is a failure of the server.
/// </summary>
[Collection(typeof(TwinCollection))]
public sealed class AttackTests(TwinServers servers)
{
    private static readonly string[] MayDiffer = ["date", "etag", "content-length", "link", "ratelimit"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>How many attempts are made, unless <c>WDP_CASES</c> asks for more.</summary>
    private static int Attempts => int.TryParse(Environment.GetEnvironmentVariable("WDP_CASES"), NumberStyles.None, CultureInfo.InvariantCulture, out var cases) ? Math.Max(cases, 5_000) : 5_000;

    [Fact]
    public async Task No_attempt_gets_through()
    {
        var stolen = await StealAsync();
        var open = await servers.KeyAsync(0, KeyGrant.Plain with { Policy = "open" });
        var token = servers.TokenOf(("tenant", "acme"));
        var (through, statuses, compared) = (new ConcurrentQueue<string>(), new ConcurrentDictionary<HttpStatusCode, int>(), 0);
        await Parallel.ForEachAsync(Enumerable.Range(0, Attempts), new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = Cancel }, async (seed, _) =>
        {
            var attack = new AttackGenerator(new Random(seed), stolen).Next();
            if (attack.IsPlain && seed % 2 == 0)
            {
                // Their answers are then in memory.
                await SendAsync(servers.Full, servers.OtherKey, attack);
                await SendAsync(servers.Full, open, attack);
            }

            // Acme's key, or a token that its identity provider gave it: what each may see is the same.
            var (mine, twins) = seed % 4 == 1 ? (token, token) : (servers.FullKey, servers.TwinKey);
            var answer = await SendAsync(servers.Full, mine, attack);
            statuses.AddOrUpdate(answer.Status, 1, (_, n) => n + 1);
            if (Found(attack, answer) is { } found)
            {
                through.Enqueue($"seed {seed}: {found}\n{attack.Text}\n{(int)answer.Status} {Short(answer.Body)}");
            }
            else if (attack.IsText && (attack.IsPlain || (attack.HasTwin && seed % 3 == 0)))
            {
                Interlocked.Increment(ref compared);
                var twin = await SendAsync(servers.Twin, twins, attack);
                if (twin.Status != answer.Status || TwinServers.Comparable(twin.Body) != TwinServers.Comparable(answer.Body))
                {
                    through.Enqueue($"seed {seed}: differs\n{attack.Text}\n{(int)answer.Status} {Short(TwinServers.Comparable(answer.Body))}\n{(int)twin.Status} {Short(TwinServers.Comparable(twin.Body))}");
                }
            }
        });
        Assert.True(through.IsEmpty, $"{through.Count} of {Attempts} got through:\n{string.Join("\n\n", through.Take(8))}");

        foreach (var job in stolen.Jobs)
        {
            var (status, body, _) = await TwinServers.SendAsync(servers.Full, servers.OtherKey, HttpMethod.Get, "/v1/queries/" + job);
            Assert.True(status == HttpStatusCode.OK && body.Contains("Wakanda", StringComparison.Ordinal), body);
        }

        // Noise alone would be refused at the door.
        var told = string.Join(", ", statuses.Select(s => $"{s.Key} {s.Value}"));
        Assert.True(statuses.GetValueOrDefault(HttpStatusCode.OK) > Attempts / 10 && compared > Attempts / 5, told);
        TestContext.Current.SendDiagnosticMessage($"{Attempts} attempts, {compared} compared with the twin: {told}");
    }

    /// <summary>The suite would notice: what another customer's key, or acme's without the role, is answered holds canaries and differs.</summary>
    [Fact]
    public async Task A_check_that_is_broken_would_be_seen()
    {
        var stolen = await StealAsync();
        var open = await servers.KeyAsync(0, KeyGrant.Plain with { Policy = "open" });
        foreach (var (key, name) in new[] { (servers.OtherKey, "another's rows"), (open, "hidden names") })
        {
            var seen = 0;
            for (var seed = 0; seed < 400; seed++)
            {
                var attack = new AttackGenerator(new Random(seed), stolen).Next();
                var answer = await SendAsync(servers.Full, key, attack);
                if (Found(attack, answer) is not null)
                {
                    seen++;
                }
                else if (attack.HasTwin && attack.IsText)
                {
                    var twin = await SendAsync(servers.Twin, servers.TwinKey, attack);
                    seen += twin.Status != answer.Status || TwinServers.Comparable(twin.Body) != TwinServers.Comparable(answer.Body) ? 1 : 0;
                }
            }

            Assert.True(seen > 10, $"{name}: {seen}");
        }
    }

    [Fact]
    public async Task Two_keys_at_once_are_none()
    {
        foreach (var (path, headers) in new (string, (string, string)[])[]
        {
            ("/v1/metrics", [("Authorization", "Bearer " + servers.OtherKey)]),
            ("/v1/metrics", [("X-Api-Key", servers.OtherKey)]),
            ("/v1/metrics", [("X-Api-Key", servers.FullKey), ("X-Api-Key", servers.FullKey)]),
            ("/v1/metrics?apikey=" + servers.OtherKey, []),
            ("/odata?apikey=" + servers.OtherKey, []),
        })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await TwinServers.SendAsync(servers.Full, servers.FullKey, HttpMethod.Get, path, null, headers)).Status);
        }
    }

    /// <summary>Requests that no client library would send, by the socket.</summary>
    [Theory]
    [InlineData("GET /v1/keys HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n", 401)]
    [InlineData("GET /v1/keys HTTP/1.1\r\nHost: evil.example\r\n\r\n", 401)]
    [InlineData("GET http://localhost/v1/keys HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400)]
    [InlineData("GET /v1/keys HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400)]
    [InlineData("GET /v1/keys HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nAuthorization: Bearer {key}\r\n\r\n", 401)]
    [InlineData("GET /v1/keys HTTP/1.1\r\nHost: localhost\r\nAuthorization:\r\n\r\n", 401)]
    [InlineData("POST /v1/query HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/keys HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)]
    [InlineData("POST /v1/query HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}  ", 400)]
    [InlineData("GET /v1/keys HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b: c\r\n\r\n", 400)]
    [InlineData("POST /v1/query HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Length: 2000000\r\n\r\n", 413)]
    [InlineData("GET /v1/metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {key}\r\n\r\n", 401)]
    [InlineData("TRACE /v1/metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n", 405)]
    public async Task Requests_by_hand_are_refused(string request, int status)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, servers.Full.BaseAddress!.Port, Cancel);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request.Replace("{key}", servers.FullKey, StringComparison.Ordinal)), Cancel);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var line = await reader.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        Assert.StartsWith($"HTTP/1.1 {status} ", line, StringComparison.Ordinal);
    }

    /// <summary>One who sends his request byte by byte holds nobody up.</summary>
    [Fact]
    public async Task Slow_callers_hold_up_nobody()
    {
        List<TcpClient> slow = [];
        try
        {
            for (var i = 0; i < 100; i++)
            {
                var socket = new TcpClient();
                slow.Add(socket);
                await socket.ConnectAsync(IPAddress.Loopback, servers.Full.BaseAddress!.Port, Cancel);
                await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/query HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {servers.FullKey}\r\nContent-Length: 100\r\n\r\n{{"), Cancel);
            }

            // More of them than one tenant has places wait for the rest of their body; everybody is answered, the tenant itself too.
            Assert.Equal(HttpStatusCode.OK, (await TwinServers.SendAsync(servers.Full, servers.OtherKey, HttpMethod.Get, "/v1/query?metrics=visits")).Status);
            Assert.Equal(HttpStatusCode.OK, (await TwinServers.SendAsync(servers.Full, servers.FullKey, HttpMethod.Get, "/v1/query?metrics=visits")).Status);
        }
        finally
        {
            slow.ForEach(s => s.Dispose());
        }
    }

    /// <summary>And is not waited for without end: Kestrel wants 240 bytes a second once five seconds are over.</summary>
    [Fact]
    public async Task Slow_callers_are_cut_off()
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, servers.Full.BaseAddress!.Port, Cancel);
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/query HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {servers.FullKey}\r\nContent-Length: 100\r\n\r\n{{"), Cancel);
        using var reader = new StreamReader(socket.GetStream(), Encoding.ASCII);
        var answer = await reader.ReadToEndAsync(Cancel).WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
    }

    /// <summary>What another customer was given.</summary>
    private async Task<Stolen> StealAsync()
    {
        var jobs = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            var (_, accepted, _) = await TwinServers.SendAsync(servers.Full, servers.OtherKey, HttpMethod.Post, "/v1/query", $$"""{"metrics":["visits"],"groupBy":["visit__country"],"limit":{{90 + i}},"source":"lake"}""", ("Prefer", "respond-async, wait=0"));
            jobs.Add((string)JsonNode.Parse(accepted)!["id"]!);
        }

        var (_, body, headers) = await TwinServers.SendAsync(servers.Full, servers.OtherKey, HttpMethod.Get, "/v1/query?metrics=visits&groupBy=visit__country&limit=1");
        var (_, feed, _) = await TwinServers.SendAsync(servers.Full, servers.OtherKey, HttpMethod.Get, "/odata/customers_daily", null, ("Prefer", "odata.maxpagesize=1"));
        var link = (string)JsonNode.Parse(feed)!["@odata.nextLink"]!;
        var (_, _, tagged) = await TwinServers.SendAsync(servers.Full, servers.OtherKey, HttpMethod.Get, "/v1/query?metrics=visits&groupBy=visit__country");
        List<string> pages =
        [
            (string)JsonNode.Parse(body)!["next"]!,
            Uri.UnescapeDataString(link[(link.IndexOf("skiptoken=", StringComparison.Ordinal) + "skiptoken=".Length)..]),
            .. (headers + tagged).Split('\n').Where(h => h.StartsWith("ETag", StringComparison.OrdinalIgnoreCase)).Select(h => h.Split('"')[1]),
        ];
        var runs = await servers.Services.GetRequiredService<RunLedger>().ListAsync(cancellationToken: Cancel).Select(r => r.Id).ToListAsync(Cancel);
        return new Stolen(pages, jobs, runs, [.. Forged()]);
    }

    /// <summary>Tokens that would be globex's or an operator's, if they were believed.</summary>
    private IEnumerable<string> Forged()
    {
        var mine = servers.TokenOf(("tenant", "acme")).Split('.');
        using var own = RSA.Create(2048);
        foreach (var claims in new (string, JsonNode?)[][] { [("tenant", "globex")], [("role", "operator")] })
        {
            var wanted = servers.TokenOf(claims).Split('.');
            yield return $"{mine[0]}.{wanted[1]}.{mine[2]}";
            yield return $"{mine[0]}.{wanted[1]}.";
            var payload = TokenMaker.Claims(servers.Services.GetRequiredService<TimeProvider>().GetUtcNow(), claims);
            yield return TokenMaker.Sign(own, payload);
            yield return TokenMaker.Make(new JsonObject { ["alg"] = "none", ["typ"] = "JWT" }, payload, _ => []);
            yield return TokenMaker.Make(new JsonObject { ["alg"] = "HS256", ["typ"] = "JWT", ["kid"] = "one" }, payload, data => HMACSHA256.HashData(servers.SigningKey.ExportSubjectPublicKeyInfo(), data));
            yield return TokenMaker.Make(
                new JsonObject { ["alg"] = "RS256", ["typ"] = "JWT", ["jwk"] = JsonNode.Parse(TokenMaker.KeySet(("one", own)))!["keys"]![0]!.DeepClone() }, payload,
                data => own.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        }
    }

    private static Task<(HttpStatusCode Status, string Body, string Headers)> SendAsync(HttpClient client, string key, Attack attack) =>
        TwinServers.SendAsync(client, attack.Token ?? key, new HttpMethod(attack.Method), attack.Path, attack.Body, attack.Headers);

    /// <summary>What an answer gives away; null if nothing.</summary>
    private static string? Found(Attack attack, (HttpStatusCode Status, string Body, string Headers) answer)
    {
        var request = attack.Text + Uri.UnescapeDataString(attack.Path);
        var shown = answer.Body + string.Join('\n', answer.Headers.Split('\n').Where(h => !MayDiffer.Any(m => h.StartsWith(m, StringComparison.OrdinalIgnoreCase))));
        return TwinServers.Canaries.FirstOrDefault(c => shown.Contains(c, StringComparison.Ordinal) && !request.Contains(c, StringComparison.Ordinal)) is { } canary ? $"tells '{canary}'"
            : (int)answer.Status >= 500 && answer.Status != HttpStatusCode.NotImplemented ? "fails"
            : attack.IsOfJob && answer.Status is not (HttpStatusCode.NotFound or HttpStatusCode.Gone or HttpStatusCode.BadRequest) ? "is another's query"
            : attack.Token is not null && answer.Status != HttpStatusCode.Unauthorized ? "is believed"
            : attack.IsOperators && answer.Status != HttpStatusCode.Forbidden ? "is let in"
            : attack.Headers.Any(h => h.Name == "If-None-Match" && h.Value != "*") && answer.Status == HttpStatusCode.NotModified ? "shares a tag"
            : null;
    }

    private static string Short(string text) => text[..Math.Min(text.Length, 400)];
}
