using System.Collections.Immutable;
using System.Text;

namespace Write.DataPlatform.Model;

/// <summary>The model's files have mistakes and no earlier model can be kept; the message says all of them, one a line.</summary>
public sealed class ModelLoadException : Exception
{
    /// <summary>Collects the problems.</summary>
    /// <param name="problems">Every problem, by file and line.</param>
    public ModelLoadException(ImmutableArray<ModelProblem> problems)
        : base(Print(problems)) => Problems = problems;

    /// <summary>Every problem, by file and line.</summary>
    public ImmutableArray<ModelProblem> Problems { get; }

    /// <summary>The problems as text, one a line: place, code, message and suggestion.</summary>
    internal static string Print(ImmutableArray<ModelProblem> problems)
    {
        var text = new StringBuilder().Append(problems.Length == 1 ? "The model has a problem:" : $"The model has {problems.Length} problems:");
        foreach (var problem in problems)
        {
            text.Append('\n').Append(problem.Position is null ? "" : $"{problem.Position} ").Append(problem.Code).Append(": ").Append(problem.Message);
            if (problem.Suggestion is not null)
            {
                text.Append(' ').Append(problem.Suggestion);
            }
        }

        return text.ToString();
    }
}
