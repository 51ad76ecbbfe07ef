using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;

namespace Write.DataPlatform.Lake.DuckDb;

/// <summary>The folder of a lake: which tables it has and which files they are made of.</summary>
/// <remarks>
/// <c>visits</c> is the folder <c>visits</c> with all files below it, or one file <c>visits.parquet</c> (csv, json, ndjson);
/// <c>web.visits</c> is the same within the folder <c>web</c>. Names that start with a dot or an underscore are passed over, as Spark does.
/// </remarks>
internal sealed class LakeFolder(string path, TimeSpan scanInterval, TimeProvider time)
{
    // One lock a table: a scan of many files makes nobody wait who asks for another.
    private readonly ConcurrentDictionary<string, LastScan> _scans = new(StringComparer.OrdinalIgnoreCase);

    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>The table as it is now or was at most the scan interval ago, or null if there is none. Never older than what an earlier call gave.</summary>
    /// <exception cref="LakeException">The folder cannot be read, or holds something that is no table.</exception>
    public LakeTable? Find(string table)
    {
        var last = _scans.GetOrAdd(table, static _ => new LastScan());
        lock (last.Lock)
        {
            if (last.Table is { } known && time.GetElapsedTime(last.At) < scanInterval)
            {
                return known;
            }

            var at = time.GetTimestamp();
            try
            {
                (last.Table, last.At) = (Scan(table), at);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new LakeException($"The lake table '{table}' cannot be read: {exception.Message}", exception is not UnauthorizedAccessException, exception);
            }

            return last.Table;
        }
    }

    /// <summary>The next call looks at the table's files, unless it was done since a timestamp of the clock.</summary>
    public void Forget(string table, long before)
    {
        if (_scans.TryGetValue(table, out var last))
        {
            lock (last.Lock)
            {
                last.Table = last.At < before ? null : last.Table;
            }
        }
    }

    /// <summary>Says that a table is not there.</summary>
    public LakeException Missing(string table)
    {
        if (File.Exists(Path))
        {
            return new LakeException($"The lake folder '{Path}' is a file.", isTransient: false) { IsMissing = true };
        }

        if (!Directory.Exists(Path))
        {
            return new LakeException($"The lake folder '{Path}' does not exist.", isTransient: false) { IsMissing = true };
        }

        var names = Directory.EnumerateFileSystemEntries(Path).Select(entry => System.IO.Path.GetFileName(entry)).Where(name => !IsHidden(name))
            .Select(name => LakeFormats.Of(name) is null ? name : name[..name.IndexOf('.', StringComparison.Ordinal)]).Distinct().Order(StringComparer.Ordinal).Take(20);
        return new LakeException($"The lake has no table '{table}'; its folder '{Path}' has: {string.Join(", ", names)}.", isTransient: false) { IsMissing = true };
    }

    private sealed class LastScan
    {
        public Lock Lock { get; } = new();

        public long At { get; set; }

        /// <summary>What was found; null for nothing, or nothing that still counts.</summary>
        public LakeTable? Table { get; set; }
    }

    private LakeTable? Scan(string table)
    {
        var parts = table.Split('.');
        if (parts.Length > 2 || parts.Any(part => part.Length == 0 || part.AsSpan().ContainsAny('/', '\\', '\0')))
        {
            return null;
        }

        var parent = Path;
        if (parts.Length == 2)
        {
            if (Entry(parent, parts[0], Directory.EnumerateDirectories) is not { } schema)
            {
                return null;
            }

            parent = schema;
        }

        var name = parts[^1];
        var folder = Entry(parent, name, Directory.EnumerateDirectories);
        var single = Directory.Exists(parent)
            ? Directory.EnumerateFiles(parent, "*", Plain)
                .Where(file => LakeFormats.Of(file) is not null && System.IO.Path.GetFileName(file).Split('.')[0].Equals(name, StringComparison.OrdinalIgnoreCase))
                .Order(StringComparer.Ordinal).ToList()
            : [];
        if ((folder is null ? 0 : 1) + single.Count > 1)
        {
            throw new LakeException($"The lake table '{table}' is ambiguous: {string.Join(" and ", single.Prepend(folder).OfType<string>())}.", isTransient: false);
        }

        return folder is not null ? OfFolder(table, folder) : single.Count == 1 ? OfFiles(table, parent, [new FileInfo(single[0])]) : null;
    }

    private static readonly EnumerationOptions Plain = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    private static string? Entry(string parent, string name, Func<string, string, EnumerationOptions, IEnumerable<string>> enumerate)
    {
        var exact = System.IO.Path.Combine(parent, name);
        return Directory.Exists(exact)
            ? exact
            : !Directory.Exists(parent)
                ? null
                : enumerate(parent, "*", Plain).FirstOrDefault(entry => System.IO.Path.GetFileName(entry).Equals(name, StringComparison.OrdinalIgnoreCase));
    }

    private static LakeTable OfFolder(string table, string folder)
    {
        List<FileInfo> files = [];
        void Walk(DirectoryInfo directory)
        {
            foreach (var entry in directory.EnumerateFileSystemInfos("*", Plain))
            {
                switch (entry)
                {
                    case var _ when IsHidden(entry.Name):
                        break;
                    case DirectoryInfo child:
                        Walk(child);
                        break;
                    case FileInfo file when LakeFormats.Of(file.Name) is not null:
                        files.Add(file);
                        break;
                }
            }
        }

        Walk(new DirectoryInfo(folder));
        return OfFiles(table, folder, files);
    }

