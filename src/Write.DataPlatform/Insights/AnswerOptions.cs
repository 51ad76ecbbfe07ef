using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Insights;

/// <summary>The settings of answers that are kept: <c>DataPlatform:Answers</c>.</summary>
public sealed class AnswerOptions
{
    /// <summary>Memory for answers as they were sent, in MiB, 0 to 65,536; 0 keeps none.</summary>
    /// <value>Default 64.</value>
    public int CacheMegabytes { get; set; } = 64;

    /// <summary>How long an answer of the lake may be given again, 0 to 1 hour; 0 asks the lake each time. What gold answers is never given again once it has changed.</summary>
    /// <value>Default 10 seconds.</value>
    public TimeSpan LakeMaxAge { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Jobs that may run at once, 0 to 1,000; with 0, as on Lambda, who prefers one waits for the answer.</summary>
    /// <value>Default 16.</value>
    public int MaxJobs { get; set; } = 16;

    /// <summary>Jobs of one caller that may run at once, 1 to 1,000.</summary>
    /// <value>Default 4.</value>
    public int MaxJobsPerCaller { get; set; } = 4;

    /// <summary>How long a job may run, 1 second to 1 day.</summary>
    /// <value>Default 15 minutes.</value>
    public TimeSpan JobTimeout { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>How long the answer of a job is kept, 1 second to 1 day.</summary>
    /// <value>Default 10 minutes.</value>
    public TimeSpan JobRetention { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Values (rows times columns) that the answers of all jobs may have together, 1,000 to 1,000,000,000; beyond them the oldest answers go.</summary>
    /// <value>Default 2,000,000, about 100 MB.</value>
    public long MaxJobValues { get; set; } = 2_000_000;
}

/// <summary>Reports every wrong setting of <see cref="AnswerOptions"/> at once.</summary>
internal sealed class AnswerOptionsValidator : IValidateOptions<AnswerOptions>
{
    public const string Section = "DataPlatform:Answers";

    public ValidateOptionsResult Validate(string? name, AnswerOptions options)
    {
        var failures = new List<string>();
        Check(nameof(options.CacheMegabytes), options.CacheMegabytes, 0, 65_536);
        Check(nameof(options.LakeMaxAge), options.LakeMaxAge, TimeSpan.Zero, TimeSpan.FromHours(1));
        Check(nameof(options.MaxJobs), options.MaxJobs, 0, 1_000);
        Check(nameof(options.MaxJobsPerCaller), options.MaxJobsPerCaller, 1, 1_000);
        Check(nameof(options.JobTimeout), options.JobTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        Check(nameof(options.JobRetention), options.JobRetention, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        Check(nameof(options.MaxJobValues), options.MaxJobValues, 1_000, 1_000_000_000);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Check<T>(string setting, T value, T min, T max) where T : IComparable<T>
        {
            if (value.CompareTo(min) < 0 || value.CompareTo(max) > 0)
            {
                failures.Add($"{Section}:{setting} is {value}; it must be between {min} and {max}.");
            }
        }
    }
}
