using System.Text;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Tests.Gold;

/// <summary>What every gold store must do. A suite an implementation.</summary>
public abstract class GoldStoreContract : IDisposable
{
    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    /// <summary>Another store over the same items, as another process would have it.</summary>
    protected abstract IGoldStore Open();

    [Fact]
    public async Task AnItemComesBackAsItWasWritten()
    {
        var store = Open();
        var body = Bytes(1, 390_000);
        var item = new GoldItem("p", "s", 7, body.AsMemory(), Clock.GetUtcNow().AddDays(1));
        Assert.True(await store.TryPutAsync(item, null, Cancel));
        await store.PutAsync([new GoldItem("p", "part", 1, body.AsMemory(10, 20)), new GoldItem("p", "empty", 2, ReadOnlyMemory<byte>.Empty)], Cancel);

        var read = await Open().GetAsync("p", "s", Cancel);
        Assert.NotNull(read);
        Assert.Equal((item.Pk, item.Sk, 7L, item.ExpiresAt), (read.Pk, read.Sk, read.Revision, read.ExpiresAt));
        Assert.True(read.Body.Span.SequenceEqual(body));
        Assert.True((await store.GetAsync("p", "part", Cancel))!.Body.Span.SequenceEqual(body.AsSpan(10, 20)));
        Assert.Equal(0, (await store.GetAsync("p", "empty", Cancel))!.Body.Length);
        Assert.Null((await store.GetAsync("p", "empty", Cancel))!.ExpiresAt);
        Assert.Null(await store.GetAsync("p", "none", Cancel));
        Assert.Null(await store.GetAsync("none", "s", Cancel));
    }

    [Fact]
    public async Task AConditionalPutComparesTheRevision()
    {
        var store = Open();
        Assert.False(await store.TryPutAsync(Item("p", "s", 2, "x"), 1, Cancel));
        Assert.Null(await store.GetAsync("p", "s", Cancel));
        Assert.True(await store.TryPutAsync(Item("p", "s", 1, "a"), null, Cancel));
        Assert.False(await store.TryPutAsync(Item("p", "s", 9, "b"), null, Cancel));
        Assert.False(await store.TryPutAsync(Item("p", "s", 9, "b"), 2, Cancel));
        Assert.Equal("a", Text(await store.GetAsync("p", "s", Cancel)));
        Assert.True(await store.TryPutAsync(Item("p", "s", 2, "c"), 1, Cancel));
        Assert.Equal("c", Text(await store.GetAsync("p", "s", Cancel)));
        Assert.False(await store.TryDeleteAsync("p", "s", 1, Cancel));
        Assert.True(await store.TryDeleteAsync("p", "s", 2, Cancel));
        Assert.False(await store.TryDeleteAsync("p", "s", 2, Cancel));
        Assert.False(await store.TryPutAsync(Item("p", "s", 3, "d"), 2, Cancel));
        Assert.Null(await store.GetAsync("p", "s", Cancel));
    }

    [Fact]
    public async Task OneOfFortyRacersWinsEachRevision()
    {
        IGoldStore[] stores = [Open(), Open()];
        for (var revision = 0L; revision < 5; revision++)
        {
            var expected = revision == 0 ? null : (long?)revision;
            var wins = await Task.WhenAll(Enumerable.Range(0, 40).Select(racer => stores[racer % 2].TryPutAsync(
                Item("p", "s", (expected ?? 0) + 1, racer.ToString(System.Globalization.CultureInfo.InvariantCulture)), expected, Cancel)));
            Assert.Equal(1, wins.Count(won => won));
            Assert.Equal(Array.IndexOf(wins, true).ToString(System.Globalization.CultureInfo.InvariantCulture), Text(await stores[0].GetAsync("p", "s", Cancel)));
        }
    }

