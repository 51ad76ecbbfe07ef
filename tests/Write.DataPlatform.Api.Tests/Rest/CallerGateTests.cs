using System.Net;
using Microsoft.AspNetCore.Http;
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
