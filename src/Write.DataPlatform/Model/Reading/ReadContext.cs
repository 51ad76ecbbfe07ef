namespace Write.DataPlatform.Model.Reading;

/// <summary>What reading collects beside the model: problems and the places of keys.</summary>
internal sealed class ReadContext
{
    /// <summary>Every problem so far.</summary>
    public List<ModelProblem> Problems { get; } = [];

    /// <summary>The keys' places.</summary>
    public PositionMap Positions { get; } = new();

    /// <summary>Reports a problem.</summary>
    public void Report(string code, string message, SourcePosition position, string? suggestion = null) =>
        Problems.Add(new ModelProblem(code, message, position, suggestion));
}
