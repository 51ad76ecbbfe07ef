using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Api.OData;

/// <summary>The feed's settings: <c>DataPlatform:OData</c>.</summary>
internal sealed class ODataOptions
{
    /// <summary>Rows of a page where the caller does not say, 1 to 50,000.</summary>
    /// <value>Default 20,000.</value>
    public int PageSize { get; set; } = 20_000;

    /// <summary>The most rows of a page, whatever the caller says, up to 1,000,000.</summary>
    /// <value>Default 50,000.</value>
    public int MaxPageSize { get; set; } = 50_000;

    /// <summary>Whether the sets' types are open, for clients that refuse computed columns otherwise.</summary>
    /// <value>Default false.</value>
    public bool OpenTypes { get; set; }

    /// <summary>Where users of an organization sign in, for clients that ask with an empty bearer token; null for nowhere.</summary>
    /// <value>Default null.</value>
    public string? AuthorizationUri { get; set; }
}

/// <summary>Reports every wrong setting at once.</summary>
internal sealed class ODataOptionsValidator : IValidateOptions<ODataOptions>
{
    public ValidateOptionsResult Validate(string? name, ODataOptions options)
    {
        var failures = new List<string>();
        if (options.MaxPageSize is < 1 or > 1_000_000)
        {
            failures.Add($"DataPlatform:OData:MaxPageSize is {options.MaxPageSize}; it must be between 1 and 1000000.");
        }

        if (options.PageSize < 1 || options.PageSize > options.MaxPageSize)
        {
            failures.Add($"DataPlatform:OData:PageSize is {options.PageSize}; it must be between 1 and MaxPageSize.");
        }

        if (options.AuthorizationUri is { } uri && !Uri.TryCreate(uri, UriKind.Absolute, out _))
        {
            failures.Add("DataPlatform:OData:AuthorizationUri is no absolute address.");
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
