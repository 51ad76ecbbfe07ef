using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>The settings of the process as a Lambda function: <c>DataPlatform:Lambda</c>. They mean nothing elsewhere.</summary>
internal sealed class LambdaOptions
{
    public const string Section = "DataPlatform:Lambda";

    /// <summary>Whether answers are sent as they are made. Only where the function is invoked with <c>InvokeWithResponseStream</c>: a function URL or a REST API that streams.</summary>
    /// <value>Default false.</value>
    public bool ResponseStreaming { get; set; }

    /// <summary>How long before Lambda would end an invocation it is ended here, so that its caller hears why, 0 to 5 minutes.</summary>
    /// <value>Default 1 second.</value>
    public TimeSpan DeadlineMargin { get; set; } = TimeSpan.FromSeconds(1);
}

/// <summary>Reports every wrong setting of <see cref="LambdaOptions"/> at once.</summary>
internal sealed class LambdaOptionsValidator : IValidateOptions<LambdaOptions>
{
    public ValidateOptionsResult Validate(string? name, LambdaOptions options) =>
        options.DeadlineMargin < TimeSpan.Zero || options.DeadlineMargin > TimeSpan.FromMinutes(5)
            ? ValidateOptionsResult.Fail($"{LambdaOptions.Section}:DeadlineMargin is {options.DeadlineMargin}; it must be between 0 and 5 minutes.")
            : ValidateOptionsResult.Success;
}
