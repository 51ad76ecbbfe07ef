using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using DuckDB.NET.Data;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights.Blocks;

namespace Write.DataPlatform.Benchmarks;

/// <summary>Answers over HTTP, from a server of this process to a client of this process: both sides of a comparison share the cores alike.</summary>
internal static class ServePart
{
    private const string Name = "serve";
    private const int RequestsAfterStart = 200;

    // Cube 1.7.43 over the same rows, its rollups in PostgreSQL and a stand-in for its native module, measured once on such a machine and not again here.
    private const double CubeUncachedMilliseconds = 10.7;
    private const double CubeCachedPerSecond = 494;
    private const int CubeConnections = 4;

    public static async Task<IReadOnlyList<Figure>> RunAsync(Scale scale, World world, CancellationToken cancellationToken)
    {
        await world.RestartAsync(Role.Api, cancellationToken);
        using var load = new Load(scale.LoadDuration);
        var server = world.App.Urls.Single();
        var insight = server + "/v1/insights/kpi-year-on-year";
        var (insightBody, tag) = await load.GetAsync(insight, cancellationToken);
        WrongAnswerException.ThrowIf(tag is null, "The insight has no tag, so gold alone does not answer it.");
        var (slices, _) = await world.ExportAsync(World.Slice + "_daily", cancellationToken);
        await using var peer = await PeerAsync(insightBody, slices, world, cancellationToken);
        var peerUrl = peer.Urls.Single();

        Task<double> Rate(string url, byte[] body) => load.RateAsync(url, null, HttpStatusCode.OK, body, cancellationToken);

        // The runtime compiles what is hot once more while it runs; a server that has been up for a minute is measured.
        async Task WarmAsync(string url, string? tag, HttpStatusCode status, byte[]? body)
        {
            for (var i = 0; i < scale.WarmRounds; i++)
            {
                await load.RateAsync(url, tag, status, body, cancellationToken);
            }
        }

        await WarmAsync(insight, null, HttpStatusCode.OK, insightBody);
        await WarmAsync(insight, tag, HttpStatusCode.NotModified, default);
        await WarmAsync(peerUrl + "/static", null, HttpStatusCode.OK, insightBody);
        await WarmAsync(peerUrl + "/known", tag, HttpStatusCode.NotModified, default);
        var whole = await Measure.InTurnsAsync(scale.Rounds, cancellationToken, () => Rate(insight, insightBody), () => Rate(peerUrl + "/static", insightBody));
        var known = await Measure.InTurnsAsync(
            scale.Rounds,
            cancellationToken,
            () => load.RateAsync(insight, tag, HttpStatusCode.NotModified, default, cancellationToken),
            () => load.RateAsync(peerUrl + "/known", tag, HttpStatusCode.NotModified, default, cancellationToken));

        var few = await Measure.InTurnsAsync(scale.Rounds, cancellationToken, () => load.RateAsync(insight, null, HttpStatusCode.OK, insightBody, cancellationToken, CubeConnections));

        // Without the memory of answers, every request is a query.
        await world.RestartAsync(Role.Api, cancellationToken, keepsAnswers: false);
        var slice = world.App.Urls.Single() + "/v1/query?" + SliceParameters(world);
        for (var i = 0; i < 2; i++)
        {
            await load.GetAsync(slice, cancellationToken);
            await world.App.Services.GetRequiredService<GoldEngine>().SettleAsync();
            await world.App.Services.GetRequiredService<RowBlocks>().SettleAsync();
        }

        var (sliceBody, _) = await load.GetAsync(slice, cancellationToken);
        var (byHand, _) = await load.GetAsync(peerUrl + "/slice", cancellationToken);
        var (ours, theirs) = (Rows(sliceBody), Rows(byHand));
        WrongAnswerException.ThrowIf(ours != theirs, $"The slice is {ours[..Math.Min(200, ours.Length)]}, by hand {theirs[..Math.Min(200, theirs.Length)]}.");
        var queried = await Measure.InTurnsAsync(scale.Rounds, cancellationToken, () => Rate(slice, sliceBody), () => Rate(peerUrl + "/slice", byHand));
        var alone = await Measure.InTurnsAsync(scale.Rounds, cancellationToken, () => load.RateAsync(slice, null, HttpStatusCode.OK, sliceBody, cancellationToken, connections: 1));
        return
        [
            new Figure(Name, $"insight, {insightBody.Length} bytes; a minimal endpoint with the same bytes", "/s", whole[0], whole[1], Bound.RatioAtLeast, 0.7),
            new Figure(Name, "insight that the caller has (304); an endpoint that always says so", "/s", known[0], known[1], Bound.RatioAtLeast, 0.7),
            new Figure(Name, $"slice of 365 of {scale.SliceRows:N0} rows as JSON; a hand-written endpoint, one prepared query a request", "/s", queried[0], queried[1], Bound.RatioAtLeast, 0.7),
            new Figure(Name, "the same slice, one at a time; Cube 1.7.43, measured apart", "ms", 1_000 / alone[0], CubeUncachedMilliseconds, Bound.RatioAtMost, 0.2),
            new Figure(Name, $"the insight, {CubeConnections} connections; Cube 1.7.43 from its cache, measured apart", "/s", few[0], CubeCachedPerSecond, Bound.RatioAtLeast, 20),
            new Figure(Name, $"memory of the whole server after {RequestsAfterStart} requests", "MiB", await MemoryAsync(scale, world, load, cancellationToken), null, Bound.AtMost, 250),
        ];
    }

