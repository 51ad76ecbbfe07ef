using System.IO.Pipelines;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Api.Charts;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Rest;

/// <summary>A format in which answers are given.</summary>
/// <param name="Name">Its name in an address.</param>
/// <param name="MediaType">Its name in headers.</param>
/// <param name="Write">Writes an answer.</param>
internal sealed record AnswerFormat(string Name, string MediaType, Func<PipeWriter, MetricAnswer, CancellationToken, Task> Write)
{
    /// <summary>What <c>Content-Type</c> says; the media type if nothing else.</summary>
    public string ContentType { get; init; } = MediaType;

    /// <summary>Whether it shrinks when it is compressed.</summary>
    public bool IsText { get; init; }

    /// <summary>The content policy of an answer that is opened by itself; null for that of data.</summary>
    public string? Policy { get; init; }

    /// <summary>The same format for a query that counts days in a zone and asks for a range; null where that makes no difference.</summary>
    public Func<TimeZoneInfo, ResolvedRange, AnswerFormat>? For { get; init; }

    /// <summary>The answer, written.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> WriteAsync(MetricAnswer answer, CancellationToken cancellationToken = default)
    {
        using var body = new MemoryStream();
        var pipe = PipeWriter.Create(body, new StreamPipeWriterOptions(leaveOpen: true));
        await Write(pipe, answer, cancellationToken);
        await pipe.CompleteAsync();
        return body.ToArray();
    }
}

/// <summary>The formats there are, and which of them a request asks for.</summary>
internal sealed class AnswerFormats(ParquetAnswers parquet)
{
    public const string Parameter = "format";

    public static readonly AnswerFormat Json = new("json", AnswerJson.ContentType, AnswerJson.WriteAsync) { IsText = true };

    public static readonly AnswerFormat Csv = new("csv", AnswerCsv.ContentType, AnswerCsv.WriteAsync) { IsText = true, ContentType = AnswerCsv.ContentType + "; charset=utf-8; header=present" };

    public static readonly AnswerFormat Arrow = new("arrow", AnswerArrow.ContentType, AnswerArrow.WriteAsync);

    public const string ParquetType = "application/vnd.apache.parquet";

    private readonly AnswerFormat[] _all = [Json, Csv, Arrow, new("parquet", ParquetType, (output, answer, token) => parquet.WriteAsync(answer, AnswerArrow.Metadata(answer), output, token))];

    /// <summary>The names of all formats.</summary>
    public static readonly string[] Names = ["json", "csv", "arrow", "parquet", SvgAnswers.Name];

    /// <summary>The format asked for by <c>?format=</c>, else by <c>Accept</c>, else JSON.</summary>
    /// <exception cref="ProblemException">406: none of those asked for can be given.</exception>
    /// <exception cref="Query.QueryException">A picture is asked for that cannot be drawn.</exception>
    public AnswerFormat Of(HttpRequest request) => IsPicture(request) ? SvgAnswers.Format(request) : OfRows(request);

    /// <summary>Whether a picture is asked for: by the address, by <c>?format=</c>, or by an <c>Accept</c> that names pictures and welcomes no rows as much.</summary>
    public static bool IsPicture(HttpRequest request) =>
        request.Path.Value?.EndsWith(SvgAnswers.Ending, StringComparison.Ordinal) is true && request.Path.StartsWithSegments("/v1/insights")
        || (request.Query.TryGetValue(Parameter, out var names) ? names.ToString() == SvgAnswers.Name
            : MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var ranges)
                && ranges.Where(r => r.MediaType == SvgAnswers.ContentType).Select(r => r.Quality ?? 1).DefaultIfEmpty(0).Max() is > 0 and var quality
                && ranges.All(r => r.MediaType == SvgAnswers.ContentType || r.Type == "image" || (r.Quality ?? 1) < quality));

    private AnswerFormat OfRows(HttpRequest request)
    {
        if (request.Query.TryGetValue(Parameter, out var names))
        {
            return Array.Find(_all, f => f.Name == names.ToString()) ?? throw None($"'{Query.QueryForm.Short(names.ToString())}'");
        }

        var accept = request.Headers.Accept;
        if (accept.Count == 0 || accept is ["*/*"])
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

        var best = _all.Select(f => (Format: f, Quality: Quality(f))).MaxBy(f => f.Quality);
        return best.Quality > 0 ? best.Format : throw None($"'{Query.QueryForm.Short(accept.ToString())}'");
    }

    private ProblemException None(string asked) => new(new Problem(
        StatusCodes.Status406NotAcceptable,
        ProblemCodes.NotAcceptable,
        $"Answers are given as {string.Join(", ", _all.Select(f => $"{f.MediaType} (format={f.Name})").Append($"{SvgAnswers.ContentType} (format={SvgAnswers.Name})"))}, not as {asked}."));
}
