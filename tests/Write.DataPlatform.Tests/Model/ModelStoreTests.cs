using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Tests.Model;

public sealed class ModelStoreTests
{
    private const string Broken = "metrics: [{ name: visits, type: simple, type_params: { measure: nothing } }]";
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(5);

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly Recorder _log = new();

    [Fact]
    public void A_bad_first_load_throws_every_problem()
    {
        using var folder = new ModelFolder(("a.yaml", Broken), ("b.yaml", "nonsense: 1"));

        var exception = Assert.Throws<ModelLoadException>(() => Store(folder));

        Assert.Equal([ModelCode.UnknownMeasure, ModelCode.UnknownKey], exception.Problems.Select(p => p.Code));
        Assert.Contains("b.yaml:1:1 M003", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_change_swaps_the_snapshot_and_fires_once()
    {
        using var folder = new ModelFolder(ModelSample.Files);
        using var store = Store(folder);
        var first = store.Current;
        var token = store.GetChangeToken();
        var fired = 0;
        using var registration = token.RegisterChangeCallback(_ => fired++, null);

        _clock.Advance(Poll);
        Assert.Same(first, store.Current);

        folder.Write("lookups/countries.csv", "code,name,region\nES,Spain,Europe\n");
        _clock.Advance(Poll);

        Assert.NotEqual(first.Revision, store.Current.Revision);
        Assert.Equal(["ES"], store.Current.Lookups["countries"].Rows.Select(r => r.Key));
        Assert.Equal((1, true, false), (fired, token.HasChanged, store.GetChangeToken().HasChanged));
        Assert.Equal(new ModelStatus(store.Current.Revision, _clock.GetUtcNow(), null), store.Status);

        // Who read the first snapshot keeps it whole.
        Assert.Equal(3, first.Lookups["countries"].Rows.Length);
    }

    [Fact]
    public void A_bad_change_keeps_the_last_good_model_and_says_so_until_it_is_mended()
    {
        using var folder = new ModelFolder(ModelSample.Files);
        using var store = Store(folder);
        var first = store.Current;
        var loadedAt = store.Status.LoadedAt;

        folder.Write("more.yaml", Broken);
        _clock.Advance(Poll);
        _clock.Advance(Poll);
        _clock.Advance(Poll);

        Assert.Same(first, store.Current);
        Assert.Equal((first.Revision, loadedAt), (store.Status.Revision, store.Status.LoadedAt));
        Assert.Equal([ModelCode.Duplicate], store.Status.Problems!.Value.Where(p => p.Position!.File == "more.yaml").Select(p => p.Code));
        Assert.Single(_log.Messages, m => m.Contains("refused", StringComparison.Ordinal));
        Assert.False(store.Reload());

        File.Delete(Path.Combine(folder.Path, "more.yaml"));
        _clock.Advance(Poll);

        Assert.Null(store.Status.Problems);
        Assert.Same(first, store.Current);
        Assert.True(store.Reload());
    }

    [Fact]
    public void A_folder_that_vanishes_keeps_the_model()
    {
        using var folder = new ModelFolder(ModelSample.Files);
        using var store = Store(folder);
        var moved = folder.Path + "-moved";
        Directory.Move(folder.Path, moved);

        _clock.Advance(Poll);

        Assert.Equal([ModelCode.UnreadableFile], store.Status.Problems!.Value.Select(p => p.Code));
        Assert.NotEmpty(store.Current.Metrics);

        Directory.Move(moved, folder.Path);
        _clock.Advance(Poll);
        Assert.Null(store.Status.Problems);
    }

    [Fact]
    public async Task A_real_change_is_seen_without_asking()
    {
        using var folder = new ModelFolder(ModelSample.Files);
        using var store = new ModelStore(Options.Create(new ModelOptions { Path = folder.Path }), new ModelLoader([]), TimeProvider.System, _log);
        var changed = new TaskCompletionSource();
        using var registration = store.GetChangeToken().RegisterChangeCallback(_ => changed.TrySetResult(), null);

        folder.Write("more.yaml", "metrics: [{ name: again, type: simple, type_params: { measure: visits } }]");
        await changed.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

        Assert.True(store.Current.Metrics.ContainsKey("again"));
    }

    [Fact]
    public void Equal_files_have_equal_revisions_and_others_have_not()
    {
        var one = ModelFolder.LoadGood(ModelSample.Files);
        var same = ModelFolder.LoadGood(ModelSample.Files);
        var other = ModelFolder.LoadGood(ModelSample.Model, ModelSample.Shows, (ModelSample.Countries.Item1, ModelSample.Countries.Item2 + "IT,Italy,Europe\n"));

        Assert.Equal(one.Revision, same.Revision);
        Assert.NotEqual(one.Revision, other.Revision);
        Assert.Equal(one.Lookups["shows"].ContentHash, other.Lookups["shows"].ContentHash);
        Assert.NotEqual(one.Lookups["countries"].ContentHash, other.Lookups["countries"].ContentHash);
    }

    [Fact]
    public void The_slice_registers_itself_and_demands_its_folder()
    {
        using var folder = new ModelFolder(ModelSample.Files);
        using var good = Provider(folder.Path);
        Assert.Same(good.GetRequiredService<ModelStore>(), good.GetRequiredService<ModelStore>());
        Assert.NotEmpty(good.GetRequiredService<ModelStore>().Current.Metrics);

        using var bad = Provider(null);
        var exception = Assert.Throws<OptionsValidationException>(() => bad.GetRequiredService<ModelStore>());
        Assert.Contains("DataPlatform:Models", exception.Message, StringComparison.Ordinal);
    }

    private static ServiceProvider Provider(string? path) => new ServiceCollection()
        .AddLogging()
        .AddModel(new ConfigurationBuilder().AddInMemoryCollection([new("DataPlatform:Models", path)]).Build())
        .BuildServiceProvider();

    private ModelStore Store(ModelFolder folder) => new(Options.Create(new ModelOptions { Path = folder.Path }), new ModelLoader([]), _clock, _log);

    private sealed class Recorder : ILogger<ModelStore>
    {
        public List<string> Messages { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (Messages)
            {
                Messages.Add(formatter(state, exception));
            }
        }
    }
}
