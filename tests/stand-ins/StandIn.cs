using System.Diagnostics;

namespace Write.DataPlatform.StandIns;

/// <summary>A server on this computer that stands in for an AWS service: one process of <c>stand-ins.mjs</c>, which ends with the tests' process at the latest.</summary>
/// <remarks>Installed by <c>tests/stand-ins/install.sh</c>; another folder with the same content is named by the environment variable <c>WDP_STAND_INS</c>.</remarks>
internal sealed class StandIn : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly Lazy<Task<StandIn>> SharedDynamoDb = new(() => StartAsync("dynamodb"));

    private readonly Process _process;
    private int _isStopped;

    private StandIn(Process process, Uri url)
    {
        _process = process;
        Url = url;
    }

    /// <summary>The folder of the script and its packages.</summary>
    public static string Folder { get; } = Environment.GetEnvironmentVariable("WDP_STAND_INS") is { Length: > 0 } folder ? folder : FindFolder();

    /// <summary>
    /// Why none can be started here, or null: <c>Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "")</c>.
    /// Always null where the environment variable <c>CI</c> is <c>true</c>, so that there a test fails instead.
    /// </summary>
    public static string? Missing { get; } = Environment.GetEnvironmentVariable("CI") == "true" ? null : WhatIsMissing();

    /// <summary>Where it answers: <c>http://127.0.0.1:PORT/</c>.</summary>
    public Uri Url { get; }

    /// <summary>The DynamoDB of all tests of this process that make tables of their own.</summary>
    public static async Task<Uri> DynamoDbAsync() => (await SharedDynamoDb.Value).Url;

    /// <summary>Starts one.</summary>
    /// <param name="what">As the script takes it: <c>dynamodb</c>, <c>s3.BUCKET</c>, <c>dynamodb=4567,/folder</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">It did not start.</exception>
    public static async Task<StandIn> StartAsync(string what, CancellationToken cancellationToken = default)
    {
        var start = new ProcessStartInfo("node") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(Folder, "stand-ins.mjs"));
        start.ArgumentList.Add(what);
        var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(Patience);
            Uri? url = null;
            while (await process.StandardOutput.ReadLineAsync(timeout.Token) is { } line)
            {
                if (line == "ready" && url is not null)
                {
                    // Nobody reads further; what it may still print must not fill the pipe.
                    _ = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
                    return new StandIn(process, url);
                }

                url = new Uri(line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
            }

            throw new InvalidOperationException($"The stand-in '{what}' did not start; run tests/stand-ins/install.sh. {await error}");
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    /// <summary>Runs another of the folder's scripts to its end.</summary>
    /// <param name="script">The script's name.</param>
    /// <param name="arguments">What it is given.</param>
    public static async Task<(int ExitCode, string Output)> RunAsync(string script, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("node", [Path.Combine(Folder, script), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await error);
    }

    /// <summary>Stops it at once, as a power cut would. Again is no mistake.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isStopped, 1) == 1)
        {
            return;
        }

        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static string? WhatIsMissing() =>
        !Directory.Exists(Path.Combine(Folder, "node_modules")) ? "the stand-ins for AWS are not installed: run tests/stand-ins/install.sh"
        : !Finds("node") ? "node is not installed: run tests/stand-ins/install.sh"
        : null;

    private static bool Finds(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, program)) || File.Exists(Path.Combine(folder, program + ".exe")));

    private static string FindFolder()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Write.DataPlatform.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run outside the repository.");
        }

        return Path.Combine(folder.FullName, "tests", "stand-ins");
    }
}
