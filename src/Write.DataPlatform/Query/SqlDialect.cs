namespace Write.DataPlatform.Query;

/// <summary>How one engine spells expressions.</summary>
public abstract class SqlDialect
{
    /// <summary>The engine's name.</summary>
    public abstract string Name { get; }
}
