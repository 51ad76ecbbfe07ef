using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model;

/// <summary>How the model in use came to be.</summary>
/// <param name="Revision">The revision in use.</param>
/// <param name="LoadedAt">When it was loaded.</param>
/// <param name="Problems">The problems of the files as they are now, if they could not replace it; null if they are what is in use.</param>
internal sealed record ModelStatus(string Revision, DateTimeOffset LoadedAt, ImmutableArray<ModelProblem>? Problems);

/// <summary>
/// Holds the model in use, and loads it anew when a file changes. A first load with mistakes throws; a later one keeps the last
/// good model and says so in <see cref="Status"/>.
/// </summary>
internal sealed class ModelStore : IDisposable
{
    // Editors and deployments write several files, or one file in several steps.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(300);

    // A watcher may miss a change: network folders, mounts that are swapped whole, a full buffer.
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(5);

    private readonly string _folder;
    private readonly ModelLoader _loader;
    private readonly TimeProvider _clock;
    private readonly ILogger<ModelStore> _logger;
    private readonly Lock _gate = new();
    private readonly FileSystemWatcher? _watcher;
    private readonly ITimer _quiet;
    private readonly ITimer _poll;
    private CancellationTokenSource _changed = new();
    private volatile State _state;
    private string _seen;
    private bool _isDisposed;

    /// <summary>Loads the folder and starts to watch it.</summary>
    /// <exception cref="ModelLoadException">The files have mistakes.</exception>
    public ModelStore(IOptions<ModelOptions> options, ModelLoader loader, TimeProvider clock, ILogger<ModelStore> logger)
    {
        (_folder, _loader, _clock, _logger) = (Path.GetFullPath(options.Value.Path), loader, clock, logger);
        var result = loader.Load(_folder);
        var model = result.Model ?? throw new ModelLoadException(result.Problems);
        _state = new State(model, new ModelStatus(model.Revision, clock.GetUtcNow(), null), result);
        _seen = Fingerprint();
        ModelLog.Loaded(logger, model.Revision, _folder, model.SemanticModels.Count, model.Metrics.Count);
        _quiet = clock.CreateTimer(_ => Quietly(() => Reload()), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _poll = clock.CreateTimer(_ => Quietly(ReloadIfChanged), null, Poll, Poll);
        _watcher = Watch();
    }

    /// <summary>The model in use. Take it once a request.</summary>
    public MetricModel Current => _state.Model;

    /// <summary>How it came to be, and what keeps a newer one out.</summary>
    public ModelStatus Status => _state.Status;

    /// <summary>A token that fires when <see cref="Current"/> is replaced; take a new one each time.</summary>
    public IChangeToken GetChangeToken()
    {
        lock (_gate)
        {
            return new CancellationChangeToken(_changed.Token);
        }
    }

    /// <summary>Loads the folder now. Returns whether the files are good.</summary>
    public bool Reload()
    {
        CancellationTokenSource? changed = null;
        bool isGood;
        lock (_gate)
        {
            if (_isDisposed)
            {
                return _state.Status.Problems is null;
            }

            _seen = Fingerprint();
            var result = _loader.Load(_folder);
            var state = _state;
            isGood = result.Model is not null;
            if (result.Model is not { } model)
            {
                _state = state with { Status = state.Status with { Problems = result.Problems }, Last = result };
                if (result.Revision != state.Last.Revision || state.Status.Problems is null)
                {
                    ModelLog.Refused(_logger, state.Model.Revision, ModelLoadException.Print(result.Problems));
                }
            }
            else if (model.Revision == state.Model.Revision)
            {
                _state = state with { Status = state.Status with { Problems = null }, Last = result };
            }
            else
            {
                _state = new State(model, new ModelStatus(model.Revision, _clock.GetUtcNow(), null), result);
                changed = _changed;
                _changed = new CancellationTokenSource();
                ModelLog.Reloaded(_logger, state.Model.Revision, model.Revision);
            }
        }

        // Outside the lock: a subscriber may ask for the next token.
        changed?.Cancel();
        changed?.Dispose();
        return isGood;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        _watcher?.Dispose();
        _quiet.Dispose();
        _poll.Dispose();
    }

    private void ReloadIfChanged()
    {
        bool isChanged;
        lock (_gate)
        {
            isChanged = !_isDisposed && _seen != Fingerprint();
        }

        if (isChanged)
        {
            Reload();
        }
    }

    /// <summary>Nobody catches what a timer throws: a subscriber or another slice's rule that fails must not end the process.</summary>
    private void Quietly(Action reload)
    {
        try
        {
            reload();
        }
        catch (Exception exception)
        {
            ModelLog.Failed(_logger, exception, _state.Model.Revision);
        }
    }

    private FileSystemWatcher? Watch()
    {
        try
        {
            var watcher = new FileSystemWatcher(_folder) { IncludeSubdirectories = true };
            watcher.Changed += (_, _) => Debounce();
            watcher.Created += (_, _) => Debounce();
            watcher.Deleted += (_, _) => Debounce();
            watcher.Renamed += (_, _) => Debounce();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            // Out of watches, for example. The poll sees changes too, only later.
            ModelLog.NotWatched(_logger, exception, _folder);
            return null;
        }
    }

    private void Debounce()
    {
        lock (_gate)
        {
            if (!_isDisposed)
            {
                _quiet.Change(Quiet, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Names, sizes and times of the model's files: cheap to take, and different after any usual change.</summary>
    private string Fingerprint()
    {
        try
        {
            return string.Join('\n', ModelFiles.Yaml(_folder).Union(_state.Last.Files, StringComparer.Ordinal).Order(StringComparer.Ordinal)
                .Select(path => new FileInfo(Path.Combine(_folder, path)))
                .Select(file => file.Exists ? $"{file.FullName}|{file.Length}|{file.LastWriteTimeUtc.Ticks}" : file.FullName));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return exception.Message;
        }
    }

    private sealed record State(MetricModel Model, ModelStatus Status, ModelLoadResult Last);
}

/// <summary>The slice's log messages.</summary>
internal static partial class ModelLog
{
    [LoggerMessage(100, LogLevel.Information, "Model {Revision} loaded from {Folder}: {SemanticModels} semantic models, {Metrics} metrics")]
    public static partial void Loaded(ILogger logger, string revision, string folder, int semanticModels, int metrics);

    [LoggerMessage(101, LogLevel.Information, "Model {Previous} replaced by {Revision}")]
    public static partial void Reloaded(ILogger logger, string previous, string revision);

    [LoggerMessage(102, LogLevel.Error, "The changed model files are refused and {Revision} stays in use. {Problems}")]
    public static partial void Refused(ILogger logger, string revision, string problems);

    [LoggerMessage(104, LogLevel.Critical, "Reloading the model failed; {Revision} stays in use")]
    public static partial void Failed(ILogger logger, Exception exception, string revision);

    [LoggerMessage(103, LogLevel.Warning, "{Folder} cannot be watched; changes are found by looking every few seconds")]
    public static partial void NotWatched(ILogger logger, Exception exception, string folder);
}
