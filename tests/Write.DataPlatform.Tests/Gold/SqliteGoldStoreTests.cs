using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Sqlite;

namespace Write.DataPlatform.Tests.Gold;

public sealed class SqliteGoldStoreTests : GoldStoreContract
{
    private readonly TempFolder _folder = new();
    private readonly List<SqliteGoldStore> _stores = [];

    protected override IGoldStore Open() => Open(0);

    [Fact]
    public async Task AFullDiskIsToldAndHarmsNothing()
    {
        var store = Open(maxPages: 40);
        await store.InitializeAsync(Cancel);
        await store.PutAsync([new GoldItem("p", "old", 1, Bytes(1, 200_000))], Cancel);
        var error = await Assert.ThrowsAsync<GoldStoreException>(() => store.PutAsync([Item("p", "small", 1, "x"), new GoldItem("p", "new", 1, Bytes(2, 390_000)), new GoldItem("p", "new2", 1, Bytes(2, 390_000))], Cancel));
        Assert.Contains("no space left", error.Message, StringComparison.Ordinal);
        Assert.Contains(_folder.File("gold.db"), error.Message, StringComparison.Ordinal);
        Assert.True(error.IsTransient);
        Assert.Equal(["old"], await store.ListAsync("p", "", Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
        await store.DeleteAsync("p", ["old"], Cancel);
        await store.PutAsync([new GoldItem("p", "new", 1, Bytes(2, 390_000))], Cancel);
        Assert.NotNull(await store.GetAsync("p", "new", Cancel));
    }

    [Fact]
    public async Task AFullFileSystemIsToldAndHarmsNothing()
    {
        var mount = _folder.File("small");
        Directory.CreateDirectory(mount);
        if (!OperatingSystem.IsLinux() || !await RunAsync("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", mount))
        {
            Assert.Skip("Needs the right to mount a small tmpfs.");
        }

        try
        {
            var path = Path.Combine(mount, "gold.db");
            using var store = new SqliteGoldStore(path, Clock);
            await store.PutAsync([Item("p", "first", 1, "kept")], Cancel);
            var written = new List<string> { "first" };
            var error = await Assert.ThrowsAsync<GoldStoreException>(async () =>
            {
                for (var number = 0; number < 20; number++)
                {
                    await store.PutAsync([new GoldItem("p", $"s{number:00}", 1, Bytes(number, 300_000))], Cancel);
                    written.Add($"s{number:00}");
                }
            });
            Assert.Contains("full", error.Message, StringComparison.Ordinal);
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.True(error.IsTransient);
            Assert.Equal(written, await store.ListAsync("p", "", Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
            Assert.Equal("kept", Text(await store.GetAsync("p", "first", Cancel)));
        }
        finally
        {
            Assert.True(await RunAsync("umount", mount));
        }
    }

    [Fact]
    public async Task AReadOnlyFileIsToldAndWrittenAgainOnceItMay()
    {
        var path = _folder.File("gold.db");
        await Open().PutAsync([Item("p", "s", 1, "kept")], Cancel);
        Close();
        if (!OperatingSystem.IsLinux() || !await RunAsync("chattr", "+i", path))
        {
            Assert.Skip("Needs a file system and the right to make files immutable (chattr +i).");
        }

        var store = Open();
        try
        {
            var error = await Assert.ThrowsAsync<GoldStoreException>(() => store.PutAsync([Item("p", "t", 1, "x")], Cancel));
            Assert.Contains("read-only", error.Message, StringComparison.Ordinal);
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.False(error.IsTransient);
        }
        finally
        {
            Assert.True(await RunAsync("chattr", "-i", path));
        }

        await store.PutAsync([Item("p", "t", 1, "x")], Cancel);
        Assert.Equal(["s", "t"], await store.ListAsync("p", "", Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task AnotherProcessThatHoldsTheFileIsWaitedFor()
    {
        var store = Open();
        await store.InitializeAsync(Cancel);
        await using var connection = new SqliteConnection($"Data Source={_folder.File("gold.db")};Pooling=false");
        connection.Open();
        var transaction = connection.BeginTransaction(deferred: false);
        var put = store.PutAsync([Item("p", "s", 1, "x")], Cancel);
        Assert.Null(await store.GetAsync("p", "s", Cancel));
        transaction.Rollback();
        await put;
        Assert.NotNull(await store.GetAsync("p", "s", Cancel));
    }

    [Fact]
    public async Task ALineOfWritersWaitsForAnotherProcessOnceAndNotEachInItsTurn()
    {
        var path = _folder.File("gold.db");
        await Open().InitializeAsync(Cancel);
        using var store = new SqliteGoldStore(path, Clock) { Patience = TimeSpan.FromSeconds(1) };
        using var alone = new SqliteGoldStore(path, Clock) { Patience = TimeSpan.FromSeconds(1) };
        await store.InitializeAsync(Cancel);
        await alone.InitializeAsync(Cancel);
        await using (var connection = new SqliteConnection($"Data Source={path};Pooling=false"))
        {
            connection.Open();
            await using var transaction = connection.BeginTransaction(deferred: false);
            var line = Enumerable.Range(0, 10).Select(i => Assert.ThrowsAsync<GoldStoreException>(() => store.PutAsync([Item("p", $"line{i}", 1, "x")], Cancel))).ToList();
            for (var i = 0; i < 4; i++)
            {
                Assert.True((await Assert.ThrowsAsync<GoldStoreException>(() => alone.PutAsync([Item("p", "alone", 1, "x")], Cancel))).IsTransient);
            }

            Assert.All(line, failed => Assert.True(failed.IsCompleted));
            Assert.All(await Task.WhenAll(line), error => Assert.Contains("is busy", error.Message, StringComparison.Ordinal));
        }

        await store.PutAsync([Item("p", "later", 1, "x")], Cancel);
        Assert.Equal(["later"], await store.ListAsync("p", "", Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task DeletedSpaceIsUsedAgainAndGivenBack()
    {
        var store = Open();
        for (var round = 0; round < 6; round++)
        {
            await store.PutAsync([.. Enumerable.Range(0, 30).Select(number => new GoldItem("p", $"{round}#{number}", 1, Bytes(number, 300_000)))], Cancel);
            await store.DeleteAsync("p", [.. Enumerable.Range(0, 30).Select(number => $"{round}#{number}")], Cancel);
        }

        Close();
        Assert.False(File.Exists(_folder.File("gold.db-wal")));
        Assert.InRange(new FileInfo(_folder.File("gold.db")).Length, 1, 3_000_000);
    }

    [Fact]
    public async Task WhatIsNoGoldStoreIsToldByName()
    {
        await File.WriteAllTextAsync(_folder.File("gold.db"), string.Concat(Enumerable.Repeat("not a database ", 1000)), Cancel);
        var damaged = await Assert.ThrowsAsync<GoldStoreException>(() => Open().InitializeAsync(Cancel));
        Assert.Contains("gold.db", damaged.Message, StringComparison.Ordinal);
        Assert.False(damaged.IsTransient);

        await File.WriteAllTextAsync(_folder.File("file"), "", Cancel);
        using var below = new SqliteGoldStore(Path.Combine(_folder.File("file"), "gold.db"), Clock);
        Assert.False((await Assert.ThrowsAsync<GoldStoreException>(() => below.InitializeAsync(Cancel))).IsTransient);

        Directory.CreateDirectory(_folder.File("folder.db"));
        using var folder = new SqliteGoldStore(_folder.File("folder.db"), Clock);
        Assert.Contains("cannot be opened", (await Assert.ThrowsAsync<GoldStoreException>(() => folder.InitializeAsync(Cancel))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AStoreOfANewerFormatIsRefused()
    {
        await Open().InitializeAsync(Cancel);
        await using (var connection = new SqliteConnection($"Data Source={_folder.File("gold.db")};Pooling=false"))
        {
            connection.Open();
            await using var command = new SqliteCommand("pragma user_version = 2", connection);
            command.ExecuteNonQuery();
        }

        Assert.Contains("newer version", (await Assert.ThrowsAsync<GoldStoreException>(() => Open().GetAsync("p", "s", Cancel))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManyStoresMayMakeTheFileAtOnce()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Open().PutAsync([Item("p", $"{number}", 1, "x")], Cancel)));
        Assert.Equal(8, await Open().ListAsync("p", "", Cancel).CountAsync(Cancel));
    }

    public override void Dispose()
    {
        Close();
        _folder.Dispose();
    }

    private SqliteGoldStore Open(int maxPages)
    {
        var store = new SqliteGoldStore(_folder.File("gold.db"), Clock) { MaxPages = maxPages };
        _stores.Add(store);
        return store;
    }

    private void Close()
    {
        _stores.ForEach(store => store.Dispose());
        _stores.Clear();
    }

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            await process.WaitForExitAsync(CancellationToken.None);
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
