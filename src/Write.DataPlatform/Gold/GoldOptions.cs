using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold.DynamoDb;

namespace Write.DataPlatform.Gold;

/// <summary>The gold zone's settings: <c>DataPlatform:Gold</c>.</summary>
public sealed class GoldOptions
{
    /// <summary>Where gold is kept.</summary>
    /// <value>Default <see cref="GoldKind.Sqlite"/>.</value>
    public GoldKind Kind { get; set; } = GoldKind.Sqlite;

    /// <summary>The SQLite file; a relative path is taken from the working directory.</summary>
    /// <value>Default <c>gold.db</c> in the data folder (<c>DataPlatform:Data</c>).</value>
    public string? Path { get; set; }

    /// <summary>The DynamoDB table.</summary>
    public DynamoDbGoldOptions DynamoDb { get; set; } = new();

    /// <summary>The folder of temporary files; only what is lost without harm lies there.</summary>
    /// <value>Default <c>tmp</c> in the data folder (<c>DataPlatform:Data</c>).</value>
    public string? TempPath { get; set; }

    /// <summary>Memory for decoded gold tables, in MiB, 16 to 1,048,576; as much again is for the queries themselves.</summary>
    /// <value>Default 512.</value>
    public int CacheMegabytes { get; set; } = 512;

    /// <summary>Memory for rows that are given as they are stored, or that slices are cut from, in MiB, 0 to 1,048,576; with 0 DuckDB gives them.</summary>
    /// <value>Default 128.</value>
    public int RowsMegabytes { get; set; } = 128;

    /// <summary>How long a worker that went silent keeps its leases, 1 second to 1 hour.</summary>
    /// <value>Default 30 seconds.</value>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long rows that were replaced stay readable for answers begun before, and how long writing one partition may take twice over; 10 seconds to 1 day.</summary>
    /// <value>Default 10 minutes.</value>
    public TimeSpan GarbageGrace { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How old a remembered manifest may be before the store is asked again, 0 to 1 hour.</summary>
    /// <value>Default 1 second.</value>
    public TimeSpan ManifestMaxAge { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the ledger keeps a run, 1 hour to 10 years.</summary>
    /// <value>Default 30 days.</value>
    public TimeSpan RunRetention { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How long after it arrived an event is in the lake where the stream does not land it: <c>DataPlatform:Refresh:LandingDelay</c>, which the refresh's services enter here.</summary>
    /// <value>Default 15 minutes.</value>
    internal TimeSpan LandingDelay { get; set; } = TimeSpan.FromMinutes(15);
}

/// <summary>The gold stores there are.</summary>
public enum GoldKind
{
    /// <summary>One SQLite file on this computer.</summary>
    Sqlite,

    /// <summary>One table of Amazon DynamoDB.</summary>
    DynamoDb,
}

/// <summary>Reports every wrong setting of <see cref="GoldOptions"/> at once.</summary>
internal sealed class GoldOptionsValidator : IValidateOptions<GoldOptions>
{
    private const string Section = "DataPlatform:Gold";

    public ValidateOptionsResult Validate(string? name, GoldOptions options)
    {
        var failures = new List<string>();
        if (!Enum.IsDefined(options.Kind))
        {
            failures.Add($"{Section}:Kind is '{options.Kind}'; it must be {string.Join(" or ", Enum.GetNames<GoldKind>())}.");
        }

        if (options.Kind == GoldKind.DynamoDb)
        {
            failures.AddRange(options.DynamoDb.Validate($"{Section}:{nameof(options.DynamoDb)}"));
        }

        if (string.IsNullOrWhiteSpace(options.Path))
        {
            failures.Add($"{Section}:Path is empty.");
        }

        if (string.IsNullOrWhiteSpace(options.TempPath))
        {
            failures.Add($"{Section}:TempPath is empty.");
        }

        if (options.CacheMegabytes is < 16 or > 1_048_576)
        {
            failures.Add($"{Section}:CacheMegabytes is {options.CacheMegabytes}; it must be between 16 and 1048576.");
        }

        if (options.RowsMegabytes is < 0 or > 1_048_576)
        {
            failures.Add($"{Section}:RowsMegabytes is {options.RowsMegabytes}; it must be between 0 and 1048576.");
        }

        Check(nameof(options.LeaseDuration), options.LeaseDuration, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        Check(nameof(options.GarbageGrace), options.GarbageGrace, TimeSpan.FromSeconds(10), TimeSpan.FromDays(1));
        Check(nameof(options.ManifestMaxAge), options.ManifestMaxAge, TimeSpan.Zero, TimeSpan.FromHours(1));
        Check(nameof(options.RunRetention), options.RunRetention, TimeSpan.FromHours(1), TimeSpan.FromDays(3653));
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Check(string setting, TimeSpan value, TimeSpan min, TimeSpan max)
        {
            if (value < min || value > max)
            {
                failures.Add($"{Section}:{setting} is {value}; it must be between {min} and {max}.");
            }
        }
    }
}
