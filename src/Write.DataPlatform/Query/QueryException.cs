using System.Collections.Immutable;

namespace Write.DataPlatform.Query;

/// <summary>One mistake in a query.</summary>
/// <param name="Code">A stable code, listed in <c>docs/errors.md</c>.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Path">Where in the query, as a JSON path such as <c>groupBy[1]</c>.</param>
/// <param name="Suggestion">How to mend it.</param>
public sealed record QueryProblem(string Code, string Message, string? Path = null, string? Suggestion = null);

/// <summary>A query that cannot be answered: the caller's to mend.</summary>
/// <param name="problems">Every mistake found.</param>
/// <param name="isUnanswerable">Whether the query is well-formed and names what exists, but no correct plan answers it.</param>
public sealed class QueryException(ImmutableArray<QueryProblem> problems, bool isUnanswerable = false)
    : Exception(string.Join(Environment.NewLine, problems.Select(p => $"{p.Code}: {p.Message}" + (p.Suggestion is null ? "" : $" ({p.Suggestion})"))))
{
    /// <summary>Every mistake found.</summary>
    public ImmutableArray<QueryProblem> Problems { get; } = problems;

    /// <summary>Whether the query is well-formed and names what exists, but no correct plan answers it.</summary>
    public bool IsUnanswerable { get; } = isUnanswerable;

    /// <summary>For mistakes of form: what could be read nevertheless, so that its names can be checked too.</summary>
    internal MetricQuery? Readable { get; init; }
}