    private static LakeTable OfFiles(string table, string root, List<FileInfo> infos)
    {
        var files = LandedFile.WithoutCovered(infos, info => info.FullName)
            .Select(info => new LakeFile(info.FullName, System.IO.Path.GetRelativePath(root, info.FullName).Replace('\\', '/'), info.Length, info.LastWriteTimeUtc.Ticks))
            .OrderBy(file => file.RelativePath, StringComparer.Ordinal)
            .ToImmutableArray();
        var formats = files.Select(file => LakeFormats.Of(file.Path)!.Value).Distinct().ToList();
        return formats.Count <= 1
            ? new LakeTable(table, files, formats.FirstOrDefault())
            : throw new LakeException($"The lake table '{table}' mixes files of several formats: {string.Join(", ", formats)}.", isTransient: false);
    }

    private static bool IsHidden(string name) => name.StartsWith('.') || (name.StartsWith('_') && !name.Contains('='));
}

internal enum LakeFormat
{
    Parquet,
    Csv,
    Json,
}

internal static class LakeFormats
{
    public static LakeFormat? Of(string path)
    {
        var name = Path.GetFileName(path.AsSpan());
        if (name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".zst", StringComparison.OrdinalIgnoreCase))
        {
            name = Path.GetFileNameWithoutExtension(name);
        }

        return Path.GetExtension(name).ToString().ToLowerInvariant() switch
        {
            ".parquet" => LakeFormat.Parquet,
            ".csv" => LakeFormat.Csv,
            ".json" or ".ndjson" or ".jsonl" => LakeFormat.Json,
            _ => null,
        };
    }
}

/// <param name="Path">The full path.</param>
/// <param name="RelativePath">The path within the table, with slashes.</param>
/// <param name="Bytes">The size.</param>
/// <param name="Modified">When it was last written, in UTC ticks.</param>
internal readonly record struct LakeFile(string Path, string RelativePath, long Bytes, long Modified)
{
    /// <summary>The value of a hive partition column, or null if the path has none.</summary>
    public string? HiveValue(string column)
    {
        foreach (var part in RelativePath.Split('/')[..^1])
        {
            if (part.Length > column.Length && part[column.Length] == '=' && part.StartsWith(column, StringComparison.OrdinalIgnoreCase))
            {
                return Uri.UnescapeDataString(part[(column.Length + 1)..]);
            }
        }

        return null;
    }
}

/// <summary>A table's files at one moment.</summary>
internal sealed class LakeTable(string name, ImmutableArray<LakeFile> files, LakeFormat format)
{
    private readonly ConcurrentDictionary<string, ImmutableArray<(DateOnly? Start, DateOnly? End)>> _ranges = new(StringComparer.OrdinalIgnoreCase);
    private string? _version;

    public string Name { get; } = name;

    public ImmutableArray<LakeFile> Files { get; } = files;

    public LakeFormat Format { get; } = format;

    public bool IsHive => Files.Any(file => file.RelativePath.LastIndexOf('/') is > 0 and var end && file.RelativePath.AsSpan(0, end).Contains('='));

    /// <summary>The hash of all files' paths, sizes and times.</summary>
    public string Version => _version ??= Hash(Files);

    /// <summary>As <see cref="Version"/>, of the files whose partition may hold rows of the half-open range of dates.</summary>
    public string VersionOf(string partitionColumn, DateOnly? from, DateOnly? to)
    {
        var ranges = _ranges.GetOrAdd(partitionColumn, column =>
        {
            var dates = Files.Select(file => ParseDate(file.HiveValue(column))).ToArray();
            var end = End(dates.OfType<DateOnly>().Distinct().ToList());
            return [.. dates.Select(date => (date, date is { } start ? end(start) : (DateOnly?)null))];
        });
        return Hash(Files.Where((_, i) => ranges[i] is not ({ } start, { } end) || ((to is null || start < to) && (from is null || end > from))));
    }

    private static DateOnly? ParseDate(string? value) =>
        DateOnly.TryParseExact(value, ["yyyy-MM-dd", "yyyyMMdd", "yyyy-MM", "yyyy"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) ? date : null;

    /// <summary>Where partitions end: they are as long as the values there are allow. Too long is safe, too short would miss changes.</summary>
    private static Func<DateOnly, DateOnly> End(List<DateOnly> values) =>
        values.Any(date => date.Day != 1)
            ? values.Select(date => date.DayOfWeek).Distinct().Count() == 1 ? date => date.AddDays(7) : date => date.AddDays(1)
            : values.All(date => date.Month == 1) ? date => date.AddYears(1)
            : values.All(date => date.Month % 3 == 1) ? date => date.AddMonths(3)
            : date => date.AddMonths(1);

    private static string Hash(IEnumerable<LakeFile> files)
    {
        var hash = new XxHash128();
        Span<long> numbers = stackalloc long[2];
        foreach (var file in files)
        {
            hash.Append(Encoding.UTF8.GetBytes(file.RelativePath));
            numbers[0] = file.Bytes;
            numbers[1] = file.Modified;
            hash.Append(MemoryMarshal.AsBytes(numbers));
        }

        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
