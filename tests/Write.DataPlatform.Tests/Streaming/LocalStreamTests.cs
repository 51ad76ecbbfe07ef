using System.Text;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Local;
using Write.DataPlatform.Tests.Gold;
using Write.DataPlatform.Tests.Query;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>The local log.</summary>
public sealed class LocalStreamTests : EventStreamContract, IAsyncDisposable
{
    private const string Shard = "partition-000";

    private readonly TempFolder _folder = new();
    private readonly List<LocalStream> _streams = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var stream in _streams)
        {
            await stream.DisposeAsync();
        }

        _folder.Dispose();
    }

    [Fact]
    public async Task What_was_accepted_is_there_after_a_restart_and_numbers_are_never_used_again()
    {
        var log = Open("log");
        var first = await PutAsync(log, "a", "b");
        await log.DisposeAsync();
        var again = Open("log");
        var second = await PutAsync(again, "c");
        Assert.True(second[0] > first[1]);
        Assert.Equal("a b c", Text(await ReadAsync(again, Shard, ShardPosition.TrimHorizon, 3)));
        Assert.Equal("c", Text(await ReadAsync(again, Shard, ShardPosition.After(first[1]), 1)));
        var refused = await Assert.ThrowsAsync<StreamException>(() => log.PutAsync([new PutRecord("k", default)], Cancel));
        Assert.Equal(StreamErrorCodes.Unavailable, refused.Code);
    }

    [Fact]
    public async Task One_process_writes_and_others_are_told()
    {
        var log = Open("log");
        await PutAsync(log, "a");
        var other = Open("log");
        var exception = await Assert.ThrowsAsync<StreamException>(() => other.PutAsync([new PutRecord("k", default)], Cancel));
        Assert.Equal((StreamErrorCodes.Locked, true), (exception.Code, exception.IsTransient));
        Assert.Contains("writer.lock", exception.Message, StringComparison.Ordinal);
        Assert.Equal("a", Text(await ReadAsync(other, Shard, ShardPosition.TrimHorizon, 1)));
        await log.DisposeAsync();
        Assert.Single(await PutAsync(other, "b"));
    }

    /// <summary>A crash leaves any part of what was not accepted yet, or rubbish in its place. What was accepted stays, and the log goes on.</summary>
    [Fact]
    public async Task A_write_torn_at_any_byte_costs_nothing_that_was_accepted()
    {
        var log = Open("log");
        await PutAsync(log, "a", "b");
        var (commit, segment) = (Path.Combine(_folder.Path, "log", Shard, "committed"), Assert.Single(Directory.GetFiles(Path.Combine(_folder.Path, "log", Shard), "*.log")));
        var (committed, length) = (await File.ReadAllBytesAsync(commit, Cancel), new FileInfo(segment).Length);
        await PutAsync(log, "c");
        await PutAsync(log, "d");
        await log.DisposeAsync();
        var whole = await File.ReadAllBytesAsync(segment, Cancel);
        var random = new Random(7);
        for (var cut = (int)length; cut <= whole.Length; cut++)
        {
            var torn = whole[..cut];
            var tail = cut % 3;
            byte[] garbage = tail == 0 ? [] : new byte[random.Next(1, 90)];
            if (tail == 2)
            {
                random.NextBytes(garbage);
            }

            await File.WriteAllBytesAsync(segment, [.. torn, .. garbage], Cancel);
            await File.WriteAllBytesAsync(commit, cut % 5 == 4 ? committed[..^1] : committed, Cancel);
            foreach (var file in Directory.GetFiles(Path.GetDirectoryName(segment)!, "*.log").Where(file => file != segment))
            {
                File.Delete(file);
            }

            // What a crash left is on the disk already, so nothing is waited for.
            var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
            var again = Open("log", new LocalLogOptions { Partitions = 1, Flush = FlushPolicy.Never }, clock);
            await PutAsync(again, "e");
            var read = Text(await ToTheTipAsync(again, clock));
            var lengthOfOne = (whole.Length - length) / 2;
            var kept = cut - length >= 2 * lengthOfOne ? "a b c d e" : cut - length >= lengthOfOne ? "a b c e" : "a b e";
            Assert.True(kept == read, $"cut at {cut} of {whole.Length}: {read}");
            await again.DisposeAsync();
        }
    }

    [Fact]
    public async Task Damage_in_the_middle_costs_the_damaged_record_alone_and_is_told()
    {
        var log = Open("log");
        var sequences = await PutAsync(log, [.. Enumerable.Range(0, 20).Select(i => $"record number {i}")]);
        await log.DisposeAsync();
        var segment = Assert.Single(Directory.GetFiles(Path.Combine(_folder.Path, "log", Shard), "*.log"));
        var bytes = await File.ReadAllBytesAsync(segment, Cancel);
        var at = Encoding.UTF8.GetString(bytes).IndexOf("number 7", StringComparison.Ordinal);
        bytes[bytes.AsSpan().IndexOf("number 7"u8)] ^= 0x40;
        Assert.True(at > 0);
        await File.WriteAllBytesAsync(segment, bytes, Cancel);
        var again = Open("log");
        await PutAsync(again, "last");
        await using var reader = await again.OpenAsync(Shard, ShardPosition.TrimHorizon, Cancel);
        List<StreamRecord> read = [];
        var hasGap = false;
        while (read.Count < 20)
        {
            var batch = await reader.ReadAsync(cancellationToken: Cancel);
            hasGap |= batch.HasGap;
            read.AddRange(batch.Records);
        }

        Assert.True(hasGap);
        Assert.Equal([.. sequences.Where((_, i) => i != 7)], read.SkipLast(1).Select(record => record.Sequence));
        Assert.Equal("last", Text(read.TakeLast(1)));
    }

    [Fact]
    public async Task A_full_disk_refuses_whole_and_nothing_half_is_seen()
    {
        var log = Open("log");
        LogWriter? writer = null;
        log.WriterMade = made => writer = made;
        await PutAsync(log, "a");
        var write = writer!.Write;
        await using var reader = await log.OpenAsync(Shard, ShardPosition.TrimHorizon, Cancel);
        Assert.Equal("a", Text(await ReadAsync(reader, 1)));
        for (var written = 0; written < 3; written++)
        {
            // Part of it is written before the disk is full, even whole records.
            writer.Write = async (file, bytes, offset) =>
            {
                await write(file, bytes[..(bytes.Length * written / 3)], offset);
                throw new IOException("No space left on device", 28);
            };
            var results = await log.PutAsync([new PutRecord("k", "x"u8.ToArray()), new PutRecord("k", "y"u8.ToArray()), new PutRecord("k", "z"u8.ToArray())], Cancel);
            Assert.All(results, result => Assert.Equal((StreamErrorCodes.Full, true), (result.Error!.Code, result.Error.IsTransient)));
            Assert.Empty((await reader.ReadAsync(cancellationToken: Cancel)).Records);
        }

        Assert.InRange(Directory.GetFiles(Path.Combine(_folder.Path, "log", Shard), "*.log").Length, 1, 2);
        writer.Write = write;
        await PutAsync(log, "b");
        Assert.Equal("b", Text(await ReadAsync(reader, 1)));
        Assert.Equal("a b", Text(await ReadAllAsync(log)));
        await log.DisposeAsync();
        Assert.Equal("a b", Text(await ReadAllAsync(Open("log"))));
    }

    [Fact]
    public async Task Old_and_too_large_files_go_and_who_missed_them_is_told()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero)) { AutoAdvanceAmount = TimeSpan.FromMilliseconds(20) };
        var options = new LocalLogOptions { Partitions = 1, SegmentMegabytes = 1, MaxMegabytes = 4, Retention = TimeSpan.FromHours(1) };
        var log = Open("log", options, clock);
        var first = (await log.PutAsync([new PutRecord("k", new byte[900_000])], Cancel)).Single().Sequence!.Value;
        for (var i = 0; i < 8; i++)
        {
            await log.PutAsync([new PutRecord("k", new byte[900_000])], Cancel);
        }

        // Two records a file, of which the last makes it larger than a segment.
        Assert.InRange(Directory.GetFiles(Path.Combine(_folder.Path, "log", Shard), "*.log").Sum(file => new FileInfo(file).Length), 1, 5 << 20);
        await using var reader = await log.OpenAsync(Shard, ShardPosition.After(first), Cancel);
        Assert.True((await reader.ReadAsync(cancellationToken: Cancel)).HasGap);
        await using var late = await log.OpenAsync(Shard, ShardPosition.At(first), Cancel);
        Assert.True((await late.ReadAsync(cancellationToken: Cancel)).HasGap);
        var read = (await ToTheTipAsync(log, clock)).ConvertAll(record => record.Sequence);
        await using (var next = await log.OpenAsync(Shard, ShardPosition.At(read[1]), Cancel))
        {
            Assert.False((await next.ReadAsync(cancellationToken: Cancel)).HasGap);
        }

        clock.Advance(TimeSpan.FromHours(2));
        await log.PutAsync([new PutRecord("k", new byte[900_000])], Cancel);
        await log.PutAsync([new PutRecord("k", "young"u8.ToArray())], Cancel);
        await log.PutAsync([new PutRecord("k", "younger"u8.ToArray())], Cancel);
        Assert.DoesNotContain(read[^2], (await ToTheTipAsync(log, clock)).Select(record => record.Sequence));
    }

    [Theory]
    [InlineData(FlushPolicy.Interval)]
    [InlineData(FlushPolicy.Never)]
    public async Task Other_flush_policies_keep_records_over_a_restart(FlushPolicy policy)
    {
        var options = new LocalLogOptions { Partitions = 1, Flush = policy, FlushInterval = TimeSpan.FromMilliseconds(10) };
        var log = Open("log", options);
        await PutAsync(log, "a", "b");
        await log.DisposeAsync();
        Assert.Equal("a b", Text(await ReadAllAsync(Open("log", options))));
    }

    [Fact]
    public async Task A_log_whose_description_is_damaged_is_told()
    {
        Directory.CreateDirectory(_folder.File("log"));
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "log", "log.json"), "{\"partitions\":0}", Cancel);
        var exception = await Assert.ThrowsAsync<StreamException>(() => Open("log").ListShardsAsync(Cancel));
        Assert.Equal(StreamErrorCodes.Damaged, exception.Code);
    }

    [Fact]
    public void Sequence_numbers_and_positions_are_read_as_they_are_written() => Gen.Select(Gen.ULong, Gen.ULong, Gen.Long[0, long.MaxValue], Gen.Int[0, 4]).Sample(
        (high, low, sub, kind) =>
        {
            var number = new SequenceNumber(new System.Numerics.BigInteger(high) * ulong.MaxValue * 1_000_000_007 + low, sub);
            Assert.Equal(number, SequenceNumber.Parse(number.ToString()));
            Assert.True(number < number with { Number = number.Number + 1 });
            Assert.True(sub == long.MaxValue || number < number with { Sub = sub + 1 });
            var position = kind switch
            {
                0 => ShardPosition.At(number),
                1 => ShardPosition.After(number),
                2 => ShardPosition.Since(DateTimeOffset.UnixEpoch.AddMilliseconds(low % 4_000_000_000_000)),
                3 => ShardPosition.End,
                _ => ShardPosition.TrimHorizon,
            };
            Assert.True(ShardPosition.TryParse(position.ToString(), out var read));
            Assert.Equal(position, read);
            Assert.False(SequenceNumber.TryParse("-" + number, out _));
            Assert.False(ShardPosition.TryParse(position + " ", out _));
        },
        iter: RandomCases.Of(500));

    private protected override Task<IEventStream> NewAsync(int shards) => Task.FromResult<IEventStream>(Open("log", new LocalLogOptions { Partitions = shards }));

    private protected override async Task<IEventStream> RemakeAsync(IEventStream stream)
    {
        await ((LocalStream)stream).DisposeAsync();
        Directory.Delete(_folder.File(stream.Name), recursive: true);
        return Open(stream.Name);
    }

    /// <summary>Who reads to the tip waits a second for more, by a clock that stands still unless it is moved.</summary>
    private static async Task<List<StreamRecord>> ToTheTipAsync(LocalStream log, FakeTimeProvider clock)
    {
        var all = ReadAllAsync(log);
        while (!all.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(all, Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, Cancel));
        }

        return await all;
    }

    private LocalStream Open(string name, LocalLogOptions? options = null, TimeProvider? time = null)
    {
        var stream = new LocalStream(name, _folder.File(name), options ?? new LocalLogOptions { Partitions = 1 }, time ?? TimeProvider.System, NullLogger<LocalStream>.Instance);
        _streams.Add(stream);
        return stream;
    }
}
