using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.Tests.Rest;

[Collection(typeof(ServerCollection))]
public sealed class CallerGateTests(ServerFixture server)
{
    [Theory]
    [InlineData("127.0.0.1", "localhost:5080", null, true)]
    [InlineData("127.0.0.1", "127.0.0.1:5080", null, true)]
    [InlineData("::1", "[::1]:5080", null, true)]
    [InlineData("::ffff:127.0.0.1", "LOCALHOST", null, true)]
    [InlineData("10.0.0.7", "localhost:5080", null, false)]
    [InlineData("127.0.0.1", "evil.example", null, false)]
    [InlineData("127.0.0.1", "localhost.evil.example", null, false)]
    [InlineData("127.0.0.1", "localhost", "X-Forwarded-For", false)]
    [InlineData("127.0.0.1", "localhost", "Forwarded", false)]
    [InlineData("127.0.0.1", "localhost", "Via", false)]
    [InlineData("127.0.0.1", "localhost", "X-Original-For", false)]
    [InlineData(null, "localhost", null, false)]
    public void Only_this_machine_is_the_operator(string? address, string host, string? header, bool expected)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = address is null ? null : IPAddress.Parse(address);
        context.Request.Headers.Host = host;
        if (header is not null)
        {
            context.Request.Headers[header] = "x";
        }

        Assert.Equal(expected, CallerGate.IsLocal(context));
    }

    /// <summary>A server that others reach has no operator by address.</summary>
    [Theory]
    [InlineData(true, "http://localhost:5080")]
    [InlineData(true, "http://127.0.0.1:5080", "https://[::1]:5081")]
    [InlineData(false, "http://127.0.0.1:5080", "http://10.0.0.7:5080")]
    [InlineData(false, "http://*:8080")]
    [InlineData(false, "http://+:8080")]
    [InlineData(false, "http://0.0.0.0:8080")]
    [InlineData(false, "http://[::]:8080")]
    [InlineData(false, "http://localhost.evil.example:8080")]
    [InlineData(false, "http://unix:/run/data.sock")]
    [InlineData(false)]
    public void Only_a_server_of_this_machine_alone_has_a_local_operator(bool expected, params string[] addresses)
    {
        var features = new ServerAddressesFeature();
        foreach (var address in addresses)
        {
            features.Addresses.Add(address);
        }

        bool IsOn(bool? setting) => new LocalOperator(new Listening(features), new ReloadedOptions<WebOptions>(new Fixed(new WebOptions { LocalOperator = setting }), NullLogger<ReloadedOptions<WebOptions>>.Instance)).IsOn;
        Assert.Equal(expected, IsOn(null));
        Assert.True(IsOn(true));
        Assert.False(IsOn(false));
    }

    [Fact]
    public async Task The_operator_of_the_machine_can_be_turned_off()
    {
        await using var small = new SmallServer();
        await small.StartAsync(settings: ("DataPlatform:Web:LocalOperator", "false"));
        Assert.Equal(HttpStatusCode.Unauthorized, (await small.GetAsync("/v1/keys")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await small.GetAsync("/v1/metrics")).Status);
        Assert.Equal(HttpStatusCode.OK, (await small.GetAsync("/health")).Status);
    }

    /// <summary>A change of the settings that is wrong is told in the log, and the last good ones hold.</summary>
    [Fact]
    public void Settings_that_became_wrong_are_not_taken_over()
    {
        var monitor = new Fixed(new WebOptions { LocalOperator = false });
        var options = new ReloadedOptions<WebOptions>(monitor, NullLogger<ReloadedOptions<WebOptions>>.Instance);
        Assert.False(options.Value.LocalOperator);
        monitor.Value = null;
        Assert.False(options.Value.LocalOperator);
        monitor.Value = new WebOptions { LocalOperator = true };
        Assert.True(options.Value.LocalOperator);
    }

    private sealed class Listening(IServerAddressesFeature addresses) : IServer
    {
        public IFeatureCollection Features { get; } = With(addresses);

        public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
            where TContext : notnull => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose()
        {
        }

        private static FeatureCollection With(IServerAddressesFeature addresses)
        {
            var features = new FeatureCollection();
            features.Set(addresses);
            return features;
        }
    }

    private sealed class Fixed(WebOptions options) : IOptionsMonitor<WebOptions>
    {
        public WebOptions? Value { get; set; } = options;

        public WebOptions CurrentValue => Value ?? throw new OptionsValidationException("", typeof(WebOptions), ["wrong"]);

        public WebOptions Get(string? name) => CurrentValue;

        public IDisposable? OnChange(Action<WebOptions, string?> listener) => null;
    }

    [Theory]
    [InlineData("/v1/insights", 401)]
    [InlineData("/v1/query?metrics=visits", 401)]
    [InlineData("/v1/gold", 401)]
    [InlineData("/v1/nothing", 404)]
    [InlineData("/health", 200)]
    [InlineData("/health/live", 200)]
    public async Task Others_need_a_key(string path, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "X-Forwarded-For", "203.0.113.9" } } };
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(status, (int)response.StatusCode);
        if (status == 401)
        {
            Assert.Equal("Bearer", Assert.Single(response.Headers.WwwAuthenticate).Scheme);
        }
    }

    [Fact]
    public async Task A_view_is_of_one_tenant()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/query?metrics=visits&tenant=acme") { Headers = { { "X-Tenant", "globex" } } };
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }
}
