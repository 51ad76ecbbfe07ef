using Microsoft.Extensions.Options;
using Write.DataPlatform.Lake.Athena;

namespace Write.DataPlatform.Lake;

/// <summary>Where the events are: section <c>DataPlatform:Lake</c>.</summary>
public sealed class LakeOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "DataPlatform:Lake";

    /// <summary>The engine.</summary>
    /// <value>Default: <see cref="LakeKind.DuckDb"/>.</value>
    public LakeKind Kind { get; set; } = LakeKind.DuckDb;

    /// <summary>The folder that holds a folder or file for every table.</summary>
    /// <value>Default: <c>lake</c> in <c>DataPlatform:Data</c>.</value>
    public string Path { get; set; } = "";

    /// <summary>A DuckDB database file whose tables are the lake's, opened for reading only, instead of the folder.</summary>
    /// <value>Default: none.</value>
    public string Database { get; set; } = "";

    /// <summary>The folder for exports on their way and for what queries spill; every process makes its own inside.</summary>
    /// <value>Default: <c>work</c> in <c>DataPlatform:Data</c>.</value>
    public string WorkPath { get; set; } = "";

    /// <summary>Memory for all lake queries together, in MiB.</summary>
    /// <value>Default: 1024.</value>
    public int MemoryMegabytes { get; set; } = 1024;

    /// <summary>How much queries may spill to <see cref="WorkPath"/>, in MiB.</summary>
    /// <value>Default: 16384.</value>
    public int MaxSpillMegabytes { get; set; } = 16384;

    /// <summary>Threads of one query.</summary>
    /// <value>Default: the number of processors.</value>
    public int Threads { get; set; } = Environment.ProcessorCount;

    /// <summary>Queries that run at once; others wait in line.</summary>
    /// <value>Default: 4.</value>
    public int MaxQueries { get; set; } = 4;

    /// <summary>How long one query may run.</summary>
    /// <value>Default: 15 minutes.</value>
    public TimeSpan QueryTimeout { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>How long a listing of a table's files is reused, so how long a new file may go unseen.</summary>
    /// <value>Default: 1 second.</value>
    public TimeSpan ScanInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How Athena is asked, if that is the kind.</summary>
    public AthenaOptions Athena { get; set; } = new();
}

/// <summary>The lakes there are.</summary>
public enum LakeKind
{
    /// <summary>Files in a folder, read by DuckDB in this process.</summary>
    DuckDb,

    /// <summary>Amazon Athena.</summary>
    Athena,
}

internal sealed class LakeOptionsValidator : IValidateOptions<LakeOptions>
{
    public ValidateOptionsResult Validate(string? name, LakeOptions options)
    {
        List<string> failures = [];
        if (!Enum.IsDefined(options.Kind))
        {
            failures.Add($"{LakeOptions.Section}:Kind is {options.Kind}; it must be DuckDb or Athena.");
        }

        void AtLeast(int value, int least, string setting)
        {
            if (value < least)
            {
                failures.Add($"{LakeOptions.Section}:{setting} is {value}; it must be at least {least}.");
            }
        }

        AtLeast(options.MemoryMegabytes, 64, nameof(options.MemoryMegabytes));
        AtLeast(options.MaxSpillMegabytes, 0, nameof(options.MaxSpillMegabytes));
        AtLeast(options.Threads, 1, nameof(options.Threads));
        AtLeast(options.MaxQueries, 1, nameof(options.MaxQueries));
        if (options.QueryTimeout <= TimeSpan.Zero)
        {
            failures.Add($"{LakeOptions.Section}:QueryTimeout is {options.QueryTimeout}; it must be longer than zero.");
        }

        if (options.ScanInterval < TimeSpan.Zero || options.ScanInterval > TimeSpan.FromMinutes(1))
        {
            failures.Add($"{LakeOptions.Section}:ScanInterval is {options.ScanInterval}; it must be from 0 to 1 minute.");
        }

        if (options.Database.Length > 0)
        {
            CheckDatabase(options, failures);
        }
        else if (options.Kind == LakeKind.DuckDb)
        {
            if (options.Path.Length == 0)
            {
                failures.Add($"{LakeOptions.Section}:Path is empty; it must name the lake's folder.");
            }
            else if (File.Exists(options.Path))
            {
                failures.Add($"{LakeOptions.Section}:Path '{options.Path}' is a file; it must be a folder.");
            }
        }

        if (options.Kind == LakeKind.Athena)
        {
            options.Athena.Check(LakeOptions.Section + ":" + nameof(options.Athena), failures);
        }

        if (options.WorkPath.Length == 0)
        {
            failures.Add($"{LakeOptions.Section}:WorkPath is empty; it must name a folder for temporary files.");
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static void CheckDatabase(LakeOptions options, List<string> failures)
    {
        var setting = $"{LakeOptions.Section}:Database '{options.Database}'";
        if (options.Kind != LakeKind.DuckDb)
        {
            failures.Add($"{setting} goes with the kind DuckDb alone, not with {options.Kind}.");
        }

        if (!File.Exists(options.Database))
        {
            failures.Add(Directory.Exists(options.Database) ? $"{setting} is a folder; it must be a DuckDB database file." : $"{setting} does not exist.");
            return;
        }

        try
        {
            Span<byte> head = stackalloc byte[12];
            using var file = File.OpenRead(options.Database);
            if (file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length || !head[8..].SequenceEqual("DUCK"u8))
            {
                failures.Add($"{setting} is no DuckDB database file.");
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            failures.Add($"{setting} cannot be read: {exception.Message}");
        }
    }
}
