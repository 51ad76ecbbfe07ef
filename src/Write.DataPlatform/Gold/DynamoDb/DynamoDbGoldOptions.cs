namespace Write.DataPlatform.Gold.DynamoDb;

/// <summary>The gold store in DynamoDB: <c>DataPlatform:Gold:DynamoDb</c>. Region, profile and endpoint are the AWS SDK's own settings (section <c>AWS</c>, <c>AWS_*</c>).</summary>
public sealed class DynamoDbGoldOptions
{
    /// <summary>The table's name: 3 to 255 letters, digits, <c>_</c>, <c>-</c> and <c>.</c>.</summary>
    /// <value>Default <c>write-gold</c>.</value>
    public string Table { get; set; } = "write-gold";

    /// <summary>Whether a table that is not there is made at start; also <c>--create</c>.</summary>
    /// <value>Default false: a missing table is an error.</value>
    public bool Create { get; set; }

    /// <summary>How a table that is made here is paid.</summary>
    /// <value>Default <see cref="DynamoDbBilling.OnDemand"/>.</value>
    public DynamoDbBilling BillingMode { get; set; } = DynamoDbBilling.OnDemand;

    /// <summary>Read units a second of a provisioned table, 1 to 1,000,000. Its index has as many.</summary>
    /// <value>Default 100.</value>
    public int ReadCapacity { get; set; } = 100;

    /// <summary>Write units a second of a provisioned table, 1 to 1,000,000. Its index has as many.</summary>
    /// <value>Default 100.</value>
    public int WriteCapacity { get; set; } = 100;

    /// <summary>How long one request may take before it is tried again, 1 second to 5 minutes. All tries of one read take at most twice as long.</summary>
    /// <value>Default 10 seconds.</value>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Requests of one batch of writes that are under way at once, 1 to 64.</summary>
    /// <value>Default 4.</value>
    public int MaxParallelWrites { get; set; } = 4;

    internal IEnumerable<string> Validate(string section)
    {
        if (Table is not { Length: >= 3 and <= 255 } || !Table.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.'))
        {
            yield return $"{section}:{nameof(Table)} is '{Table}'; it must be 3 to 255 letters, digits, '_', '-' and '.'.";
        }

        foreach (var (name, value) in new[] { (nameof(ReadCapacity), ReadCapacity), (nameof(WriteCapacity), WriteCapacity) })
        {
            if (value is < 1 or > 1_000_000)
            {
                yield return $"{section}:{name} is {value}; it must be between 1 and 1000000.";
            }
        }

        if (RequestTimeout < TimeSpan.FromSeconds(1) || RequestTimeout > TimeSpan.FromMinutes(5))
        {
            yield return $"{section}:{nameof(RequestTimeout)} is {RequestTimeout}; it must be between 00:00:01 and 00:05:00.";
        }

        if (MaxParallelWrites is < 1 or > 64)
        {
            yield return $"{section}:{nameof(MaxParallelWrites)} is {MaxParallelWrites}; it must be between 1 and 64.";
        }
    }
}

/// <summary>How a DynamoDB table is paid.</summary>
public enum DynamoDbBilling
{
    /// <summary>By what is used.</summary>
    OnDemand,

    /// <summary>By what is set aside.</summary>
    Provisioned,
}
