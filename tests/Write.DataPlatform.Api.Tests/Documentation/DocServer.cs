using System.Diagnostics;
using DuckDB.NET.Data;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Sample;

namespace Write.DataPlatform.Api.Tests.Documentation;

/// <summary>The server of the first page, a process as its reader starts it, without a command, over a small sample lake; and a folder to follow each page in.</summary>
public sealed class DocServer : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-docs-").FullName;

    public async ValueTask InitializeAsync()
    {
        await new SampleLake().GenerateAsync(new SampleOptions { Directory = Path.Combine(_folder, "data", "lake"), EndDate = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime), Rows = 20_000 }, cancellationToken: TestContext.Current.CancellationToken);
        MakeDatabase();
        var (code, output, error) = await RunAsync(Folder("server"), "start\n");
        Assert.True(code == 0, output + error);
    }

    public ValueTask DisposeAsync()
    {
        foreach (var pid in Directory.EnumerateFiles(_folder, "server.pid", SearchOption.AllDirectories))
        {
            Stop(pid);
        }

        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>A new folder that looks to a page's commands like the repository's, beside some files that pages speak of.</summary>
    public string Folder(string name)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        Directory.CreateSymbolicLink(Path.Combine(folder, ".data"), Path.Combine(_folder, "data"));
        File.CreateSymbolicLink(Path.Combine(folder, "lake.duckdb"), Path.Combine(_folder, "lake.duckdb"));
        Directory.CreateSymbolicLink(Path.Combine(folder, "src"), Path.Combine(DocPage.Root, "src"));
        Directory.CreateDirectory(Path.Combine(folder, "model", "cubes"));
        File.WriteAllText(Path.Combine(folder, "model", "cubes", "orders.yml"), """
            cubes:
              - name: orders
                sql_table: visits
                dimensions: [{ name: id, sql: visit_id, type: number, primary_key: true }, { name: status, sql: device, type: string }, { name: created_at, sql: occurred_at, type: time }]
                measures: [{ name: count, type: count }]
            """);
        File.WriteAllText(Path.Combine(folder, "events.ndjson"), string.Concat(Enumerable.Range(0, 3).Select(i =>
            $"{{\"visit_id\":{900_000_000 + i},\"occurred_at\":\"{TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(-5):yyyy-MM-ddTHH:mm:ssZ}\",\"country\":\"FR\",\"customer\":\"acme\"}}\n")));
        if (name != "server")
        {
            File.Copy(Path.Combine(_folder, "server", "address"), Path.Combine(folder, "address"));
        }

        return folder;
    }

    /// <summary>The sample's model, in a folder of its own.</summary>
    public static void CopyModel(string to)
    {
        foreach (var file in Directory.EnumerateFiles(SampleLake.ModelsDirectory, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(SampleLake.ModelsDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    /// <summary>Stops the server that a page has started.</summary>
    public static void StopServer(string folder)
    {
        if (File.Exists(Path.Combine(folder, "server.pid")))
        {
            Stop(Path.Combine(folder, "server.pid"));
        }
    }

    /// <summary>Runs a script as the reader's shell does, but for where the server listens.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(string folder, string script)
    {
        var start = new ProcessStartInfo("bash", ["-euo", "pipefail", "-c", Prelude + script]) { WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["WDP_DLL"] = typeof(DataPlatformHost).Assembly.Location;
        start.Environment["DOTNET_TieredPGO"] = "0";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            var output = await process.StandardOutput.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return (process.ExitCode, output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>The sample's lake as one file.</summary>
    private void MakeDatabase()
    {
        using var connection = new DuckDBConnection($"DataSource={Path.Combine(_folder, "lake.duckdb")}");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = string.Concat(Directory.GetDirectories(Path.Combine(_folder, "data", "lake")).Select(table => $"CREATE TABLE {Path.GetFileName(table)} AS FROM read_parquet('{table}/**/*.parquet', hive_partitioning = true);"));
        command.ExecuteNonQuery();
    }

    private static void Stop(string pid)
    {
        try
        {
            using var process = Process.GetProcessById(int.Parse(File.ReadAllText(pid), System.Globalization.CultureInfo.InvariantCulture));
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }
        catch (ArgumentException)
        {
            // It has ended by itself.
        }

        File.Delete(pid);
    }

    /// <summary>What the pages' commands are here: the executable that was built for the tests, and a port that is free.</summary>
    private const string Prelude = """
        curl() { command curl -sS --fail-with-body "${@//localhost:5080/$(cat address)}" && echo; }
        start() {
          command dotnet "$WDP_DLL" "$@" --urls http://127.0.0.1:0 --Serilog:MinimumLevel:Default=Error </dev/null >server.log 2>&1 &
          echo $! >server.pid
          for _ in $(seq 600); do
            kill -0 "$(cat server.pid)" 2>/dev/null || { cat server.log >&2; return 1; }
            if grep -q '^Now serving on ' server.log; then
              sed -n 's|^Now serving on http://||p' server.log | head -1 | tr -d '\n' >address
              command curl -sf -o /dev/null "$(cat address)/health/ready" && return 0
            fi
            sleep 0.2
          done
          cat server.log >&2; return 1
        }
        dotnet() {
          if [ "$1 $2 $3" != "run --project src/Write.DataPlatform.Api" ] || [ ! -d "$3" ]; then echo "only the executable is run here, not: dotnet $*" >&2; return 1; fi
          shift 3
          if [ "${1:-}" = -- ]; then shift; fi
          case "${1:-}" in
            '') [ -s address ] ;; # The server that every page has was started so.
            serve) start "$@" ;;
            *) command dotnet "$WDP_DLL" "$@" ;;
          esac
        }

        """;
}
