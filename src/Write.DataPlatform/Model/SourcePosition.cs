namespace Write.DataPlatform.Model;

/// <summary>Where in the model's files something is written.</summary>
/// <param name="File">The file's path relative to the model folder.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Column">The column, from 1.</param>
public sealed record SourcePosition(string File, int Line, int Column)
{
    /// <summary><c>file:line:column</c>.</summary>
    public override string ToString() => $"{File}:{Line}:{Column}";
}

/// <summary>One mistake in the model's files.</summary>
/// <param name="Code">The rule's stable code, listed in <c>docs/errors.md</c>.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Position">Where, if a place can be named.</param>
/// <param name="Suggestion">How to mend it, if the rule knows.</param>
public sealed record ModelProblem(string Code, string Message, SourcePosition? Position, string? Suggestion = null);

/// <summary>One check over a whole model; it reports every mistake it finds.</summary>
public interface IModelRule
{
    /// <summary>Every mistake of this rule's kind.</summary>
    IEnumerable<ModelProblem> Check(MetricModel model);
}
