using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Api.Limits;

/// <summary>How much callers may ask. What a tenant may ask is in the model: <c>rate</c>, <c>daily_queries</c>.</summary>
internal sealed class LimitOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "DataPlatform:Limits";

    /// <summary>Requests a second that one key or token's subject may make.</summary>
    /// <value>Default: 0, any number.</value>
    public double KeyRatePerSecond { get; set; }

    /// <summary>Queries that are answered at a time, by this process.</summary>
    /// <value>Default: 64.</value>
    public int MaxConcurrent { get; set; } = 64;

    /// <summary>Of them, those of one tenant; and those of the company's own callers together. It is a tenant's largest share of the queue for the others, too.</summary>
    /// <value>Default: 16.</value>
    public int MaxConcurrentPerTenant { get; set; } = 16;

    /// <summary>Queries of one tenant that may wait for their turn; more are refused.</summary>
    /// <value>Default: 1000.</value>
    public int MaxWaitingPerTenant { get; set; } = 1_000;

    /// <summary>How long a query may take, its wait included.</summary>
    /// <value>Default: 5 minutes.</value>
    public TimeSpan QueryTimeout { get; set; } = TimeSpan.FromMinutes(5);
}

internal sealed class LimitOptionsValidator : IValidateOptions<LimitOptions>
{
    public ValidateOptionsResult Validate(string? name, LimitOptions options)
    {
        List<string> failures = [];
        void Check(bool isGood, string failure)
        {
            if (!isGood)
            {
                failures.Add($"{LimitOptions.Section}:{failure}");
            }
        }

        Check(options.KeyRatePerSecond is 0 or (>= 0.001 and <= 1_000_000), $"KeyRatePerSecond is {options.KeyRatePerSecond}; it must be 0, or from 0.001 to 1,000,000.");
        Check(options.MaxConcurrent > 0, $"MaxConcurrent is {options.MaxConcurrent}; it must be positive.");
        Check(options.MaxConcurrentPerTenant > 0, $"MaxConcurrentPerTenant is {options.MaxConcurrentPerTenant}; it must be positive.");
        Check(options.MaxWaitingPerTenant >= 0, $"MaxWaitingPerTenant is {options.MaxWaitingPerTenant}; it must not be negative.");
        Check(options.QueryTimeout > TimeSpan.Zero && options.QueryTimeout <= TimeSpan.FromDays(1), $"QueryTimeout is {options.QueryTimeout:c}; it must be positive and at most a day.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
