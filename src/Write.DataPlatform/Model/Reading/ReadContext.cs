namespace Write.DataPlatform.Model.Reading;

/// <summary>What reading collects beside the model: problems and the places of keys.</summary>
internal sealed class ReadContext
{
    // Each search reads every candidate; a file full of mistakes needs no more than this to be understood.
    private const int MaxSuggestions = 200;

    private int _suggestions;

    /// <summary>Every problem so far.</summary>
    public List<ModelProblem> Problems { get; } = [];

    /// <summary>The keys' places.</summary>
    public PositionMap Positions { get; } = new();

    /// <summary>"Did you mean", or null if nothing is near.</summary>
    public string? Suggest(string word, IEnumerable<string> candidates) => _suggestions++ < MaxSuggestions ? Suggestion.For(word, candidates) : null;

    /// <summary>Reports a problem.</summary>
    public void Report(string code, string message, SourcePosition position, string? suggestion = null) =>
        Problems.Add(new ModelProblem(code, message, position, suggestion));
}
