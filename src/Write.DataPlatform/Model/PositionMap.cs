namespace Write.DataPlatform.Model;

/// <summary>
/// Where the keys of each item are written, so that a rule can point at the key and not only at its item. The positions stand beside the
/// model and not in it: two inputs that say the same are equal wherever they are written.
/// </summary>
internal sealed class PositionMap
{
    private readonly Dictionary<(SourcePosition Item, string Path), SourcePosition> _positions = [];

    /// <summary>Remembers a key's place.</summary>
    public void Add(SourcePosition item, string path, SourcePosition position) => _positions.TryAdd((item, path), position);

    /// <summary>The place of the first of the paths that is written, or the item's own.</summary>
    public SourcePosition Find(SourcePosition item, params ReadOnlySpan<string> paths)
    {
        foreach (var path in paths)
        {
            if (_positions.TryGetValue((item, path), out var position))
            {
                return position;
            }
        }

        return item;
    }
}
