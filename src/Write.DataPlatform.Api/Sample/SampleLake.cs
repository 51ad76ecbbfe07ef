using System.Data.Common;
using System.Globalization;
using System.Text;
using DuckDB.NET.Data;
using DuckDB.NET.Native;

namespace Write.DataPlatform.Api.Sample;

/// <summary>Makes the sample lake: two to three years of a media site's activity as Parquet files.</summary>
internal sealed class SampleLake
{
    private const int MonthsAtOnce = 2;
    private const long LeastRows = 1_000;

    // A quarter of all events are visits; the rest follows from them.
    private const double VisitShare = 0.25;

    /// <summary>The folder of the model files that describe this lake, beside the executable.</summary>
    public static string ModelsDirectory => Path.Combine(AppContext.BaseDirectory, "Sample", "Models");

    /// <summary>Whether a whole lake stands there; one that was being made when its process died does not count.</summary>
    public static bool Exists(string directory) => Directory.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any();

    /// <summary>
    /// Writes the lake. The files are made beside <see cref="SampleOptions.Directory"/> and appear there all at once at the end.
    /// </summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="IOException">The folder holds files already, another process is making it, or it cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left behind.</exception>
    public async Task GenerateAsync(SampleOptions options, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Rows, LeastRows, nameof(options.Rows));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.EndDate.Year, 3, nameof(options.EndDate));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MemoryMebibytes, 64, nameof(options.MemoryMebibytes));

        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.Directory));
        var partial = target + ".partial";
        Directory.CreateDirectory(Path.GetDirectoryName(target) ?? target);

        // The lock dies with its process, so whatever stands in the partial folder now is a dead process's.
        await using var only = new FileStream(target + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        RemoveIfThere(partial);
        if (Exists(target))
        {
            throw new IOException($"The folder '{target}' holds files already; remove it or choose another for the sample.");
        }

        try
        {
            var lake = Path.Combine(partial, "lake");
            Directory.CreateDirectory(lake);

            // DuckDB works on the calling thread; the caller's must stay free.
            await Task.Run(() => WriteAsync(options, lake, Path.Combine(partial, "spill"), progress, cancellationToken), cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();

            RemoveIfThere(target);
            Directory.Move(lake, target);
        }
        finally
        {
            RemoveIfThere(partial);
        }
    }

    private static async Task WriteAsync(SampleOptions options, string lake, string spill, IProgress<SampleProgress>? progress, CancellationToken cancellationToken)
    {
        var visits = (long)(options.Rows * VisitShare);
        var calendar = new SampleCalendar(options.EndDate, visits);
        var months = calendar.Months().ToArray();
        var total = months.Length * SampleSql.Facts.Length + 1;
        var done = 0;
        void Report(string file) => progress?.Report(new SampleProgress(Interlocked.Increment(ref done), total, file));

        await using var database = new DuckDBConnection("DataSource=:memory:");
        await database.OpenAsync(cancellationToken);
        await ExecuteAsync(database, string.Create(CultureInfo.InvariantCulture, $"""
            SET autoinstall_known_extensions = false;
            SET autoload_known_extensions = false;
            SET threads = {MonthsAtOnce};
            SET memory_limit = '{options.MemoryMebibytes}MiB';
            SET temp_directory = {SampleSql.Text(spill)};
            SET preserve_insertion_order = true;
            """), cancellationToken);
        await ExecuteAsync(database, SampleSql.Macros(options.Seed), cancellationToken);

        // A month is too small for DuckDB to share among threads, so two months run side by side.
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = MonthsAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(months, parallel, async (month, cancel) =>
        {
            await using var connection = database.Duplicate();
            await connection.OpenAsync(cancel);
            await WriteMonthAsync(connection, calendar, visits, month, lake, options.Until, Report, cancel);
        });

        var visitors = Path.Combine(Directory.CreateDirectory(Path.Combine(lake, "visitors")).FullName, "visitors.parquet");
        await ExecuteAsync(database, SampleSql.Copy(SampleSql.Visitors(Path.Combine(lake, "visits", "*", "*.parquet")), visitors), cancellationToken);
        Report("visitors");
    }

    private static async Task WriteMonthAsync(
        DuckDBConnection connection, SampleCalendar calendar, long visits, DateOnly month, string lake, DateTime? until, Action<string> report, CancellationToken cancellationToken)
    {
        var next = month.AddMonths(1);
        var lakeEnd = calendar.LastDay.AddDays(1);

        // A visit of the evening before may go on into this month; none lasts a day.
        var days = new StringBuilder("CREATE OR REPLACE TEMP TABLE days AS SELECT * FROM (VALUES ");
        var separator = "";
        foreach (var day in calendar.Days.Where(d => d.Day >= month.AddDays(-1) && d.Day < next))
        {
            days.Append(CultureInfo.InvariantCulture, $"{separator}(DATE '{day.Day:yyyy-MM-dd}', {day.FirstId}::BIGINT, {day.Visits}::BIGINT)");
            separator = ", ";
        }

        await ExecuteAsync(connection, days.Append(") AS d(day, first_id, visits)").ToString(), cancellationToken);
        await ExecuteAsync(connection, SampleSql.Core(visits, lakeEnd), cancellationToken);

        foreach (var table in SampleSql.Facts)
        {
            var partition = string.Create(CultureInfo.InvariantCulture, $"{table}/month={month:yyyy-MM-dd}");
            var folder = Directory.CreateDirectory(Path.Combine(lake, partition)).FullName;
            await ExecuteAsync(connection, SampleSql.Copy(SampleSql.Fact(table, month, next, lakeEnd, until), Path.Combine(folder, $"{table}.parquet")), cancellationToken);
            report(partition);
        }
    }

    private static async Task ExecuteAsync(DuckDBConnection connection, string sql, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var registration = cancellationToken.UnsafeRegister(static state => ((DuckDBCommand)state!).Cancel(), command);
        try
        {
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (DbException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (DuckDBException error) when (error.ErrorType == DuckDBErrorType.Io)
        {
            throw new IOException($"The sample lake could not be written: {error.Message}", error);
        }
    }

    private static void RemoveIfThere(string directory)
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
