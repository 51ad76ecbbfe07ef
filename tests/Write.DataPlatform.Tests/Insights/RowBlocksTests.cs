using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Tests.Insights;

/// <summary>What is kept of partitions' rows within a megabyte, and when it is read.</summary>
public sealed class RowBlocksTests : IAsyncDisposable
{
    private const int Rows = 20_000;

    private readonly FakeTimeProvider _clock = new();
    private readonly DuckDbInstance _instance = new(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 });
    private readonly RowBlocks _blocks;
    private readonly List<string> _read = [];

    public RowBlocksTests() => _blocks = new RowBlocks(null!, Options.Create(new GoldOptions { RowsMegabytes = 1 }), _clock, NullLogger<RowBlocks>.Instance);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _blocks.DisposeAsync();
        await _instance.DisposeAsync();
    }

    [Fact]
    public async Task What_is_in_use_is_not_given_up_for_others()
    {
        foreach (var table in new[] { "a", "b", "c" })
        {
            Assert.False(await AskAsync(table));
            Assert.False(await AskAsync(table));
            Assert.True(await AskAsync(table));
        }

        Assert.Equal(3, _blocks.Remembered.Blocks);
        Assert.InRange(_blocks.Remembered.Bytes, 3 * Rows * 2 * sizeof(long), 1 << 20);
        for (var i = 0; i < 3; i++)
        {
            // All are in use, and four do not fit.
            Assert.False(await AskAsync("d"));
        }

        Assert.True(await AskAsync("a"));
        Assert.Equal(["a", "b", "c"], _read);

        // They are idle but for one, and the one that was used longest ago goes.
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.True(await AskAsync("a"));
        Assert.False(await AskAsync("d"));
        Assert.True(await AskAsync("d"));
        Assert.Equal(["a", "b", "c", "d"], _read);
        Assert.True(await AskAsync("a"));
        Assert.True(await AskAsync("c"));

        // What was given up must be asked for twice again.
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.False(await AskAsync("b"));
        Assert.Equal(4, _read.Count);
        Assert.False(await AskAsync("b"));
        Assert.True(await AskAsync("b"));
        Assert.Equal(["a", "b", "c", "d", "b"], _read);
    }

    [Fact]
    public async Task What_has_no_room_is_read_all_the_same_and_not_kept()
    {
        foreach (var table in new[] { "a", "b", "c", "d", "d", "a" })
        {
            Assert.Equal(Rows, (await _blocks.GetAsync(RowsOf(table, Rows), Partition(Rows), Cancel)).Count);
            await _blocks.SettleAsync();
        }

        Assert.Equal(["a", "b", "c", "d", "d"], _read);
        Assert.Equal(3, _blocks.Remembered.Blocks);
    }

    [Fact]
    public async Task What_cannot_be_read_is_not_tried_with_every_question()
    {
        for (var i = 0; i < 5; i++)
        {
            Assert.False(await AskAsync("broken"));
        }

        Assert.Equal(["broken"], _read);
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.False(await AskAsync("broken"));
        Assert.Equal(["broken", "broken"], _read);
        Assert.Equal((0, 0), _blocks.Remembered);
    }

    [Fact]
    public async Task What_would_fill_more_than_half_is_never_read()
    {
        for (var i = 0; i < 3; i++)
        {
            Assert.False(await AskAsync("large", 2 * Rows));
        }

        Assert.Empty(_read);
    }

    /// <returns>Whether it was there.</returns>
    private async Task<bool> AskAsync(string table, int rows = Rows)
    {
        var found = _blocks.TryGet(RowsOf(table, rows), [Partition(rows)]);
        await _blocks.SettleAsync();
        return found is not null;
    }

    private static GoldPartition Partition(int rows) => new()
    {
        Period = "2026-01", From = new DateOnly(2026, 1, 1), To = new DateOnly(2026, 2, 1), Version = "1", DefinitionHash = "", Rows = rows, Bytes = 1, Checksum = "", RefreshedAt = default, RunId = "", Segments = [],
    };

    private BlockRows RowsOf(string table, int rows) => new(table, null, 2, (_, _) => ReadAsync(table, rows));

    private async Task<RowBlock> ReadAsync(string table, int rows)
    {
        _read.Add(table);
        if (table == "broken")
        {
            throw new GoldStoreException("It is broken.", isTransient: false);
        }

        RowColumn[] columns = [new RowColumn("a", RowType.Int64), new RowColumn("b", RowType.Int64)];
        await using var session = await _instance.OpenAsync(Cancel);
        return await session.QueryAsync(new SqlStatement($"SELECT i AS a, i AS b FROM range({rows}) AS r(i)"), reader => RowBlock.Read(reader, [.. columns], [columns[0]]), Cancel);
    }
}
