using System.Runtime.InteropServices;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>Makes the folder of a partition within that of its table.</summary>
/// <remarks>
/// .NET makes the folders above, too, if they are not there. A lake whose disk or mount is away would then be made a second time, answer with what came since, and hide those files once it is back.
/// </remarks>
internal static partial class PartitionFolder
{
    // errno of Linux, macOS and the BSDs.
    private const int NotFound = 2;
    private const int AlreadyThere = 17;

    /// <param name="table">The table's folder, which is there.</param>
    /// <param name="partition">The partition's path within it, with slashes; empty for the table's own folder.</param>
    /// <exception cref="DirectoryNotFoundException">The table's folder is not there. Nothing was made.</exception>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    public static void Make(string table, string partition)
    {
        if (!Directory.Exists(table))
        {
            throw Missing(table);
        }

        var path = table;
        foreach (var level in partition.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            path = Path.Combine(path, level);
            if (!Directory.Exists(path))
            {
                MakeOne(table, path);
            }
        }
    }

    private static void MakeOne(string table, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else if (MakeDirectory(path, (uint)(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute)) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != AlreadyThere)
            {
                throw error == NotFound ? Missing(table) : new IOException($"The folder '{path}' cannot be made: {Marshal.GetPInvokeErrorMessage(error)}.");
            }
        }
    }

    private static DirectoryNotFoundException Missing(string table) => new($"The folder '{table}' of the lake is not there; it is not made again, for what it held would be missing.");

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectory(string path, uint mode);
}
