using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.OData;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>Pages over one revision of a table, whatever is done with the table meanwhile.</summary>
public sealed class RevisionTests
{
    private const string Set = "/odata/visits_daily";

    /// <summary>Twelve days of each of three months in five countries, 20 visits each, before any refresh; every month of 1,200 seconds.</summary>
    private const int Rows = 3 * 12 * 5;

    [Fact]
    public async Task A_refresh_within_an_import_changes_nothing_of_it_and_a_lost_revision_is_told()
    {
        await using var small = new SmallServer();
        await small.StartAsync();
        await small.RefreshAsync();
        var imported = await FeedClient.AllAsync(small.Client, Set, 40, async page =>
        {
            if (page == 1)
            {
                small.WriteMonth(SmallServer.Months[2], 1_000);
                await small.RefreshAsync();
            }
        });
        Assert.Equal(3 * 1_200, imported.Sum(r => (long)r["seconds"]!));
        var after = await FeedClient.AllAsync(small.Client, Set, 40);
        Assert.Equal(2 * 1_200 + 1_200_000, after.Sum(r => (long)r["seconds"]!));

        // The same token over a revision that the store does not tell.
        var (_, first) = await FeedClient.GetAsync(small.Client, Set, ("Prefer", "odata.maxpagesize=10"));
        var next = (string)first["@odata.nextLink"]!;
        var asked = TokenOf(small, next);
        var token = next[(next.IndexOf("skiptoken=", StringComparison.Ordinal) + "skiptoken=".Length)..];
        await AssertGoneAsync(small, next.Replace(token, (asked with { Revision = asked.Revision + 1_000 }).Write(small.Services.GetRequiredService<CursorSeal>()), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", "seconds")]
    [InlineData("?$orderby=seconds desc,visit__country", "seconds")]
    [InlineData("?$filter=visits gt 0&$compute=seconds divby visits as mean&$orderby=mean", "mean")]
    [InlineData("?$apply=groupby((metric_time__day,visit__country),aggregate(seconds with sum as s))&$orderby=s desc", "s")]
    [InlineData("?$apply=groupby((metric_time__day,visit__country),aggregate(seconds with average as s))/orderby(s)", "s")]
    public async Task Pages_are_of_the_first_ones_revision_through_many_refreshes_and_a_restart(string options, string column)
    {
        await using var small = new SmallServer();
        await small.StartAsync();
        await small.RefreshAsync();
        var path = Set + options.Replace(" ", "%20", StringComparison.Ordinal);
        var before = await FeedClient.AllAsync(small.Client, path, 1_000);
        var rows = new List<JsonNode>();
        var pages = 0;
        for (string? next = path; next is not null; pages++)
        {
            var (status, body) = await FeedClient.GetAsync(small.Client, next, ("Prefer", "odata.maxpagesize=50"));
            Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
            rows.AddRange(body["value"]!.AsArray().Select(r => r!));
            next = (string?)body["@odata.nextLink"] is { } link ? new Uri(link).PathAndQuery : null;
            if (pages < 2)
            {
                small.WriteMonth(SmallServer.Months[pages], 100 * (pages + 1));
                await small.RefreshAsync();
            }
            else
            {
                // A process that begins anew, or another of several, knows the token as well.
                await small.StopAsync();
                await small.StartAsync();
            }
        }

        Assert.Equal(4, pages);
        Assert.Equal(Rows, rows.Count);
        Assert.Equal(before.Select(r => r.ToJsonString()), rows.Select(r => r.ToJsonString()));
        Assert.NotEqual(before.Sum(r => (double)r[column]!), (await FeedClient.AllAsync(small.Client, path, 1_000)).Sum(r => (double)r[column]!));
    }

    [Fact]
    public async Task A_revision_whose_grace_is_over_is_gone_with_an_instruction()
    {
        await using var small = new SmallServer();
        await small.StartAsync(settings: [("DataPlatform:Gold:GarbageGrace", "00:10:00")]);
        await small.RefreshAsync();
        foreach (var path in new[] { Set, Set + "?$apply=groupby((row_key),aggregate(seconds%20with%20sum%20as%20s))" })
        {
            var (_, first) = await FeedClient.GetAsync(small.Client, path, ("Prefer", "odata.maxpagesize=10"));
            var next = (string)first["@odata.nextLink"]!;
            small.WriteMonth(SmallServer.Months[1], path.Length);
            await small.RefreshAsync();
            small.Advance(TimeSpan.FromMinutes(9));
            Assert.Equal(HttpStatusCode.OK, (await FeedClient.GetAsync(small.Client, next)).Status);
            small.Advance(TimeSpan.FromMinutes(2));
            await AssertGoneAsync(small, next);

            // What was replaced is collected now, and the manifest has forgotten it.
            small.WriteMonth(SmallServer.Months[2], path.Length);
            await small.RefreshAsync();
            await AssertGoneAsync(small, next);
            Assert.Equal(Rows, (await FeedClient.AllAsync(small.Client, Set, 50)).Count);
        }
    }

    /// <summary>Whether this process remembers the rows or not, and whether the store still tells the revision or not.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_revision_of_a_table_that_was_dropped_is_gone_with_an_instruction(bool restarts, bool isRemovedFirst)
    {
        await using var small = new SmallServer();
        await small.StartAsync();
        await small.RefreshAsync();
        var (_, first) = await FeedClient.GetAsync(small.Client, Set, ("Prefer", "odata.maxpagesize=10"));
        var next = new Uri((string)first["@odata.nextLink"]!).PathAndQuery;
        Assert.Equal(HttpStatusCode.OK, (await FeedClient.GetAsync(small.Client, next)).Status);
        var tables = small.Services.GetRequiredService<GoldTables>();
        if (isRemovedFirst)
        {
            var manifest = await tables.GetManifestAsync(SmallServer.Table, null, fresh: true, TestContext.Current.CancellationToken);
            await tables.RemovePartitionsAsync(SmallServer.Table, null, [.. manifest.Partitions.Keys], TestContext.Current.CancellationToken);
        }

        await tables.DropAsync(SmallServer.Table, null, TestContext.Current.CancellationToken);
        if (restarts)
        {
            await small.StopAsync();
            await small.StartAsync();
        }

        var (status, body) = await FeedClient.GetAsync(small.Client, next);
        if (isRemovedFirst && !restarts)
        {
            // The revision is told and its rows are remembered: they are what they were.
            Assert.True(status is HttpStatusCode.OK or HttpStatusCode.Gone, body.ToJsonString());
        }
        else
        {
            await AssertGoneAsync(small, next);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await FeedClient.GetAsync(small.Client, Set)).Status);
        await small.RefreshAsync();
        Assert.Equal(Rows, (await FeedClient.AllAsync(small.Client, Set, 50)).Count);
    }

    [Fact]
    public async Task Pages_of_metrics_are_gone_when_what_they_are_of_has_changed()
    {
        await using var small = new SmallServer();
        await small.StartAsync();
        await small.RefreshAsync();
        const string Path = "/odata/metrics?$apply=groupby((metric_time__day),aggregate(seconds))";
        var all = await FeedClient.AllAsync(small.Client, Path, 1_000);
        var paged = await FeedClient.AllAsync(small.Client, Path, 7);
        Assert.Equal(all.Select(r => r.ToJsonString()), paged.Select(r => r.ToJsonString()));

        var (_, first) = await FeedClient.GetAsync(small.Client, Path, ("Prefer", "odata.maxpagesize=7"));
        Assert.NotNull((string?)first["@odata.nextLink"]);
        small.WriteMonth(SmallServer.Months[2], 50);
        await small.RefreshAsync();
        await AssertGoneAsync(small, (string)first["@odata.nextLink"]!);
    }

    /// <summary>Rows that nothing names are counted, so that the last one must be found again where the count leads.</summary>
    [Fact]
    public async Task A_page_that_would_not_follow_the_one_before_is_gone()
    {
        await using var small = new SmallServer();
        await small.StartAsync();
        await small.RefreshAsync();
        var (_, first) = await FeedClient.GetAsync(small.Client, Set + "?$apply=groupby((metric_time__day),aggregate(seconds%20with%20average%20as%20s))&$orderby=s", ("Prefer", "odata.maxpagesize=10"));
        var next = (string)first["@odata.nextLink"]!;
        Assert.Equal(HttpStatusCode.OK, (await FeedClient.GetAsync(small.Client, next)).Status);
        var asked = TokenOf(small, next);
        var last = asked.After!.Value;
        string With(System.Collections.Immutable.ImmutableArray<object?> after) =>
            next[..(next.IndexOf("skiptoken=", StringComparison.Ordinal) + "skiptoken=".Length)] + (asked with { After = after }).Write(small.Services.GetRequiredService<CursorSeal>());
        Assert.Equal(HttpStatusCode.OK, (await FeedClient.GetAsync(small.Client, With(last.SetItem(0, (double)last[0]! * (1 + 1e-15))))).Status);
        await AssertGoneAsync(small, With(last.SetItem(0, (double)last[0]! * 1.01)));
        await AssertGoneAsync(small, With(last.SetItem(1, ((DateOnly)last[1]!).AddDays(1))));
    }

    private static PageToken TokenOf(SmallServer small, string next)
    {
        var seal = small.Services.GetRequiredService<CursorSeal>();
        var token = next[(next.IndexOf("skiptoken=", StringComparison.Ordinal) + "skiptoken=".Length)..];
        using var reader = new BinaryReader(new MemoryStream(seal.Open(token)!));
        reader.ReadByte();
        return PageToken.Read(seal, token, reader.ReadString());
    }

    private static async Task AssertGoneAsync(SmallServer small, string next)
    {
        var (status, body) = await FeedClient.GetAsync(small.Client, next);
        Assert.True(status == HttpStatusCode.Gone, body.ToJsonString());
        Assert.Equal("page_expired", (string?)body["error"]!["code"]);
        Assert.Contains("without $skiptoken", (string)body["error"]!["message"]!, StringComparison.Ordinal);
    }
}
