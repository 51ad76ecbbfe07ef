using System.Runtime.InteropServices;

namespace Write.DataPlatform.DuckDb;

/// <summary>The memory that DuckDB takes from the C library, beside that of its buffers.</summary>
internal static partial class NativeMemory
{
    // M_ARENA_MAX of glibc's malloc.h.
    private const int ArenaMax = -8;

    /// <summary>
    /// glibc keeps up to eight heaps a processor, each as large as it ever was; since every query runs on another thread, a server grows for hours until all have been as large as one.
    /// One heap a processor is enough. It is read once, when the first threads want a heap: so the process begins with this. Other C libraries have no such heaps.
    /// </summary>
    public static void Bound()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        try
        {
            // Not accepted: as it was.
            _ = SetMallocOption(ArenaMax, Math.Max(2, Environment.ProcessorCount));
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            // musl.
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "mallopt")]
    private static partial int SetMallocOption(int option, int value);
}
