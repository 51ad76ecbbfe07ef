using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Benchmarks;

namespace Write.DataPlatform.Chaos;

/// <summary>The server that is disturbed: killed and started again it keeps its address and its data.</summary>
internal sealed class Server : IAsyncDisposable
{
    /// <summary>How long an answer of the lake may be given again.</summary>
    public static readonly TimeSpan LakeMaxAge = TimeSpan.FromSeconds(2);

    // Answers that were under way when it went may still be on their way.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private readonly Place _place;
    private readonly Findings _findings;
    private readonly TimeProvider _time;
    private readonly string? _clockLibrary;
    private readonly int _port;
    private readonly StreamWriter _log;
    private readonly SemaphoreSlim _turn = new(1);
    private ServerProcess? _process;
    private DateTime _backAt = DateTime.MaxValue;

    public Server(Place place, Findings findings, TimeProvider time, string? clockLibrary)
    {
        (_place, _findings, _time, _clockLibrary) = (place, findings, time, clockLibrary);
        using (var listener = new TcpListener(IPAddress.Loopback, 0))
        {
            listener.Start();
            _port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        _log = new StreamWriter(place.Log, append: true) { AutoFlush = true };
        Client = new HttpClient(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = 32, ConnectTimeout = TimeSpan.FromSeconds(10) })
        {
            BaseAddress = new Uri($"http://127.0.0.1:{_port}"),
            Timeout = TimeSpan.FromSeconds(60),
        };
    }

    /// <summary>Asks it; without a key as the operator.</summary>
    public HttpClient Client { get; }

    public DateTime Now => _time.GetUtcNow().UtcDateTime;

    /// <summary>Whether it listens.</summary>
    public bool IsUp => _backAt < DateTime.MaxValue;

    /// <summary>Whether it was away since a moment, so that no answer, or none in time, is no fault.</summary>
    public bool WasAway(DateTime since) => since < _backAt;

    /// <summary>Starts it.</summary>
    /// <param name="mayFail">Whether it may refuse to start; null for that it must.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it runs.</returns>
    public async Task<bool> StartAsync(bool? mayFail, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("dotnet", [
            typeof(DataPlatformHost).Assembly.Location, "serve", "--data", _place.Data, "--models", _place.Models, "--urls", $"http://127.0.0.1:{_port}",
            "--Serilog:MinimumLevel:Default=Information",
            "--Serilog:MinimumLevel:Override:Serilog.AspNetCore=Warning",
            "--DataPlatform:MicroBatches:LandInterval=00:00:03",
            "--DataPlatform:MicroBatches:WriteInterval=00:00:01",
            "--DataPlatform:Stream:Local:Partitions=2",
            "--DataPlatform:Stream:Local:SegmentMegabytes=1",
            "--DataPlatform:Gold:GarbageGrace=00:00:30",
            "--DataPlatform:Gold:LeaseDuration=00:00:06",
            "--DataPlatform:Refresh:RetryDelay=00:00:01",
            $"--DataPlatform:Answers:LakeMaxAge={LakeMaxAge:c}",
        ])
        {
            RedirectStandardError = false,
        };
        if (_clockLibrary is not null)
        {
            start.Environment["LD_PRELOAD"] = _clockLibrary;
            start.Environment["FAKETIME_TIMESTAMP_FILE"] = _place.Clock;
            start.Environment["FAKETIME_CACHE_DURATION"] = "1";
            start.Environment["DONT_FAKE_MONOTONIC"] = "1";
            start.Environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
            start.Environment["NO_FAKE_STAT"] = "1";
        }

        await _turn.WaitAsync(cancellationToken);
        try
        {
            Note("started");
            _process = await ServerProcess.StartAsync("Now serving on ", start, Hear, cancellationToken);
            _findings.Count("starts");
            _backAt = Now + Grace;
            if (mayFail is null)
            {
                _findings.Break("status", "The server started with a model that has mistakes.");
            }

            return true;
        }
        catch (Exception exception) when (exception is WrongAnswerException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            if (mayFail is false)
            {
                _findings.Break("died", $"The server does not start: {exception.Message} {Tail()}");
            }
            else
            {
                _findings.Count("starts refused");
            }

            return false;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Kills it at once, as the system does: nothing is written, nothing is ended.</summary>
    public async Task KillAsync()
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            await EndAsync("killed");
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Asks it to end, which it must.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            _backAt = DateTime.MaxValue;
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(TimeSpan.FromSeconds(60));
            await _process!.StopAsync(patience.Token);
            if (_process.ExitCode != 0)
            {
                _findings.Break("died", $"Asked to stop the server ends with {_process.ExitCode}. {Tail()}");
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            _findings.Break("died", "Asked to stop the server goes on for a minute.");
        }
        finally
        {
            await EndAsync("stopped");
            _turn.Release();
        }
    }

    /// <summary>Holds it still for a while.</summary>
    public async Task PauseAsync(TimeSpan pause, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_process is { HasEnded: false } process)
            {
                _backAt = DateTime.MaxValue;
                process.Signal("STOP");
                try
                {
                    await Task.Delay(pause, _time, cancellationToken);
                }
                finally
                {
                    process.Signal("CONT");
                    _backAt = Now + Grace;
                }
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>A server that ends by itself did not hold.</summary>
    public async Task<bool> DiedAsync()
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            if (_process is not { HasEnded: true } process)
            {
                return false;
            }

            _findings.Break("died", $"The server ended by itself with {process.ExitCode}. {Tail()}");
            await EndAsync("died");
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync("ended");
        Client.Dispose();
        await _log.DisposeAsync();
        _turn.Dispose();
    }

    /// <summary>Writes into its log what is done to it.</summary>
    public void Note(string what) => Hear($"#### {Now:HH:mm:ss.fff} {what}");

    private async Task EndAsync(string how)
    {
        _backAt = DateTime.MaxValue;
        if (_process is { } process)
        {
            _process = null;
            process.Kill();
            await process.DisposeAsync();
            Note(how);
        }
    }

    private void Hear(string line)
    {
        lock (_log)
        {
            if (_log.BaseStream.CanWrite)
            {
                _log.WriteLine(line);
            }
        }
    }

    /// <summary>The last that it said.</summary>
    private string Tail()
    {
        lock (_log)
        {
            return string.Join(" | ", File.ReadLines(_place.Log).TakeLast(6));
        }
    }
}
