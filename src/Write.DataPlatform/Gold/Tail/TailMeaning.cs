using System.Globalization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Gold.Tail;

/// <summary>
/// What tells windows of one meaning from those of another: the gold table's definition and the windows' length. Windows of two lengths lie over one another, and must not be read
/// together.
/// </summary>
internal static class TailMeaning
{
    /// <summary>Of the windows of one tenant (null for an internal table).</summary>
    public static string Of(GoldDefinition definition, string? tenant, StreamDefinition stream) => Of(definition.HashFor(tenant), stream);

    /// <summary>Of those of all tenants together.</summary>
    public static string OfAll(GoldDefinition definition, StreamDefinition stream) => Of(definition.HashOfAll, stream);

    private static string Of(string hash, StreamDefinition stream) => string.Create(CultureInfo.InvariantCulture, $"{hash}-{stream.Window.TotalSeconds}");
}
