using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model.Rules;

/// <summary>The names of one kind: what is known, and what may have been meant.</summary>
internal sealed class KnownNames(IEnumerable<string> names)
{
    // A file full of unknown names is one mistake, not thousands of slips of the pen, and each search reads every name.
    private const int MaxSuggestions = 100;

    private readonly HashSet<string> _names = names.ToHashSet(StringComparer.Ordinal);
    private int _suggestions;

    public bool Contains(string name) => _names.Contains(name);

    public string? Suggest(string name) => _suggestions++ < MaxSuggestions ? Suggestion.For(name, _names) : null;
}
