using System.Diagnostics;
using System.Globalization;

namespace Write.DataPlatform.Gold;

/// <summary>Names this process so that another one of the same machine can tell whether it still runs.</summary>
/// <remarks>
/// The name is <c>machine/pid/start</c>. On Linux the machine's part holds the boot and the process namespace: two containers with one host name do not
/// know each other's processes, and must not take them for dead.
/// </remarks>
internal static class ProcessIdentity
{
    private static readonly string Machine = FindMachine();

    /// <summary>This process.</summary>
    public static string Current { get; } = $"{Machine}/{Environment.ProcessId}/{StartOf(Environment.ProcessId)}";

    /// <summary>Whether a process surely runs no more: it was one of this machine, and its number is free or another's. False if that cannot be known.</summary>
    /// <param name="identity">A name as <see cref="Current"/>, with or without more parts.</param>
    public static bool IsGone(string identity)
    {
        var parts = identity.Split('/');
        return parts.Length >= 3
            && parts[0] == Machine
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            && StartOf(id) != parts[2];
    }

    private static string FindMachine()
    {
        var name = Environment.MachineName.Replace('/', '_');
        if (Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_NAME") is not null)
        {
            // Machines that are copies of one have the same boot and the same numbers.
            return $"{name}:{Guid.NewGuid():N}";
        }

        if (!OperatingSystem.IsLinux())
        {
            return name;
        }

        try
        {
            var boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
            var processes = new FileInfo("/proc/self/ns/pid").LinkTarget;
            return $"{name}:{boot}:{processes}";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A name of its own: nobody is then taken for dead but by the clock.
            return $"{name}:{Guid.NewGuid():N}";
        }
    }

    /// <summary>When a process started, in a form that only has to be equal to itself; empty if there is no such process.</summary>
    private static string StartOf(int id)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                // Process.StartTime is reckoned from the clock and may differ between two readers; the kernel's ticks since boot do not.
                var stat = File.ReadAllText($"/proc/{id}/stat");
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                return fields[0] is "Z" or "X" ? "" : fields[19];
            }

            using var process = Process.GetProcessById(id);
            return process.StartTime.ToFileTimeUtc().ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or InvalidOperationException)
        {
            return "";
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            return "unknown";
        }
    }
}
