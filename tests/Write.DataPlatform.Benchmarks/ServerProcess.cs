using System.Diagnostics;
using System.Globalization;
using Write.DataPlatform.Api.Commands;

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

    /// <summary>The platform's own server over the world's data.</summary>
    public static Task<ServerProcess> StartAsync(World world, string role, CancellationToken cancellationToken, params string[] settings) => StartAsync(
        "Now serving on ",
        [typeof(DataPlatformHost).Assembly.Location, "serve", "--role", role, "--data", world.Data, "--models", world.Models, "--urls", "http://127.0.0.1:0", "--Serilog:MinimumLevel:Default=Error", .. settings],
        cancellationToken);

    /// <summary>A program that prints where it answers.</summary>
    /// <param name="said">What stands before the address.</param>
    /// <param name="arguments">The program and its arguments.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="WrongAnswerException">It did not start.</exception>
    public static async Task<ServerProcess> StartAsync(string said, string[] arguments, CancellationToken cancellationToken)
    {
        var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(Patience);
            while (true)
            {
                var line = await process.StandardOutput.ReadLineAsync(patience.Token) ?? throw new WrongAnswerException($"{arguments[0]} ended before it listened.");
                if (line.StartsWith(said, StringComparison.Ordinal))
                {
                    _ = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
                    return new ServerProcess(process, line[said.Length..].TrimEnd('/'));
                }
            }
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            process.Dispose();
            throw;
        }
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
}
