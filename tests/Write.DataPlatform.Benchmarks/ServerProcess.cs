using System.Diagnostics;
using System.Globalization;

namespace Write.DataPlatform.Benchmarks;

/// <summary>A server in a process of its own, so that its memory is its own, too.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process _process;

    private ServerProcess(Process process, string url)
    {
        _process = process;
        Url = url;
    }

    /// <summary>Where it answers, without a slash at the end.</summary>
    public string Url { get; }

    /// <summary>Its resident memory now: on Linux without the pages of program files, which the system keeps or lets go as it likes.</summary>
    public double Megabytes
    {
        get
        {
            const double Mebi = 1024 * 1024;
            if (OperatingSystem.IsLinux())
            {
                return File.ReadLines($"/proc/{_process.Id}/status").Where(line => line.StartsWith("RssAnon:", StringComparison.Ordinal) || line.StartsWith("RssShmem:", StringComparison.Ordinal))
                    .Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^2], CultureInfo.InvariantCulture) * 1024 / Mebi);
            }

            _process.Refresh();
            return _process.WorkingSet64 / Mebi;
        }
    }

    /// <summary>Whether it has ended by itself, or was killed.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>How it ended: on Unix 128 and the signal's number if by a signal.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>A program that prints where it answers.</summary>
    /// <param name="said">What stands before the address.</param>
    /// <param name="arguments">The program and its arguments.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="WrongAnswerException">It did not start.</exception>
    public static Task<ServerProcess> StartAsync(string said, string[] arguments, CancellationToken cancellationToken) =>
        StartAsync(said, new ProcessStartInfo("dotnet", arguments), _ => { }, cancellationToken);

    /// <summary>A program that prints where it answers, with an environment of its own.</summary>
    /// <param name="said">What stands before the address.</param>
    /// <param name="start">The program, its arguments and what differs in its environment.</param>
    /// <param name="heard">Takes each line that it writes besides, as it comes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="WrongAnswerException">It did not start.</exception>
    public static async Task<ServerProcess> StartAsync(string said, ProcessStartInfo start, Action<string> heard, CancellationToken cancellationToken)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        var process = Process.Start(start)!;
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(Patience);
            while (true)
            {
                var line = await process.StandardOutput.ReadLineAsync(patience.Token) ?? throw new WrongAnswerException($"{start.ArgumentList[0]} ended before it listened.");
                if (line.StartsWith(said, StringComparison.Ordinal))
                {
                    _ = HearAsync(process.StandardOutput, heard);
                    return new ServerProcess(process, line[said.Length..].TrimEnd('/'));
                }

                heard(line);
            }
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            process.Dispose();
            throw;
        }
    }

    /// <summary>Asks it to stop, as a service manager does, and waits.</summary>
    /// <exception cref="OperationCanceledException">It does not stop.</exception>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Signal("TERM");
        await _process.WaitForExitAsync(cancellationToken);
    }

    /// <summary>Ends it at once, without looking for processes that it began.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Sends it a signal of Unix.</summary>
    /// <param name="name">Without SIG: <c>TERM</c>, <c>STOP</c>, <c>CONT</c>.</param>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>The most resident memory that it has while something is done.</summary>
    public async Task<double> PeakAsync(Func<Task> work)
    {
        var status = string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}");
        if (!OperatingSystem.IsLinux())
        {
            await work();
            return Megabytes;
        }

        // 5 resets the peak.
        await File.WriteAllTextAsync(status + "/clear_refs", "5");
        await work();
        var peak = (await File.ReadAllLinesAsync(status + "/status")).First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(peak.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024.0;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }

    private static async Task HearAsync(StreamReader output, Action<string> heard)
    {
        while (await output.ReadLineAsync(CancellationToken.None) is { } line)
        {
            heard(line);
        }
    }
}
