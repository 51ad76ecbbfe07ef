using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Write.DataPlatform.Gold;

/// <summary>Where things lie in the gold store, in one place.</summary>
/// <remarks>
/// Names become part of a key escaped, so that no table, tenant or period can be spelled to reach another's items:
/// <c>#</c> only ever stands between parts, and an empty name differs from none.
/// </remarks>
internal static partial class GoldKeys
{
    /// <summary>The partition key of the index of all (table, tenant) pairs. Table keys hold a <c>#</c>, so none equals this.</summary>
    public const string Index = "gold";

    /// <summary>The partition key of leases.</summary>
    public const string Leases = "lease";

    /// <summary>The partition key of the run ledger.</summary>
    public const string Runs = "runs";

    /// <summary>The partition key of callers' keys.</summary>
    public const string Keys = "keys";

    /// <summary>The partition key of what operators did.</summary>
    public const string Audit = "audit";

    /// <summary>The partition key of tenants' daily counts of queries.</summary>
    public const string Quotas = "quotas";

    /// <summary>The partition key of what alerts and reports have come to.</summary>
    public const string Alerts = "alerts";

    /// <summary>The sort key of a table's manifest.</summary>
    public const string Manifest = "manifest";

    /// <summary>What the sort keys of all segments start with.</summary>
    public const string SegmentPrefix = "seg#";

    /// <summary>What the sort keys of all segments of a stream's tail start with.</summary>
    public const string TailPrefix = "tail#";

    /// <summary>What the sort keys of what a large segment of a tail goes on with start with.</summary>
    public const string TailPartPrefix = "tailpart#";

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The partition key of a table's items for one tenant, null for an internal table.</summary>
    public static string Table(string table, string? tenant) => $"{Escape(table)}#{(tenant is null ? "" : Escape(tenant))}";

    /// <summary>The partition key a segment lies under. All lie with their manifest; spreading large tables over several keys starts here.</summary>
    public static string SegmentTable(string table, string? tenant) => Table(table, tenant);

    /// <summary>The sort key of a segment.</summary>
    public static string Segment(string period, string version, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{SegmentPrefix}{Escape(period)}#{Escape(version)}#{number:0000}");

    /// <summary>The version inside a segment's sort key, or null if it is not one.</summary>
    public static string? VersionOf(string segmentKey)
    {
        var parts = segmentKey.Split('#');
        return parts.Length == 4 && segmentKey.StartsWith(SegmentPrefix, StringComparison.Ordinal) ? Unescape(parts[2]) : null;
    }

    /// <summary>The partition key of how far a stream's shards are counted. Its last part differs from a table's, whose key has one <c>#</c>.</summary>
    public static string StreamProgress(string stream) => $"stream#{Escape(stream)}#progress";

    /// <summary>The partition key of a stream's floor, an item of its own.</summary>
    public static string StreamFloor(string stream) => $"stream#{Escape(stream)}#floor";

    /// <summary>The partition key of what the next reader of a shard must know.</summary>
    public static string StreamState(string stream) => $"stream#{Escape(stream)}#state";

    /// <summary>The partition key of a stream's dead letters.</summary>
    public static string DeadLetters(string stream) => $"stream#{Escape(stream)}#dead";

    /// <summary>The table and tenant inside an index entry's sort key.</summary>
    public static (string Table, string? Tenant) ParseTable(string key)
    {
        var at = key.IndexOf('#', StringComparison.Ordinal);
        return (Unescape(key[..at]), at == key.Length - 1 ? null : Unescape(key[(at + 1)..]));
    }

    /// <summary>A name as it stands inside a key.</summary>
    public static string Escape(string name)
    {
        if (name.Length == 0)
        {
            return "%";
        }

        var escaped = new StringBuilder(name.Length);
        foreach (var character in name)
        {
            if (character is '#' or '%' || char.IsControl(character))
            {
                escaped.Append(CultureInfo.InvariantCulture, $"%{(int)character:X2}");
            }
            else
            {
                escaped.Append(character);
            }
        }

        return escaped.ToString();
    }

    /// <summary>Whether an item may have these keys.</summary>
    /// <exception cref="ArgumentException">It may not.</exception>
    public static void Validate(string pk, string sk)
    {
        Validate(pk, 1, 2048, "partition");
        Validate(sk, 1, 1024, "sort");
    }

    /// <summary>Whether a query may ask for these keys.</summary>
    /// <exception cref="ArgumentException">It may not.</exception>
    public static void ValidatePrefix(string pk, string skPrefix)
    {
        Validate(pk, 1, 2048, "partition");
        Validate(skPrefix, 0, 1024, "sort");
    }

    private static void Validate(string key, int min, int max, string kind)
    {
        int bytes;
        try
        {
            bytes = StrictUtf8.GetByteCount(key);
        }
        catch (EncoderFallbackException exception)
        {
            throw new ArgumentException($"A {kind} key holds half a surrogate pair.", exception);
        }

        if (bytes < min || bytes > max)
        {
            throw new ArgumentException($"A {kind} key has {bytes} bytes; {min} to {max} are allowed: '{key}'.");
        }

        if (key.Any(char.IsControl))
        {
            throw new ArgumentException($"A {kind} key holds a control character.");
        }
    }

    /// <summary>A name as it was before <see cref="Escape"/>.</summary>
    public static string Unescape(string escaped) => escaped == "%" ? "" : EscapedCharacter().Replace(
        escaped, match => ((char)int.Parse(match.ValueSpan[1..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)).ToString());

    [GeneratedRegex("%[0-9A-F]{2}", RegexOptions.CultureInvariant)]
    private static partial Regex EscapedCharacter();
}
