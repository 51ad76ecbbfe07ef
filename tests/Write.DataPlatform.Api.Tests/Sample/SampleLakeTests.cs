using System.Globalization;
using Write.DataPlatform.Api.Sample;

namespace Write.DataPlatform.Api.Tests.Sample;

public sealed class SampleLakeTests : IDisposable
{
    private static readonly DateOnly EndDate = new(2026, 3, 15);

    private readonly string _folder = Directory.CreateTempSubdirectory("sample-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Same_options_give_the_same_rows_in_the_same_order()
    {
        var first = await ChecksumsAsync("first", seed: 42);
        var second = await ChecksumsAsync("second", seed: 42);

        Assert.Equal(27 * 4 + 1, first.Count);
        Assert.Equal(first, second);
    }

    [Fact]
    public async Task Another_seed_gives_other_rows_in_every_table()
    {
        var first = await ChecksumsAsync("first", seed: 42);
        var second = await ChecksumsAsync("second", seed: 43);

        Assert.Equal(first.Keys, second.Keys);
        Assert.All(first, file => Assert.NotEqual(file.Value, second[file.Key]));
    }

    [Fact]
    public async Task A_thousand_rows_still_fill_every_table()
    {
        var lake = await GenerateAsync("small", rows: 1_000);

        var counts = SampleFixture.Rows(lake, """
            SELECT (SELECT count(*) FROM visits), (SELECT count(*) FROM page_views), (SELECT count(*) FROM watches),
                (SELECT count(*) FROM steps), (SELECT count(*) FROM visitors), (SELECT count(DISTINCT customer) FROM visits)
            """)[0].Select(v => Convert.ToInt64(v, CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(250, counts[0]);
        Assert.InRange(counts[..4].Sum(), 800, 1_200);
        Assert.All(counts, count => Assert.NotEqual(0, count));
        Assert.Equal(4, counts[5]);
    }

    [Theory]
    [InlineData("2026-01-01", "2024-01-01", 25)]
    [InlineData("2024-02-29", "2022-01-01", 26)]
    [InlineData("2025-12-31", "2023-01-01", 36)]
    public async Task The_lake_starts_on_the_first_of_January_two_years_before(string end, string start, int months)
    {
        var lake = await GenerateAsync("lake", rows: 20_000, end: DateOnly.ParseExact(end, "yyyy-MM-dd", CultureInfo.InvariantCulture));

        var row = SampleFixture.Rows(lake, $"""
            SELECT min(occurred_at)::DATE = DATE '{start}', max(occurred_at)::DATE = DATE '{end}',
                max(occurred_at + to_seconds(coalesce(duration_seconds, 0))) < DATE '{end}' + INTERVAL 1 DAY FROM visits
            """)[0];
        Assert.Equal([true, true, true], row);
        foreach (var table in SampleSql.Facts)
        {
            Assert.Equal(months, Directory.GetDirectories(Path.Combine(lake, table)).Length);
        }
    }

    [Fact]
    public async Task Progress_names_every_file_once_and_ends_at_the_total()
    {
        var progress = new Recorder();
        await GenerateAsync("lake", progress: progress);

        Assert.Equal(Enumerable.Range(1, 27 * 4 + 1), progress.Reports.Select(r => r.Done).Order());
        Assert.All(progress.Reports, r => Assert.Equal(27 * 4 + 1, r.Total));
        Assert.Equal(progress.Reports.Count, progress.Reports.Select(r => r.File).Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(60)]
    [InlineData(109)]
    public async Task Cancelling_leaves_nothing(int afterFiles)
    {
        using var source = new CancellationTokenSource();
        if (afterFiles == 0)
        {
            await source.CancelAsync();
        }

        var progress = new Recorder { OnReport = r => { if (r.Done == afterFiles) { source.Cancel(); } } };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => GenerateAsync("lake", rows: 400_000, progress: progress, cancel: source));

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
        Assert.InRange(progress.Reports.Count, afterFiles, afterFiles + 2);
    }

    [Fact]
    public async Task What_a_killed_generation_left_is_not_a_lake_and_is_replaced()
    {
        var lake = Path.Combine(_folder, "lake");
        var stale = Directory.CreateDirectory(Path.Combine(_folder, "lake.partial", "lake", "visits", "month=1999-01-01")).FullName;
        File.WriteAllText(Path.Combine(stale, "visits.parquet"), "half a file");
        File.WriteAllText(lake + ".lock", "");
        Assert.False(SampleLake.Exists(lake));

        await GenerateAsync("lake");

        Assert.True(SampleLake.Exists(lake));
        Assert.Equal([lake], Directory.EnumerateFileSystemEntries(_folder));
        Assert.Equal(27, Directory.GetDirectories(Path.Combine(lake, "visits")).Length);
    }

    [Fact]
    public async Task A_folder_with_files_is_refused_and_kept()
    {
        var kept = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "lake")).FullName, "mine.txt");
        File.WriteAllText(kept, "mine");

        await Assert.ThrowsAsync<IOException>(() => GenerateAsync("lake"));

        Assert.Equal("mine", File.ReadAllText(kept));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public async Task A_second_generation_into_the_same_folder_is_refused_while_the_first_runs()
    {
        Task<string>? second = null;
        var progress = new Recorder { OnReport = r => { if (r.Done == 1) { second = GenerateAsync("lake"); } } };

        var lake = await GenerateAsync("lake", progress: progress);

        await Assert.ThrowsAsync<IOException>(() => second!);
        Assert.Equal([lake], Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public async Task A_place_that_cannot_be_written_is_an_IOException()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");

        await Assert.ThrowsAnyAsync<IOException>(() => GenerateAsync(Path.Combine("file", "lake")));
    }

    [Fact]
    public async Task Options_out_of_range_are_refused()
    {
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => GenerateAsync("lake", rows: 999));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => GenerateAsync("lake", end: new DateOnly(2, 12, 31)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public void Every_day_of_the_calendar_has_its_share_and_ids_have_no_gap()
    {
        var calendar = new SampleCalendar(new DateOnly(2026, 3, 15), 500_000);

        Assert.Equal(new DateOnly(2024, 1, 1), calendar.Days[0].Day);
        Assert.Equal(500_000, calendar.Days.Sum(d => d.Visits));
        var next = 1L;
        foreach (var (day, index) in calendar.Days.Select((d, i) => (d, i)))
        {
            Assert.Equal(calendar.FirstDay.AddDays(index), day.Day);
            Assert.Equal(next, day.FirstId);
            Assert.InRange(day.Visits, 100, 2_000);
            next += day.Visits;
        }

        Assert.Equal(calendar.LastDay, calendar.Days[^1].Day);
    }

    private async Task<string> GenerateAsync(
        string name, long rows = 5_000, int seed = 42, DateOnly? end = null, IProgress<SampleProgress>? progress = null, CancellationTokenSource? cancel = null)
    {
        var lake = Path.Combine(_folder, name);
        await new SampleLake().GenerateAsync(new SampleOptions { Directory = lake, Rows = rows, Seed = seed, EndDate = end ?? EndDate },
            progress, cancel?.Token ?? TestContext.Current.CancellationToken);
        return lake;
    }

    /// <summary>For each file with rows a checksum over all its values and their places.</summary>
    private async Task<SortedDictionary<string, string>> ChecksumsAsync(string name, int seed)
    {
        var lake = await GenerateAsync(name, rows: 20_000, seed: seed);
        var checksums = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var rows = SampleFixture.Rows(lake, string.Join(" UNION ALL ", SampleSql.Facts.Append("visitors").Select(table => $"""
            SELECT file, bit_xor(md5_number(t::VARCHAR))::VARCHAR
            FROM (SELECT * EXCLUDE (filename), filename[{lake.Length + 2}:] AS file FROM {table}) AS t GROUP BY file
            """)));
        rows.ForEach(row => checksums.Add((string)row[0]!, (string)row[1]!));
        return checksums;
    }

    private sealed class Recorder : IProgress<SampleProgress>
    {
        public List<SampleProgress> Reports { get; } = [];

        public Action<SampleProgress>? OnReport { get; init; }

        public void Report(SampleProgress value)
        {
            lock (Reports)
            {
                Reports.Add(value);
                OnReport?.Invoke(value);
            }
        }
    }
}
