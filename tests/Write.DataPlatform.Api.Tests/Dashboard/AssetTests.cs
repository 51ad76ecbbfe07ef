using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Dashboard;

namespace Write.DataPlatform.Api.Tests.Dashboard;

/// <summary>What the page is made of, as a browser fetches it.</summary>
[Collection(typeof(ServerCollection))]
public sealed class AssetTests(ServerFixture server)
{
    private const int MaxBytes = 60_000;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_page_and_all_that_it_loads_have_bodies_types_and_names_that_last()
    {
        using var page = await server.Client.GetAsync("/", Cancel);
        var html = await page.Content.ReadAsStringAsync(Cancel);
        Assert.StartsWith("<!doctype html>", html, StringComparison.Ordinal);
        Assert.Contains("script-src 'self'", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        var linked = Regex.Matches(html, "(?:src|href)=\"(/dashboard/[^\"]+)\"").Select(m => m.Groups[1].Value).Distinct().ToList();
        Assert.True(linked.Count > 8);
        var assets = server.Services.GetRequiredService<DashboardAssets>();
        foreach (var path in linked.Concat(assets.Names.Select(n => $"{DashboardAssets.Path}/{assets.Hash}/{n}")).Distinct())
        {
            using var response = await server.Client.GetAsync(path, Cancel);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.NotEmpty(await response.Content.ReadAsByteArrayAsync(Cancel));
            Assert.Equal(path.EndsWith(".js", StringComparison.Ordinal) ? "text/javascript" : path.EndsWith(".css", StringComparison.Ordinal) ? "text/css" : "image/svg+xml", response.Content.Headers.ContentType!.MediaType);
            Assert.Contains("immutable", response.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await server.Client.GetAsync($"{DashboardAssets.Path}/{assets.Hash}/index.html", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Client.GetAsync($"{DashboardAssets.Path}/0123/app.js", Cancel)).StatusCode);
    }

    [Fact]
    public async Task All_of_it_packed_is_light()
    {
        var assets = server.Services.GetRequiredService<DashboardAssets>();
        var sum = 0;
        foreach (var path in assets.Names.Select(n => $"{DashboardAssets.Path}/{assets.Hash}/{n}").Append("/"))
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("br"));
            using var response = await server.Client.SendAsync(request, Cancel);
            Assert.Equal(["br"], response.Content.Headers.ContentEncoding);
            sum += (await response.Content.ReadAsByteArrayAsync(Cancel)).Length;
        }

        Assert.InRange(sum, 5_000, MaxBytes);
    }

    [Fact]
    public async Task A_page_at_hand_is_not_sent_again()
    {
        using var first = await server.Client.GetAsync("/", Cancel);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var second = await server.Client.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
    }
}
