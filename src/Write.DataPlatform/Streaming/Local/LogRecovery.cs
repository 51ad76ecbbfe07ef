using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Write.DataPlatform.Streaming.Local;

/// <summary>Finds what of a partition is whole when its writer starts.</summary>
internal static partial class LogRecovery
{
    /// <summary>
    /// What was accepted stays. Whole records behind it, of which nobody was told, are accepted now; what is torn behind those is cut off. Where the disk lost what was
    /// said to be accepted (a power cut without flushing), it is logged.
    /// </summary>
    /// <returns>How far the records are accepted, published; and the last record's number, 0 for none.</returns>
    public static (LogCommit Commit, ulong Last) Run(string folder, SafeFileHandle commitFile, ILogger logger)
    {
        var commit = LogCommit.Read(commitFile);
        var segments = LogSegment.List(folder);
        RemoveUnfinished(folder, segments);
        if (segments.Count == 0)
        {
            if (commit is { Base: > 0 })
            {
                LogLost(logger, folder, commit.Base);
            }

            return (Publish(new LogCommit(0, 0, commit?.Next ?? 1, commit?.ArrivedAt ?? 0), commit, commitFile), commit?.Next - 1 ?? 0);
        }

        var segment = segments[^1];
        using var file = File.OpenHandle(segment.PathIn(folder), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        var length = RandomAccess.GetLength(file);
        var isOfSegment = commit?.Base == segment.Base && commit.Length <= length;
        if (commit is not null && !isOfSegment && (commit.Base > segment.Base || commit.Base == segment.Base))
        {
            LogLost(logger, folder, commit.Base);
        }

        // Without a commit of this file its records are found from the first on.
        var found = isOfSegment
            ? commit! with { Next = Math.Max(commit!.Next, segment.Base) }
            : new LogCommit(segment.Base, LogSegment.HeaderLength, segment.Base, commit?.ArrivedAt ?? segment.CreatedAt);
        var last = found.Next > segment.Base ? found.Next - 1 : segment.PreviousLast;
        var scanner = new LogScanner(file, found.Length);
        do
        {
            while (scanner.TryRead(length, found.Next, out var record, out _))
            {
                last = record.Sequence;
                found = found with { Length = scanner.Offset, Next = last + 1, ArrivedAt = Math.Max(found.ArrivedAt, record.ArrivedAt) };
            }
        }
        while (!isOfSegment && scanner.TrySkipDamage(length, found.Next));

        if (found.Length < length)
        {
            LogTorn(logger, segment.PathIn(folder), length - found.Length);
            RandomAccess.SetLength(file, found.Length);
        }

        if (found != commit)
        {
            RandomAccess.FlushToDisk(file);
        }

        // Numbers that readers may have seen before they were lost are not given again.
        return (Publish(found with { Next = Math.Max(found.Next, commit?.Next ?? 0) }, commit, commitFile), last);
    }

    private static LogCommit Publish(LogCommit found, LogCommit? commit, SafeFileHandle commitFile)
    {
        if (found != commit)
        {
            RandomAccess.Write(commitFile, found.ToBytes(), 0);
        }

        return found;
    }

    /// <summary>Removes files that got no whole header: nothing was accepted in them.</summary>
    private static void RemoveUnfinished(string folder, List<LogSegment> segments)
    {
        foreach (var path in Directory.GetFiles(folder, "*.log"))
        {
            if (ulong.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                && first > (segments.Count == 0 ? 0 : segments[^1].Base))
            {
                File.Delete(path);
            }
        }
    }

    [LoggerMessage(6103, LogLevel.Error, "The disk lost records of the log in {Folder} that were accepted without being flushed (file {File})")]
    private static partial void LogLost(ILogger logger, string folder, ulong file);

    [LoggerMessage(6104, LogLevel.Warning, "{Bytes} bytes at the end of {File} were written by a process that died before they were accepted; they are cut off")]
    private static partial void LogTorn(ILogger logger, string file, long bytes);
}
