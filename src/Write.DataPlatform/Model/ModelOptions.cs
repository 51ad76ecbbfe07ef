namespace Write.DataPlatform.Model;

/// <summary>Where the model's files are; <c>DataPlatform:Models</c> sets it.</summary>
public sealed class ModelOptions
{
    /// <summary>The folder of YAML files; relative to the working directory.</summary>
    /// <value>None: it must be set.</value>
    public string Path { get; set; } = "";
}
