using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Tests.Serving;

/// <summary>The server's face to browsers, and HTTP/2.</summary>
public sealed class WebTests : IAsyncLifetime
{
    private const string Friend = "https://reports.example";

    private readonly SmallServer _server = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync(settings: ("DataPlatform:Web:Origins:0", Friend));
        Assert.Equal(RunState.Succeeded, (await _server.RefreshAsync()).State);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(Friend, true)]
    [InlineData("https://reports.example.evil.example", false)]
    [InlineData("http://reports.example", false)]
    [InlineData("null", false)]
    public async Task Pages_of_named_origins_may_call_and_no_others(string origin, bool isAllowed)
    {
        foreach (var method in new[] { "GET", "POST", "DELETE" })
        {
            using var preflight = new HttpRequestMessage(HttpMethod.Options, "/v1/query");
            preflight.Headers.TryAddWithoutValidation("Origin", origin);
            preflight.Headers.TryAddWithoutValidation("Access-Control-Request-Method", method);
            preflight.Headers.TryAddWithoutValidation("Access-Control-Request-Headers", "authorization,prefer,if-none-match");
            using var allowed = await _server.Client.SendAsync(preflight, Cancel);
            Assert.Equal(isAllowed ? origin : null, allowed.Headers.TryGetValues("Access-Control-Allow-Origin", out var values) ? values.Single() : null);
            Assert.False(allowed.Headers.Contains("Access-Control-Allow-Credentials"));
        }

        var key = (string)(await _server.PostAsync("/v1/keys", """{"name":"page","role":"analyst"}""")).Body["key"]!;
        foreach (var path in new[] { "/v1/query?metrics=visits", "/v1/query?metrics=vists" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("Origin", origin);
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + key);
            using var response = await _server.Client.SendAsync(request, Cancel);
            Assert.Equal(isAllowed, response.Headers.Contains("Access-Control-Allow-Origin"));
        }
    }

    [Theory]
    [InlineData("/v1/metrics", 200)]
    [InlineData("/v1/query?metrics=vists", 400)]
    [InlineData("/v1/nothing", 404)]
    [InlineData("/odata/", 200)]
    [InlineData("/odata/nothing", 404)]
    [InlineData("/health/live", 200)]
    [InlineData("/metrics", 200)]
    [InlineData("/swagger/index.html", 200)]
    public async Task Every_answer_tells_browsers_to_be_careful(string path, int status)
    {
        using var response = await _server.Client.GetAsync(path, Cancel);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("no-referrer", response.Headers.GetValues("Referrer-Policy").Single());
        Assert.Equal("DENY", response.Headers.GetValues("X-Frame-Options").Single());
        Assert.Contains(path.StartsWith("/swagger", StringComparison.Ordinal) ? "frame-ancestors 'none'" : "default-src 'none'", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.False(response.Headers.Contains("Server"));
    }

    [Fact]
    public async Task Wrong_settings_are_told_before_anything_starts()
    {
        await using var other = new SmallServer();
        var refused = await Assert.ThrowsAsync<StartupException>(() => other.StartAsync(settings:
        [
            ("DataPlatform:Web:Origins:0", "reports.example/path"), ("DataPlatform:Web:DrainDelay", "01:00:00"), ("DataPlatform:Answers:CacheMegabytes", "-1"), ("DataPlatform:Answers:MaxJobs", "-1"),
        ]));
        Assert.Equal(4, refused.Problems.Count);
        refused = await Assert.ThrowsAsync<StartupException>(() => other.StartAsync(settings: ("DataPlatform:Answers:CacheMegabyte", "1")));
        Assert.Contains("Did you mean 'CacheMegabytes'?", Assert.Single(refused.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Http_2_is_spoken_with_and_without_tls()
    {
        var pfx = Path.Combine(_server.Models, "..", "server.pfx");
        using (var rsa = RSA.Create(2048))
        {
            var request = new CertificateRequest("CN=localhost", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            using var certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
            await File.WriteAllBytesAsync(pfx, certificate.Export(X509ContentType.Pfx, "pass"), Cancel);
        }

        var settings = new Dictionary<string, string?>
        {
            ["DataPlatform:Data"] = _server.Data + "-2", ["DataPlatform:Models"] = _server.Models, ["DataPlatform:Lake:Path"] = _server.Lake, ["Serilog:MinimumLevel:Default"] = "Fatal",
            ["Kestrel:Endpoints:Tls:Url"] = "https://127.0.0.1:0", ["Kestrel:Endpoints:Tls:Certificate:Path"] = pfx, ["Kestrel:Endpoints:Tls:Certificate:Password"] = "pass",
            ["Kestrel:Endpoints:Plain:Url"] = "http://127.0.0.1:0", ["Kestrel:Endpoints:Plain:Protocols"] = "Http2",
        };
        await using var app = DataPlatformHost.Build(new HostSettings(settings, Role.Api));
        await Startup.PrepareAsync(app.Services, Cancel);
        await app.StartAsync(Cancel);
        using var handler = new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } };
        using var client = new HttpClient(handler);
        foreach (var url in app.Urls)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url + "/v1/query?metrics=visits") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            using var response = await client.SendAsync(request, Cancel);
            Assert.Equal((HttpStatusCode.OK, HttpVersion.Version20), (response.StatusCode, response.Version));
            Assert.Equal(url.StartsWith("https", StringComparison.Ordinal), response.Headers.Contains("Strict-Transport-Security"));
            Assert.Contains("3600", await response.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        }

        await app.StopAsync(Cancel);
    }
}
