using System.Globalization;
using Amazon.DynamoDBv2.Model;

namespace Write.DataPlatform.Gold.DynamoDb;

/// <summary>An item as DynamoDB has it.</summary>
/// <remarks>
/// The names of attributes count as bytes of every item, so they are short. The size of the body stands beside it, for the index that lists items without
/// their bodies. DynamoDB removes an item some time after <see cref="RemoveAt"/>; readers go by <see cref="ExpiresAt"/>.
/// </remarks>
internal static class DynamoDbItem
{
    public const string Pk = "pk";
    public const string Sk = "sk";
    public const string Revision = "r";
    public const string Body = "b";
    public const string Bytes = "n";

    /// <summary>Unix milliseconds.</summary>
    public const string ExpiresAt = "x";

    /// <summary>The table's time to live: Unix seconds, never before <see cref="ExpiresAt"/>.</summary>
    public const string RemoveAt = "t";

    /// <summary>A number that a conditional write made up, by which it knows its own work again.</summary>
    public const string WriteId = "w";

    public static Dictionary<string, AttributeValue> Key(string pk, string sk) => new() { [Pk] = Text(pk), [Sk] = Text(sk) };

    public static Dictionary<string, AttributeValue> Encode(GoldItem item, Guid? writeId = null)
    {
        var attributes = Key(item.Pk, item.Sk);
        attributes[Revision] = Number(item.Revision);
        attributes[Bytes] = Number(item.Body.Length);
        if (!item.Body.IsEmpty)
        {
            attributes[Body] = new AttributeValue { B = new MemoryStream(item.Body.ToArray(), writable: false) };
        }

        if (item.ExpiresAt is { } at)
        {
            var milliseconds = at.ToUnixTimeMilliseconds();
            attributes[ExpiresAt] = Number(milliseconds);
            attributes[RemoveAt] = Number((long)Math.Ceiling(milliseconds / 1000m));
        }

        if (writeId is { } id)
        {
            attributes[WriteId] = Write(id);
        }

        return attributes;
    }

    /// <exception cref="GoldStoreException">It is none of this program's items.</exception>
    public static GoldItem Decode(Dictionary<string, AttributeValue> attributes)
    {
        var bytes = Long(attributes, Bytes) ?? throw Foreign(attributes);
        var body = attributes.GetValueOrDefault(Body)?.B?.ToArray() ?? [];
        return body.Length == bytes
            ? new GoldItem(attributes[Pk].S, attributes[Sk].S, Long(attributes, Revision) ?? throw Foreign(attributes), body, Expiry(attributes))
            : throw Foreign(attributes);
    }

    /// <exception cref="GoldStoreException">It is none of this program's items.</exception>
    public static GoldKey DecodeKey(Dictionary<string, AttributeValue> attributes) => new(
        attributes[Sk].S, Long(attributes, Revision) ?? throw Foreign(attributes), Long(attributes, Bytes) ?? throw Foreign(attributes));

    public static bool IsVisible(Dictionary<string, AttributeValue> attributes, DateTimeOffset now) => Long(attributes, ExpiresAt) is not { } at || at > now.ToUnixTimeMilliseconds();

    public static long? Long(Dictionary<string, AttributeValue> attributes, string name) =>
        attributes.GetValueOrDefault(name)?.N is { } text && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : null;

    public static AttributeValue Text(string value) => new() { S = value };

    public static AttributeValue Number(long value) => new() { N = value.ToString(CultureInfo.InvariantCulture) };

    public static AttributeValue Write(Guid id) => new() { B = new MemoryStream(id.ToByteArray(), writable: false) };

    public static bool IsWrittenBy(Dictionary<string, AttributeValue> attributes, Guid id) =>
        attributes.GetValueOrDefault(WriteId)?.B?.ToArray() is { } stored && id.ToByteArray().AsSpan().SequenceEqual(stored);

    private static DateTimeOffset? Expiry(Dictionary<string, AttributeValue> attributes) => Long(attributes, ExpiresAt) is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null;

    private static GoldStoreException Foreign(Dictionary<string, AttributeValue> attributes) => new(
        $"The item '{attributes.GetValueOrDefault(Pk)?.S}' / '{attributes.GetValueOrDefault(Sk)?.S}' was not written by this program, or is damaged. Use a table of its own for gold.", isTransient: false);
}
