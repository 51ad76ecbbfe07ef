using Microsoft.Net.Http.Headers;

namespace Write.DataPlatform.Api.Rest;

/// <summary>In which format an answer is given.</summary>
internal sealed record AnswerFormat(string Name, string MediaType, Func<HttpContext, Insights.MetricAnswer, CancellationToken, Task> WriteAsync)
{
    public const string Parameter = "format";

    private static readonly AnswerFormat Json = new("json", AnswerJson.ContentType, AnswerJson.WriteAsync);

    private static readonly AnswerFormat[] All = [Json, new("csv", AnswerCsv.ContentType, AnswerCsv.WriteAsync)];

    /// <summary>The format asked for by <c>?format=</c>, else by <c>Accept</c>, else JSON.</summary>
    /// <exception cref="ProblemException">406: none of those asked for can be given.</exception>
    public static AnswerFormat Of(HttpRequest request)
    {
        if (request.Query.TryGetValue(Parameter, out var names))
        {
            return All.FirstOrDefault(f => f.Name == names.ToString()) ?? throw None($"'{Query.QueryForm.Short(names.ToString())}'");
        }

        var accept = request.Headers.Accept;
        if (accept.Count == 0)
        {
            return Json;
        }

        if (!MediaTypeHeaderValue.TryParseList(accept, out var ranges))
        {
            throw None("the Accept header as it is");
        }

        // The most specific range that names a format says how welcome it is.
        double Quality(AnswerFormat format)
        {
            var media = MediaTypeHeaderValue.Parse(format.MediaType);
            return ranges.Where(media.IsSubsetOf).OrderBy(r => r.MatchesAllTypes ? 0 : r.MatchesAllSubTypes ? 1 : 2).LastOrDefault() is { } range ? range.Quality ?? 1 : 0;
        }

        var best = All.Select(f => (Format: f, Quality: Quality(f))).MaxBy(f => f.Quality);
        return best.Quality > 0 ? best.Format : throw None($"'{Query.QueryForm.Short(accept.ToString())}'");
    }

    private static ProblemException None(string asked) => new(new Problem(
        StatusCodes.Status406NotAcceptable,
        ProblemCodes.NotAcceptable,
        $"Answers are given as {string.Join(" and ", All.Select(f => $"{f.MediaType} (format={f.Name})"))}, not as {asked}."));
}
