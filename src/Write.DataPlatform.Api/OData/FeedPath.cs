using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.OData;

/// <summary>A path into a set: <c>Set</c>, <c>Set('key')</c>, <c>Set(row_key='key')</c>, <c>Set(@key)</c> or <c>Set/key</c>, and what follows.</summary>
/// <param name="Set">The set's name.</param>
/// <param name="Key">A row's key; null for the set itself.</param>
/// <param name="Rest">The segments behind.</param>
internal sealed record FeedPath(string Set, string? Key, IReadOnlyList<string> Rest)
{
    /// <exception cref="Rest.ProblemException">400: it cannot be read.</exception>
    public static FeedPath Of(IReadOnlyList<string> segments, IReadOnlyDictionary<string, string> aliases)
    {
        var (set, key) = SetAndKey(segments[0], aliases);
        IReadOnlyList<string> rest = [.. segments.Skip(1)];
        return key is null && rest is [[not '$', ..] segment, ..]
            ? new FeedPath(set, segment, [.. rest.Skip(1)])
            : new FeedPath(set, key, rest);
    }

    private static (string Set, string? Key) SetAndKey(string segment, IReadOnlyDictionary<string, string> aliases)
    {
        var open = segment.IndexOf('(', StringComparison.Ordinal);
        if (open < 0)
        {
            return (segment, null);
        }

        var inner = segment.EndsWith(')') ? segment[(open + 1)..^1].Trim() : throw Refusal.Bad("A parenthesis is missing in the path.");
        var equals = inner.IndexOf('=', StringComparison.Ordinal);
        var quote = inner.IndexOf('\'', StringComparison.Ordinal);
        var literal = equals > 0 && (quote < 0 || equals < quote) ? inner[(equals + 1)..].Trim() : inner;
        literal = literal.StartsWith('@')
            ? aliases.GetValueOrDefault(literal) ?? throw Refusal.Bad($"The alias {QueryForm.Short(literal)} has no value.")
            : literal;
        return Literals.Read(literal.Trim()) is { Value: string key } ? (segment[..open], key) : throw Refusal.Bad("A key is a text in quotes.");
    }
}
