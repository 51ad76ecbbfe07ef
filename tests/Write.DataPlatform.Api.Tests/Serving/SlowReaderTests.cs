using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Api.Tests.Security;

namespace Write.DataPlatform.Api.Tests.Serving;

/// <summary>Those who ask for much and take it slowly, or not at all.</summary>
public sealed class SlowReaderTests
{
    private const int Readers = 24;
    private const int Places = 4;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>More of them than a tenant has places take nothing of their answers: others are served, and when their time is over their places are free again.</summary>
    [Theory]
    [InlineData("gold")]
    [InlineData("lake")]
    public async Task Slow_readers_hold_up_nobody_else_and_not_for_ever(string source)
    {
        await using var server = new SmallServer();
        await File.AppendAllTextAsync(server.ModelFile, """
            tenants:
              - { name: slow, where: "{{ Dimension('visit__country') }} IS NOT NULL" }
              - { name: quick, where: "{{ Dimension('visit__country') }} IS NOT NULL" }

            """, Cancel);
        // Twenty million bytes of answer, more than lies in the buffers of two sockets.
        SmallServer.Sql($"""
            COPY (SELECT i AS id, TIMESTAMP '2026-01-01' + to_minutes(i) AS started_at, repeat('x', 600) || i AS country, 1::BIGINT AS seconds FROM range(30000) AS r(i))
            TO '{server.MonthFile(SmallServer.Months[0])}' (FORMAT parquet)
            """);
        await server.StartAsync(settings: [("DataPlatform:Limits:QueryTimeout", Timeout.ToString("c")), ("DataPlatform:Limits:MaxConcurrentPerTenant", Places.ToString(CultureInfo.InvariantCulture))]);
        await server.RefreshAsync();
        var (slow, quick) = (await server.KeyAsync("slow"), await server.KeyAsync("quick"));
        List<TcpClient> readers = [];
        var began = TimeProvider.System.GetTimestamp();
        try
        {
            for (var i = 0; i < Readers; i++)
            {
                var reader = new TcpClient { ReceiveBufferSize = 4096 };
                readers.Add(reader);
                await reader.ConnectAsync(IPAddress.Loopback, server.Client.BaseAddress!.Port, Cancel);
                // Each asks for something else, so that nobody's answer is known.
                await reader.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET /v1/query?metrics=visits,seconds&groupBy=visit__country&source={source}&limit={40_000 + i} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {slow}\r\n\r\n"), Cancel);
            }

            Assert.Equal(HttpStatusCode.OK, (await TwinServers.SendAsync(server.Client, quick, HttpMethod.Get, "/v1/query?metrics=visits&source=gold")).Status);
            Assert.Equal(HttpStatusCode.OK, (await TwinServers.SendAsync(server.Client, slow, HttpMethod.Get, "/v1/metrics")).Status);

            // The tenant itself waits, as long as any query may, until those who take nothing have to give up.
            HttpStatusCode status;
            for (var tries = 0; (status = (await TwinServers.SendAsync(server.Client, slow, HttpMethod.Get, "/v1/query?metrics=visits&source=gold").WaitAsync(TimeSpan.FromMinutes(2), Cancel)).Status) == HttpStatusCode.GatewayTimeout; tries++)
            {
                Assert.True(tries < 5, "Nobody gives up.");
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Cancel);
            }

            Assert.Equal(HttpStatusCode.OK, status);

            // The time of all of them is over.
            var left = Timeout + TimeSpan.FromSeconds(5) - TimeProvider.System.GetElapsedTime(began);
            await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, TimeProvider.System, Cancel);
            var answers = await Task.WhenAll(readers.Select(TakeAsync));
            Assert.DoesNotContain(answers, a => a.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) && a.EndsWith("0\r\n\r\n", StringComparison.Ordinal));
            Assert.All(answers, a => Assert.True(a.Length == 0 || a.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) || a.StartsWith("HTTP/1.1 504", StringComparison.Ordinal), a[..Math.Min(a.Length, 400)]));

            // Those of the places, and those who had them in the last moment of their time: the others' answers were never made.
            Assert.InRange(answers.Count(a => a.StartsWith("HTTP/1.1 200", StringComparison.Ordinal)), 1, 3 * Places);
        }
        finally
        {
            readers.ForEach(r => r.Dispose());
        }
    }

    /// <summary>What is sent waits at the server in pieces, not as a whole for each of those who take it slowly.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1_000)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(3_000_000)]
    public async Task No_more_is_given_to_a_connection_than_it_takes(int length)
    {
        var body = new byte[length];
        new Random(length).NextBytes(body);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 65_536, resumeWriterThreshold: 32_768, useSynchronizationContext: false));
        var sending = AnswerEndpoint.SendAsync(pipe.Writer, body, Cancel);
        var (taken, most) = (new List<byte>(), 0L);
        var sent = sending.ContinueWith(_ => pipe.Writer.Complete(), Cancel, TaskContinuationOptions.None, TaskScheduler.Default);
        while (true)
        {
            var read = await pipe.Reader.ReadAsync(Cancel);
            most = Math.Max(most, read.Buffer.Length);
            var piece = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, 50_000));
            foreach (var memory in piece)
            {
                taken.AddRange(memory.Span);
            }

            pipe.Reader.AdvanceTo(piece.End);
            if (read.IsCompleted && piece.Length == read.Buffer.Length)
            {
                break;
            }
        }

        await sending;
        await sent;
        Assert.Equal(body, taken);
        Assert.InRange(most, 0, 2 * 65_536);
    }

    /// <summary>What has come until the connection ended, read after all.</summary>
    private static async Task<string> TakeAsync(TcpClient reader)
    {
        var text = new StringBuilder();
        var buffer = new byte[65_536];
        try
        {
            int count;
            while ((count = await reader.GetStream().ReadAsync(buffer, Cancel).AsTask().WaitAsync(TimeSpan.FromMinutes(1), Cancel)) > 0)
            {
                text.Append(Encoding.ASCII.GetString(buffer, 0, count));
            }
        }
        catch (IOException)
        {
            // The server has cut it off.
        }

        return text.ToString();
    }
}
