using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Write.DataPlatform.Api.Tests.Security;

/// <summary>Tokens of an identity provider, made by hand, and every way to misuse one.</summary>
[Collection(typeof(TwinCollection))]
public sealed class TokenTests(TwinServers servers)
{
    private const string Query = "/v1/query?metrics=visits";

    private DateTimeOffset Now => servers.Services.GetRequiredService<TimeProvider>().GetUtcNow();

    private long Visits(string where) => (long)SmallServer.Sql($"SELECT count(*) FROM {servers.FullFiles} WHERE {where}")[0][0]!;

    [Fact]
    public async Task A_token_sees_its_tenants_rows_and_its_roles_names()
    {
        Assert.Equal(Visits("customer = 'acme'"), await CountAsync(Good(("tenant", "acme"))));
        // What is hidden from customers is hidden here, and a role of the model that the token names takes the place of theirs.
        Assert.Equal(HttpStatusCode.BadRequest, (await GetAsync(Good(("tenant", "acme")), "/v1/query?metrics=revenue")).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(Good(("tenant", "acme"), ("role", "open")), "/v1/query?metrics=revenue")).Status);
        Assert.Equal(Visits("customer = 'acme' AND country IN ('FR', 'IT')"), await CountAsync(Good(("tenant", "acme"), ("role", new JsonArray("staff", "regional")), ("countries", new JsonArray("FR", "IT")))));
        Assert.Equal(Visits("customer = 'acme' AND device <= 1"), await CountAsync(Good(("tenant", "acme"), ("role", "devices"), ("device", 1))));
    }

    [Fact]
    public async Task A_token_without_a_tenant_is_of_the_companys_own_where_a_role_says_so()
    {
        Assert.Equal(Visits("true"), await CountAsync(Good(("role", "analyst"))));
        Assert.Equal(Visits("country = 'FR'"), await CountAsync(Good(("role", "regional"), ("countries", "FR"))));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(Good(("role", "operator")), "/v1/keys")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await GetAsync(Good(("role", "analyst")), "/v1/keys")).Status);
    }

    /// <summary>Good signatures over claims that must not be believed: known, and not allowed.</summary>
    [Fact]
    public async Task Claims_that_name_nobody_who_may_ask_are_refused()
    {
        foreach (var claims in new (string, JsonNode?)[][]
        {
            [], [("role", "premium")], [("role", "Analyst")], [("role", new JsonArray("analyst", "operator"))], [("tenant", "acmee")], [("tenant", "")], [("tenant", new JsonArray("acme", "globex"))], [("tenant", "ACME")],
            [("tenant", "acme"), ("role", new JsonArray("open", "regional"))], [("tenant", "acme"), ("role", "regional")], [("Tenant", "acme")], [("tenant", new JsonObject { ["name"] = "acme" })],
            [("tenant", "acme"), ("sub", null)], [("tenant", "acme"), ("sub", "")], [("role", "analyst"), ("sub", null)],
            // A part of a claim that cannot be compared makes the claim none.
            [("tenant", "acme"), ("role", "regional"), ("countries", new JsonArray("FR", new JsonObject { ["x"] = 1 }))],
        })
        {
            var (status, body) = await GetAsync(Good(claims), Query);
            Assert.True(status == HttpStatusCode.Forbidden, $"{new JsonArray([.. claims.Select(c => (JsonNode?)c.Item1)]).ToJsonString()}: {status} {body}");
        }

        // A tenant's token never makes an operator.
        Assert.Equal(HttpStatusCode.Forbidden, (await GetAsync(Good(("tenant", "acme"), ("role", "operator")), "/v1/keys")).Status);
        Assert.Equal(Visits("customer = 'acme'"), await CountAsync(Good(("tenant", "acme"), ("role", "operator"))));
    }

    [Fact]
    public async Task Tokens_that_are_not_good_are_nobodys()
    {
        using var stranger = RSA.Create(2048);
        using var curve = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var claims = TokenMaker.Claims(Now, ("tenant", "acme"));
        var good = TokenMaker.Sign(servers.SigningKey, claims);
        var parts = good.Split('.');
        JsonObject Header(string algorithm) => new() { ["alg"] = algorithm, ["typ"] = "JWT", ["kid"] = "one" };
        JsonObject With(string name, JsonNode? value)
        {
            var changed = (JsonObject)claims.DeepClone();
            changed[name] = value;
            return changed;
        }

        JsonObject Without(string name)
        {
            var changed = (JsonObject)claims.DeepClone();
            changed.Remove(name);
            return changed;
        }

        var pem = Encoding.UTF8.GetBytes(servers.SigningKey.ExportSubjectPublicKeyInfoPem());
        var spki = servers.SigningKey.ExportSubjectPublicKeyInfo();
        var own = TokenMaker.KeySet(("one", stranger));
        string[] bad =
        [
            TokenMaker.Make(Header("none"), claims, _ => []),
            TokenMaker.Make(Header("None"), claims, _ => []),
            TokenMaker.Make(new JsonObject { ["typ"] = "JWT" }, claims, _ => []),
            parts[0] + "." + parts[1] + ".",
            parts[0] + "." + parts[1],
            // The public key as if it were a shared secret.
            TokenMaker.Make(Header("HS256"), claims, data => HMACSHA256.HashData(pem, data)),
            TokenMaker.Make(Header("HS256"), claims, data => HMACSHA256.HashData(spki, data)),
            TokenMaker.Make(Header("HS256"), claims, data => HMACSHA256.HashData(Array.Empty<byte>(), data)),
            TokenMaker.Make(Header("ES256"), claims, data => curve.SignData(data, HashAlgorithmName.SHA256)),
            TokenMaker.Sign(servers.SigningKey, claims, algorithm: "RS1"),
            TokenMaker.Sign(servers.SigningKey, claims, algorithm: "RS512"),
            TokenMaker.Sign(stranger, claims),
            TokenMaker.Sign(stranger, claims, kid: "other"),
            TokenMaker.Sign(stranger, claims, kid: "../../jwks.json"),
            // Keys that the token brings itself.
            TokenMaker.Make(new JsonObject { ["alg"] = "RS256", ["jwk"] = JsonNode.Parse(own)!["keys"]![0]!.DeepClone(), ["jku"] = "http://127.0.0.1:1/keys" }, claims, data => stranger.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)),
            TokenMaker.Sign(servers.SigningKey, With("aud", "others")),
            TokenMaker.Sign(servers.SigningKey, With("aud", "WRITE-DATA")),
            TokenMaker.Sign(servers.SigningKey, Without("aud")),
            TokenMaker.Sign(servers.SigningKey, With("iss", "https://login.example.evil")),
            TokenMaker.Sign(servers.SigningKey, Without("iss")),
            TokenMaker.Sign(servers.SigningKey, With("exp", Now.AddMinutes(-2).ToUnixTimeSeconds())),
            TokenMaker.Sign(servers.SigningKey, With("exp", "never")),
            TokenMaker.Sign(servers.SigningKey, With("exp", -1)),
            TokenMaker.Sign(servers.SigningKey, Without("exp")),
            TokenMaker.Sign(servers.SigningKey, With("nbf", Now.AddMinutes(5).ToUnixTimeSeconds())),
            parts[0] + "." + TokenMaker.Sign(stranger, With("tenant", "globex")).Split('.')[1] + "." + parts[2],
            good + "x", good[..^2], "a.b.c", "..", ".", new string('a', 10_000), good + "." + parts[2] + "." + parts[2],
        ];
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(good, Query)).Status);
        foreach (var token in bad)
        {
            var (status, body) = await GetAsync(token, Query);
            Assert.True(status == HttpStatusCode.Unauthorized, $"{token}: {status} {body}");
            Assert.Equal("unauthorized", (string)JsonNode.Parse(body)!["code"]!);
        }

        // Only as a bearer.
        Assert.Equal(HttpStatusCode.Unauthorized, (await TwinServers.SendAsync(servers.Full, null, HttpMethod.Get, Query, null, ("X-Api-Key", good))).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await TwinServers.SendAsync(servers.Full, null, HttpMethod.Get, Query + "&apikey=" + good)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await TwinServers.SendAsync(servers.Full, good, HttpMethod.Get, Query, null, ("X-Api-Key", servers.FullKey))).Status);
    }

    [Fact]
    public async Task A_clock_that_differs_a_little_does_not_matter()
    {
        var late = TokenMaker.Claims(Now, ("tenant", "acme"), ("exp", Now.AddSeconds(-10).ToUnixTimeSeconds()));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(TokenMaker.Sign(servers.SigningKey, late), Query)).Status);
    }

    [Fact]
    public async Task The_providers_new_key_is_found_and_its_old_one_forgotten()
    {
        using var next = RSA.Create(2048);
        var (old, successor) = (Good(("tenant", "acme")), TokenMaker.Sign(next, TokenMaker.Claims(Now, ("tenant", "acme")), kid: "two"));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(old, Query)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await GetAsync(successor, Query)).Status);
        try
        {
            await File.WriteAllTextAsync(servers.KeySetFile, TokenMaker.KeySet(("two", next)), TestContext.Current.CancellationToken);
            await UntilAsync(successor, HttpStatusCode.OK);
            await UntilAsync(old, HttpStatusCode.Unauthorized);
        }
        finally
        {
            await File.WriteAllTextAsync(servers.KeySetFile, TokenMaker.KeySet(("one", servers.SigningKey)), CancellationToken.None);
            await UntilAsync(old, HttpStatusCode.OK);
        }
    }

    private async Task UntilAsync(string token, HttpStatusCode wanted)
    {
        for (var tries = 0; (await GetAsync(token, Query)).Status != wanted; tries++)
        {
            Assert.True(tries < 200, $"It never becomes {wanted}.");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    private string Good(params (string Name, JsonNode? Value)[] claims) => TokenMaker.Sign(servers.SigningKey, TokenMaker.Claims(Now, claims));

    private async Task<long> CountAsync(string token)
    {
        var (status, body) = await GetAsync(token, Query);
        Assert.True(status == HttpStatusCode.OK, body);
        return (long)JsonNode.Parse(body)!["rows"]![0]!["visits"]!;
    }

    private async Task<(HttpStatusCode Status, string Body)> GetAsync(string token, string path)
    {
        var (status, body, _) = await TwinServers.SendAsync(servers.Full, token, HttpMethod.Get, path, null, ("X-Forwarded-For", "203.0.113.9"));
        return (status, body);
    }
}
