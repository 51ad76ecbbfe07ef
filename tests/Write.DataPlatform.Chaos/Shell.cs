using System.Diagnostics;

namespace Write.DataPlatform.Chaos;

/// <summary>Programs of the system.</summary>
internal static class Shell
{
    /// <summary>Runs one to its end.</summary>
    /// <returns>What it says is wrong; null if it ended well.</returns>
    public static async Task<string?> RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        Process? process;
        try
        {
            process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true });
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            return $"{program}: {exception.Message}";
        }

        using (process)
        {
            var output = process!.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = await process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 ? null : $"{program} ended with {process.ExitCode}: {error.Trim()} {(await output).Trim()}".Trim();
        }
    }
}
