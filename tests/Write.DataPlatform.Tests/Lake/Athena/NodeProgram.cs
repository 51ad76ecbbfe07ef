using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>One of the scripts of <c>tests/stand-ins</c>, asked by its standard input.</summary>
internal sealed class NodeProgram : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    private NodeProgram(string script, string[] arguments)
    {
        var start = new ProcessStartInfo("node")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            StandardOutputEncoding = Encoding.UTF8,
        };
        start.ArgumentList.Add(Path.Combine(StandIn.Folder, script));
        Array.ForEach(arguments, start.ArgumentList.Add);
        _process = Process.Start(start)!;
        _errors = _process.StandardError.ReadToEndAsync(CancellationToken.None);
    }

    public static NodeProgram Start(string script, params string[] arguments) => new(script, arguments);

    /// <summary>What an ANTLR grammar of Trino has against each of some statements; null where nothing.</summary>
    public static async Task<IReadOnlyList<string?>> ParseTrinoAsync(IEnumerable<string> statements, CancellationToken cancellationToken = default)
    {
        await using var program = Start("trino-parse.mjs");
        await program._process.StandardInput.WriteAsync(JsonSerializer.Serialize(statements).AsMemory(), cancellationToken);
        program._process.StandardInput.Close();
        var answer = await program._process.StandardOutput.ReadToEndAsync(cancellationToken);
        return answer.Length > 0 ? JsonSerializer.Deserialize<string?[]>(answer)! : throw new InvalidOperationException(await program._errors);
    }

    /// <summary>Asks by one line, and gives the one that answers it.</summary>
    public async Task<JsonElement> AskAsync(object question, CancellationToken cancellationToken = default)
    {
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(question).AsMemory(), cancellationToken);
        await _process.StandardInput.FlushAsync(cancellationToken);
        var answer = await _process.StandardOutput.ReadLineAsync(cancellationToken) ?? throw new InvalidOperationException(await _errors);
        return JsonDocument.Parse(answer).RootElement;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
