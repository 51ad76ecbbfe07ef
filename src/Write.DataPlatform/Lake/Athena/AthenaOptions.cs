using System.Text.RegularExpressions;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>How Amazon Athena is asked: section <c>DataPlatform:Lake:Athena</c>. Region and credentials are in the section <c>AWS</c>.</summary>
public sealed partial class AthenaOptions
{
    /// <summary>The workgroup that queries run in.</summary>
    /// <value>Default: <c>primary</c>.</value>
    public string Workgroup { get; set; } = "primary";

    /// <summary>The data catalog of the tables.</summary>
    /// <value>Default: <c>AwsDataCatalog</c>, which is Glue's.</value>
    public string Catalog { get; set; } = "AwsDataCatalog";

    /// <summary>The database of tables that are named without one.</summary>
    /// <value>Default: <c>default</c>.</value>
    public string Database { get; set; } = "default";

    /// <summary>Where results and exports are left, such as <c>s3://bucket/results/</c>.</summary>
    /// <value>Default: where the workgroup says.</value>
    public string OutputLocation { get; set; } = "";

    /// <summary>Queries that this process has running at once; others wait in line.</summary>
    /// <value>Default: 10.</value>
    public int MaxQueries { get; set; } = 10;

    /// <summary>Bytes that one query may read before it is stopped; 0 for any number. The workgroup's own limit holds as well.</summary>
    /// <value>Default: 0.</value>
    public long MaxBytesScannedPerQuery { get; set; }

    /// <summary>Bytes that this process's queries may read in a day of UTC before further ones are refused; 0 for any number.</summary>
    /// <value>Default: 0.</value>
    public long MaxBytesScannedPerDay { get; set; }

    /// <summary>Bytes that this process's queries on behalf of one tenant may read in a day of UTC before its further ones are refused; 0 for any number.</summary>
    /// <value>Default: 0.</value>
    public long MaxBytesScannedPerTenantPerDay { get; set; }

    /// <summary>How old an earlier result of the same statement may be to be given again, in whole minutes up to 7 days; zero for never.</summary>
    /// <value>Default: zero.</value>
    public TimeSpan ResultReuse { get; set; }

    /// <summary>The first wait before a query is asked how it is doing; each next one is longer by half.</summary>
    /// <value>Default: 50 milliseconds.</value>
    public TimeSpan PollFrom { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest such wait.</summary>
    /// <value>Default: 2 seconds.</value>
    public TimeSpan PollTo { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Whether changes of tables are found by listing their files; without, partitions are refreshed by their age alone.</summary>
    /// <value>Default: true.</value>
    public bool TableVersions { get; set; } = true;

    internal void Check(string section, List<string> failures)
    {
        void Need(bool isGood, string setting, object? value, string need)
        {
            if (!isGood)
            {
                failures.Add($"{section}:{setting} is {(value is "" ? "empty" : value)}; it must {need}.");
            }
        }

        Need(WorkgroupName().IsMatch(Workgroup), nameof(Workgroup), Workgroup, "name a workgroup: 1 to 128 letters, digits, dots, dashes and underscores");
        Need(Catalog.Length is > 0 and <= 256, nameof(Catalog), Catalog, "name a data catalog");
        Need(Database.Length is > 0 and <= 255, nameof(Database), Database, "name a database");
        Need(OutputLocation.Length == 0 || S3Location.TryParse(OutputLocation) is not null, nameof(OutputLocation), OutputLocation, "be as s3://bucket/folder/");
        Need(MaxQueries >= 1, nameof(MaxQueries), MaxQueries, "be at least 1");
        Need(MaxBytesScannedPerQuery >= 0, nameof(MaxBytesScannedPerQuery), MaxBytesScannedPerQuery, "be at least 0");
        Need(MaxBytesScannedPerDay >= 0, nameof(MaxBytesScannedPerDay), MaxBytesScannedPerDay, "be at least 0");
        Need(MaxBytesScannedPerTenantPerDay >= 0, nameof(MaxBytesScannedPerTenantPerDay), MaxBytesScannedPerTenantPerDay, "be at least 0");
        Need(
            ResultReuse >= TimeSpan.Zero && ResultReuse <= TimeSpan.FromDays(7) && ResultReuse.Ticks % TimeSpan.TicksPerMinute == 0,
            nameof(ResultReuse), ResultReuse, "be whole minutes, from 0 to 7 days");
        Need(PollFrom > TimeSpan.Zero, nameof(PollFrom), PollFrom, "be longer than zero");
        Need(PollTo >= PollFrom && PollTo <= TimeSpan.FromMinutes(1), nameof(PollTo), PollTo, "be from PollFrom to 1 minute");
    }

    [GeneratedRegex("^[a-zA-Z0-9._-]{1,128}$")]
    private static partial Regex WorkgroupName();
}
