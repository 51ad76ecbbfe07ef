using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Benchmarks;

/// <summary>
/// The feed beside its peer, ASP.NET Core OData over EF Core and SQLite, over the same rows, and beside DuckDB alone. Both servers are processes of their own, the
/// client is this one.
/// </summary>
internal static class ODataPart
{
    private const string Name = "odata";
    private const string PeerName = "Write.DataPlatform.ODataPeer";
    private const string Set = World.Wide + "_daily";
    private const string Count = World.Wide + "_count";
    private const string Amount = World.Wide + "_amount";
    private const int Connections = 16;
    private const int GroupsInARow = 3;
    private const string MaxPage = "odata.maxpagesize=50000";

    public static async Task<IReadOnlyList<Figure>> RunAsync(Scale scale, World world, CancellationToken cancellationToken)
    {
        using var folder = new BenchFolder();
        await using var duck = new DuckDbInstance(new DuckDbSettings { Threads = 1 });
        await using (var session = await duck.OpenAsync(cancellationToken))
        {
            await session.ExecuteAsync($"CREATE TABLE wide AS FROM {(await world.ExportAsync(Set, cancellationToken)).From} ORDER BY bucket, probe__item, probe__device", cancellationToken);
            await FillAsync(session, folder.Path("peer.db"), cancellationToken);
        }

        await using var server = await world.ServeAsync(cancellationToken);
        var assembly = Path.Combine(AppContext.BaseDirectory.Replace("Write.DataPlatform.Benchmarks", PeerName, StringComparison.Ordinal), PeerName + ".dll");
        await using var peer = await ServerProcess.StartAsync("listening ", ["exec", assembly, folder.Path("peer.db")], cancellationToken);
        using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Connections, UseProxy = false }) { Timeout = TimeSpan.FromMinutes(10) };
        var (ours, theirs) = ($"{server.Url}/odata/{Set}", $"{peer.Url}/odata");

        var total = (await RowsAsync(duck, $"SELECT count(*), sum({World.Wide}_n__count)::BIGINT FROM wide", cancellationToken))[0].Split('|').Select(v => long.Parse(v, CultureInfo.InvariantCulture)).ToArray();
        async Task<double> ExportAsync(string url, string column)
        {
            var start = TimeProvider.System.GetTimestamp();
            var (rows, sum) = await ReadAllAsync(client, url, column, cancellationToken);
            WrongAnswerException.ThrowIf(rows != total[0] || sum != total[1], $"{url} has {rows} rows with a sum of {sum}, not {total[0]} with {total[1]}.");
            return rows / TimeProvider.System.GetElapsedTime(start).TotalSeconds / 1e6;
        }

        // Whatever is cached is cached for both.
        await ExportAsync(ours, Count);
        await Task.Delay(scale.Rest, TimeProvider.System, cancellationToken);
        var idle = server.Megabytes;
        var peak = await server.PeakAsync(() => ExportAsync(ours, Count));
        var export = await Measure.InTurnsAsync(scale.Rounds, cancellationToken, () => ExportAsync(ours, Count), () => ExportAsync(theirs + "/Tuned", "Count"));
        var paged = await Measure.InTurnsAsync(scale.IsCheck ? 1 : 2, cancellationToken, () => ExportAsync(ours, Count), () => ExportAsync(theirs + "/Rows", "Count"));
        var first = await Measure.InTurnsAsync(scale.Rounds, cancellationToken, () => FirstByteAsync(client, ours, cancellationToken), () => FirstByteAsync(client, theirs + "/Tuned", cancellationToken));

        var figures = new List<Figure>
        {
            new(Name, $"all {total[0]:N0} rows by pages of 50,000; the peer's in one page, in no order", "M rows/s", export[0], export[1], Bound.RatioAtLeast, 10),
            new(Name, "the same against a fixed rate", "M rows/s", export[0], null, Bound.AtLeast, 1.5),
            new(Name, "all rows by pages of 50,000; the peer's by such pages, too", "M rows/s", paged[0], paged[1], Bound.RatioAtLeast, 10),
            new(Name, "memory of the server above idle while it gives all rows", "MiB", peak - idle, null, Bound.AtMost, 50),
            new(Name, "first byte of all rows", "ms", first[0], first[1], Bound.RatioAtMost, 1),
        };
        figures.AddRange(await GroupsAsync(scale, duck, client, ours, theirs, cancellationToken));
        figures.AddRange(await SlicesAsync(scale, world, duck, client, ours, theirs, cancellationToken));
        return figures;
    }

    private static async Task<IEnumerable<Figure>> GroupsAsync(Scale scale, DuckDbInstance duck, HttpClient client, string ours, string theirs, CancellationToken cancellationToken)
    {
        var figures = new List<Figure>();
        foreach (var (keys, sqlKeys, peerKeys, what) in new[]
        {
            ("probe__device", "probe__device", "Device", "device"),
            ("metric_time__day,probe__device", "bucket, probe__device", "Day,Device", "day and device"),
        })
        {
            var sql = $"SELECT {sqlKeys}, sum({World.Wide}_a__sum)::BIGINT AS total FROM wide GROUP BY ALL";
            var mine = $"{ours}?$apply=groupby(({keys}),aggregate({Amount}%20with%20sum%20as%20total))";
            var others = $"{theirs}/Rows?$apply=groupby(({peerKeys}),aggregate(Amount%20with%20sum%20as%20total))";
            var expected = (await RowsAsync(duck, sql, cancellationToken)).Sum(r => long.Parse(r.Split('|')[^1], CultureInfo.InvariantCulture));
            async Task<double> AskAsync(string url)
            {
                long sum = 0;
                var elapsed = await Measure.MillisecondsAsync(async () => sum = (await ReadAllAsync(client, url, "total", cancellationToken)).Sum, url == mine ? GroupsInARow : 1);
                WrongAnswerException.ThrowIf(sum != expected, $"{url} adds up to {sum}, not {expected}.");
                return elapsed;
            }

            var alone = await Measure.InTurnsAsync(
                scale.Rounds, cancellationToken, () => AskAsync(mine), () => Measure.MillisecondsAsync(() => RowsAsync(duck, sql, cancellationToken), GroupsInARow));
            var beside = await Measure.InTurnsAsync(scale.IsCheck ? 1 : 2, cancellationToken, () => AskAsync(mine), () => AskAsync(others));
            figures.Add(new Figure(Name, $"$apply by {what}; the same SQL in DuckDB alone", "ms", alone[0], alone[1], Bound.RatioAtMost, 1.5));
            figures.Add(new Figure(Name, $"$apply by {what}; the peer's", "ms", beside[0], beside[1], Bound.RatioAtMost, 0.1));
        }

        return figures;
    }

    /// <summary>Slices of one item, always the same or each time another: what is remembered of a request then helps nobody.</summary>
    private static async Task<IEnumerable<Figure>> SlicesAsync(Scale scale, World world, DuckDbInstance duck, HttpClient client, string ours, string theirs, CancellationToken cancellationToken)
    {
        var (from, to) = (world.Last.AddDays(-200), world.Last);
        var items = (await RowsAsync(
            duck,
            $"""
            SELECT probe__item, sum({World.Wide}_a__sum)::BIGINT FROM (
                SELECT *, row_number() OVER (PARTITION BY probe__item ORDER BY bucket, probe__device) AS place FROM wide WHERE bucket >= DATE '{from:yyyy-MM-dd}' AND bucket < DATE '{to:yyyy-MM-dd}')
            WHERE place <= 100 GROUP BY 1 ORDER BY 1
            """,
            cancellationToken)).Select(r => r.Split('|')).Select(r => (Item: r[0], Sum: long.Parse(r[1], CultureInfo.InvariantCulture))).ToArray();
        string Filter(string day, string name, string item) => Uri.EscapeDataString($"{day} ge {from:yyyy-MM-dd} and {day} lt {to:yyyy-MM-dd} and {name} eq '{item}'") + "&$top=100";
        async Task<double> RateAsync(Func<string, string> address, string column, int among)
        {
            var start = TimeProvider.System.GetTimestamp();
            var asked = -1;
            var counts = await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(
                async () =>
                {
                    var count = 0;
                    do
                    {
                        var (item, sum) = items[Interlocked.Increment(ref asked) % among];
                        var rows = JsonNode.Parse(await client.GetByteArrayAsync(address(item), cancellationToken))!["value"]!.AsArray();
                        WrongAnswerException.ThrowIf(rows.Sum(r => (long)r![column]!) != sum, $"{address(item)} gives other rows than it should.");
                        count++;
                    }
                    while (TimeProvider.System.GetElapsedTime(start) < scale.LoadDuration);

                    return count;
                },
                cancellationToken)));
            return counts.Sum() / TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        }

        var figures = new List<Figure>();
        foreach (var (among, what) in new[] { (1, "of one item"), (items.Length, string.Create(CultureInfo.InvariantCulture, $"of each time another of {items.Length:N0} items")) })
        {
            var rates = await Measure.InTurnsAsync(
                scale.Rounds,
                cancellationToken,
                () => RateAsync(item => $"{ours}?$filter={Filter("metric_time__day", "probe__item", item)}", Amount, among),
                () => RateAsync(item => $"{theirs}/Rows?$filter={Filter("Day", "Item", item)}", "Amount", among));
            figures.Add(new Figure(Name, $"$filter {what} and 200 days, $top=100, {Connections} connections; the peer's", "/s", rates[0], rates[1], Bound.RatioAtLeast, 15));
        }

        return figures;
    }

    /// <summary>The same rows in SQLite, as the peer has them.</summary>
    private static async Task FillAsync(DuckDbSession session, string file, CancellationToken cancellationToken)
    {
        await using var connection = new SqliteConnection("Data Source=" + file);
        await connection.OpenAsync(cancellationToken);
        async Task ExecuteAsync(string sql)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        await ExecuteAsync("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE rows (Id TEXT PRIMARY KEY, Day TEXT, Month TEXT, Item TEXT, Device TEXT, Count INTEGER, Amount INTEGER, LoadedAt TEXT) WITHOUT ROWID");
        await using (var transaction = connection.BeginTransaction())
        {
            await using var insert = connection.CreateCommand();
            insert.Transaction = transaction;
            insert.CommandText = "INSERT INTO rows VALUES (@p0, @p1, @p2, @p3, @p4, @p5, @p6, @p7)";
            var parameters = Enumerable.Range(0, 8).Select(i => insert.Parameters.Add(new SqliteParameter(string.Create(CultureInfo.InvariantCulture, $"@p{i}"), null))).ToList();
            await session.QueryAsync(
                new SqlStatement($"""
                    SELECT strftime(bucket, '%Y-%m-%d') || '~.' || probe__item || '~.' || probe__device, strftime(bucket, '%Y-%m-%d'), strftime(date_trunc('month', bucket), '%Y-%m-%d'), probe__item, probe__device,
                        {World.Wide}_n__count::BIGINT, {World.Wide}_a__sum::BIGINT, '2026-01-01 00:00:00' FROM wide ORDER BY ALL
                    """),
                reader =>
                {
                    while (reader.Read())
                    {
                        for (var i = 0; i < parameters.Count; i++)
                        {
                            parameters[i].Value = reader.GetValue(i);
                        }

                        insert.ExecuteNonQuery();
                    }

                    return 0;
                },
                cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        await ExecuteAsync("CREATE INDEX by_item ON rows (Item, Day); ANALYZE");
    }

    private static async Task<string[]> RowsAsync(DuckDbInstance duck, string sql, CancellationToken cancellationToken)
    {
        await using var session = await duck.OpenAsync(cancellationToken);
        return await World.RowsAsync(session, sql, cancellationToken);
    }

    private static async Task<double> FirstByteAsync(HttpClient client, string url, CancellationToken cancellationToken)
    {
        var start = TimeProvider.System.GetTimestamp();
        using var response = await SendAsync(client, url, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await body.ReadExactlyAsync(new byte[1], cancellationToken);
        return TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, string url, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { { "Prefer", MaxPage } } };
        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        WrongAnswerException.ThrowIf(!response.IsSuccessStatusCode, $"{url} gives {(int)response.StatusCode}: {(response.IsSuccessStatusCode ? "" : await response.Content.ReadAsStringAsync(cancellationToken))}");
        return response;
    }

    /// <summary>Rows and the sum of a column over all pages. Only tokens are read, so that the client costs as little as it can.</summary>
    /// <summary>Follows the pages of a feed to their end: how many rows they have, and the sum of a column.</summary>
    internal static async Task<(long Rows, long Sum)> ReadAllAsync(HttpClient client, string url, string column, CancellationToken cancellationToken)
    {
        var counter = new RowCounter(column);
        for (string? next = url; next is not null; next = counter.Next)
        {
            counter.Next = null;
            using var response = await SendAsync(client, next, cancellationToken);
            var pipe = PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellationToken), new StreamPipeReaderOptions(bufferSize: 256 * 1024));
            var state = default(JsonReaderState);
            while (true)
            {
                var read = await pipe.ReadAsync(cancellationToken);
                var (consumed, after) = counter.Read(read, state);
                state = after;
                pipe.AdvanceTo(consumed, read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }

            await pipe.CompleteAsync();
        }

        return (counter.Rows, counter.Sum);
    }

    /// <summary>Counts rows in a payload that comes in pieces.</summary>
    private sealed class RowCounter(string column)
    {
        private readonly byte[] _column = Encoding.UTF8.GetBytes(column);
        private bool _isColumn;
        private bool _isNext;

        public long Rows { get; private set; }

        public long Sum { get; private set; }

        public string? Next { get; set; }

        public (SequencePosition Consumed, JsonReaderState State) Read(ReadResult read, JsonReaderState state)
        {
            var reader = new Utf8JsonReader(read.Buffer, read.IsCompleted, state);
            while (reader.Read())
            {
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        _isColumn = reader.CurrentDepth == 3 && reader.ValueTextEquals(_column);
                        _isNext = reader.CurrentDepth == 1 && reader.ValueTextEquals("@odata.nextLink"u8);
                        break;
                    case JsonTokenType.Number when _isColumn:
                        Sum += reader.GetInt64();
                        _isColumn = false;
                        break;
                    case JsonTokenType.String when _isNext:
                        Next = reader.GetString();
                        _isNext = false;
                        break;
                    case JsonTokenType.EndObject when reader.CurrentDepth == 2:
                        Rows++;
                        break;
                }
            }

            return (reader.Position, reader.CurrentState);
        }
    }
}