    [Fact]
    public async Task CountersOfTwoStoresLoseNoIncrement()
    {
        IGoldStore[] stores = [Open(), Open()];
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async worker =>
        {
            var store = stores[worker % 2];
            for (var done = 0; done < 10;)
            {
                var current = await store.GetAsync("p", "n", Cancel);
                var next = (current?.Revision ?? 0) + 1;
                done += await store.TryPutAsync(Item("p", "n", next, "x"), current?.Revision, Cancel) ? 1 : 0;
            }
        }));
        Assert.Equal(80, (await stores[0].GetAsync("p", "n", Cancel))!.Revision);
    }

    [Fact]
    public async Task QueriesGiveAPrefixInTheOrderOfUtf8()
    {
        var store = Open();
        string[] keys =
        [
            "a", "a#", "a#1", "a#10", "a#2", "a#é", "a#￿", "a#😀", "a#\U0010FFFF", "a#\U0010FFFFx", "a#퟿z", "a$", "A#1", "b", "%", "_", "a#'\"; drop table items; --", "ß#", "日本",
        ];
        await store.PutAsync([.. keys.Select(key => Item("p", key, 1, key)), Item("p2", "a#1", 1, "other"), Item("P", "a#1", 1, "other")], Cancel);
        foreach (var prefix in new[] { "", "a", "a#", "a#1", "a#\U0010FFFF", "a#퟿", "%", "_", "nothing", "日", "\U0010FFFF" })
        {
            var expected = keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(key => Convert.ToHexString(Encoding.UTF8.GetBytes(key)), StringComparer.Ordinal).ToArray();
            Assert.Equal(expected, await store.QueryAsync("p", prefix, false, Cancel).Select(item => item.Sk).ToArrayAsync(Cancel));
            Assert.Equal(expected.Reverse(), await store.QueryAsync("p", prefix, true, Cancel).Select(item => item.Sk).ToArrayAsync(Cancel));
            Assert.Equal(expected, await store.ListAsync("p", prefix, Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
        }

        Assert.All(await store.QueryAsync("p", "", false, Cancel).ToArrayAsync(Cancel), item => Assert.Equal(item.Sk, Text(item)));
    }

    [Fact]
    public async Task QueriesOfManyItemsGiveEachOnce()
    {
        var store = Open();
        var keys = Enumerable.Range(0, 2500).Select(number => $"k{number:00000}").ToArray();
        await store.PutAsync([.. keys.Select((key, number) => new GoldItem("p", key, number, Bytes(number, number % 50)))], Cancel);
        Assert.Equal(keys, await store.QueryAsync("p", "k", false, Cancel).Select(item => item.Sk).ToArrayAsync(Cancel));
        Assert.Equal(keys.Reverse().Take(100), await store.QueryAsync("p", "k", true, Cancel).Take(100).Select(item => item.Sk).ToArrayAsync(Cancel));
        Assert.Equal(
            keys.Select((key, number) => new GoldKey(key, number, number % 50)), await store.ListAsync("p", "", Cancel).ToArrayAsync(Cancel));
        var some = keys.Where((_, number) => number % 7 == 0).Append("missing").Append(keys[0]).ToArray();
        Assert.Equal(
            some.Where(key => key != "missing").Distinct(), (await store.GetManyAsync("p", some, Cancel).Select(item => item.Sk).ToArrayAsync(Cancel)).Order(StringComparer.Ordinal));
        await store.DeleteAsync("p", [.. some], Cancel);
        Assert.Equal(keys.Except(some), await store.ListAsync("p", "", Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task ExpiredItemsAreNotThere()
    {
        var store = Open();
        var soon = Clock.GetUtcNow().AddSeconds(30);
        await store.PutAsync([Item("p", "a", 5, "a") with { ExpiresAt = soon }, Item("p", "b", 5, "b"), Item("p", "c", 5, "c") with { ExpiresAt = soon.AddSeconds(60) }], Cancel);
        Assert.Equal(["a", "b", "c"], await store.ListAsync("p", "", Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
        Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Null(await store.GetAsync("p", "a", Cancel));
        Assert.Equal(["b", "c"], await store.ListAsync("p", "", Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
        Assert.Equal(["b", "c"], await store.QueryAsync("p", "", false, Cancel).Select(item => item.Sk).ToArrayAsync(Cancel));
        Assert.Equal(["b"], await store.GetManyAsync("p", ["a", "b"], Cancel).Select(item => item.Sk).ToArrayAsync(Cancel));
        Assert.False(await store.TryPutAsync(Item("p", "a", 6, "x"), 5, Cancel));
        Assert.False(await store.TryDeleteAsync("p", "a", 5, Cancel));
        Assert.True(await store.TryPutAsync(Item("p", "a", 1, "new"), null, Cancel));
        Assert.Equal("new", Text(await store.GetAsync("p", "a", Cancel)));

        // Once it was removed for good, an expired item stays away even if the clock is set back.
        Clock.Advance(TimeSpan.FromDays(1));
        await store.PutAsync([Item("p", "d", 1, "d")], Cancel);
        Assert.Equal(["a", "b", "d"], await store.ListAsync("p", "", Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task WrongKeysAndBodiesAreRefused()
    {
        var store = Open();
        await Assert.ThrowsAsync<ArgumentException>(() => store.TryPutAsync(new GoldItem("p", "s", 1, new byte[IGoldStore.MaxBodyBytes + 1]), null, Cancel));
        foreach (var (pk, sk) in new[] { ("", "s"), ("p", ""), ("p", "a\0b"), ("p\n", "s"), ("p", "\uD800"), (new string('é', 1025), "s"), ("p", new string('é', 513)) })
        {
            await Assert.ThrowsAsync<ArgumentException>(() => store.PutAsync([Item("p", "good", 1, "x"), Item(pk, sk, 1, "x")], Cancel));
            await Assert.ThrowsAsync<ArgumentException>(() => store.GetAsync(pk, sk, Cancel));
            await Assert.ThrowsAsync<ArgumentException>(() => store.DeleteAsync(pk, [sk], Cancel));
        }

        Assert.Empty(await store.ListAsync("p", "", Cancel).ToArrayAsync(Cancel));
        await store.PutAsync([Item(new string('é', 1024), new string('é', 512), 1, "long")], Cancel);
        Assert.Equal("long", Text(await store.GetAsync(new string('é', 1024), new string('é', 512), Cancel)));
    }

    [Fact]
    public async Task ReadersSeeWholeItemsWhileTheyAreReplaced()
    {
        IGoldStore[] stores = [Open(), Open()];
        await stores[0].PutAsync([new GoldItem("p", "s", 0, new byte[100_000])], Cancel);
        var writer = Task.Run(async () =>
        {
            for (byte round = 1; round <= 60; round++)
            {
                var body = new byte[100_000];
                body.AsSpan().Fill(round);
                await stores[0].PutAsync([new GoldItem("p", "s", round, body)], Cancel);
            }
        }, Cancel);
        do
        {
            var item = await stores[1].GetAsync("p", "s", Cancel);
            Assert.True(item!.Body.Span.IndexOfAnyExcept((byte)item.Revision) < 0);
        }
        while (!writer.IsCompleted);
        await writer;
        Assert.Equal(60, (await stores[1].GetAsync("p", "s", Cancel))!.Revision);
    }

    [Fact]
    public async Task ACancelledCallThrows()
    {
        var store = Open();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.GetAsync("p", "s", new CancellationToken(true)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.PutAsync([Item("p", "s", 1, "x")], new CancellationToken(true)));
    }

    public abstract void Dispose();

    protected static GoldItem Item(string pk, string sk, long revision, string body) => new(pk, sk, revision, Encoding.UTF8.GetBytes(body));

    protected static byte[] Bytes(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected static string? Text(GoldItem? item) => item is null ? null : Encoding.UTF8.GetString(item.Body.Span);
}