    /// <summary>What a server would be that does one thing only.</summary>
    private static async Task<WebApplication> PeerAsync(byte[] body, string slices, World world, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapGet("/static", () => Results.Bytes(body, "application/json"));
        app.MapGet("/known", () => Results.StatusCode(StatusCodes.Status304NotModified));

        var root = new DuckDBConnection("DataSource=:memory:;threads=1");
        await root.OpenAsync(cancellationToken);
        app.Lifetime.ApplicationStopped.Register(root.Dispose);
        await using (var command = root.CreateCommand())
        {
            command.CommandText = $"CREATE TABLE slices AS FROM {slices}";
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        var sql = world.SliceSql("slices");
        app.MapGet("/slice", async context =>
        {
            using var connection = root.Duplicate();
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            command.UseStreamingMode = true;
            context.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
            json.WriteStartObject();
            json.WriteStartArray("rows");
            using (var reader = command.ExecuteReader())
            {
                while (reader.Read())
                {
                    json.WriteStartObject();
                    json.WriteString("metric_time__day", reader.GetFieldValue<DateOnly>(0).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
                    json.WriteNumber(World.Slice + "_count", reader.GetInt64(1));
                    json.WriteNumber(World.Slice + "_amount", reader.GetInt64(2));
                    json.WriteEndObject();
                }
            }

            json.WriteEndArray();
            json.WriteEndObject();
            await json.FlushAsync(context.RequestAborted);
        });
        await app.StartAsync(cancellationToken);
        return app;
    }

    /// <summary>The resident memory of a server process over the same data, after a first use and some rest.</summary>
    private static async Task<double> MemoryAsync(Scale scale, World world, Load load, CancellationToken cancellationToken)
    {
        await using var server = await world.ServeAsync(cancellationToken);
        for (var i = 0; i < RequestsAfterStart; i++)
        {
            await load.GetAsync(server.Url + (i % 2 == 0 ? "/v1/insights/kpi-year-on-year" : "/v1/insights/top-shows"), cancellationToken);
        }

        await Task.Delay(scale.Rest, TimeProvider.System, cancellationToken);
        return server.Megabytes;
    }

    private static string SliceParameters(World world) =>
        $"metrics={World.Slice}_count,{World.Slice}_amount&groupBy=metric_time__day&where={Uri.EscapeDataString("{\"field\":\"reading__item\",\"op\":\"equals\",\"values\":[\"item-00000\"]}")}"
        + $"&from={world.Last.AddDays(-364):yyyy-MM-dd}&to={world.Last.AddDays(1):yyyy-MM-dd}&orderBy=metric_time__day&source=gold";

    private static string Rows(byte[] body) => JsonNode.Parse(body)!["rows"]!.ToJsonString();
}
