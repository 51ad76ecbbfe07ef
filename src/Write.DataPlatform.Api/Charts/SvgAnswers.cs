using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Charts;

/// <summary>Answers as pictures: one more format of every route that gives rows, under the same policies, limits and tags.</summary>
internal static class SvgAnswers
{
    public const string ContentType = "image/svg+xml";
    public const string Name = "svg";
    public const string WidthParameter = "width";
    public const string ThemeParameter = "theme";

    /// <summary>The ending of an insight's address that asks for a picture.</summary>
    public const string Ending = ".svg";

    /// <summary>A picture as a request asks for it; until the query is known its zone is UTC and its range open.</summary>
    /// <exception cref="QueryException">The width is no number or out of range, or there is no such theme.</exception>
    public static AnswerFormat Format(HttpRequest request)
    {
        var form = new QueryForm();
        var width = ChartLook.DefaultWidth;
        if (request.Query.TryGetValue(WidthParameter, out var widths)
            && (widths.Count != 1 || !int.TryParse(widths[0], NumberStyles.None, CultureInfo.InvariantCulture, out width) || width is < ChartLook.MinWidth or > ChartLook.MaxWidth))
        {
            form.Report(QueryFormProblems.OutOfRange, $"The width is a whole number of pixels from {ChartLook.MinWidth} to {ChartLook.MaxWidth}.", WidthParameter);
        }

        var theme = ChartTheme.Auto;
        if (request.Query.TryGetValue(ThemeParameter, out var themes) && (themes.Count != 1 || !Enum.GetNames<ChartTheme>().Contains(themes[0], StringComparer.OrdinalIgnoreCase) || !Enum.TryParse(themes[0], ignoreCase: true, out theme)))
        {
            form.Report(QueryFormProblems.WrongType, "The theme is auto, light or dark.", ThemeParameter);
        }

        form.ThrowIfAny();
        return Of(new ChartLook(width, theme), TimeZoneInfo.Utc, ResolvedRange.All);
    }

    private static AnswerFormat Of(ChartLook look, TimeZoneInfo zone, ResolvedRange range) => new($"{Name}-{look.Width}-{look.Theme}".ToLowerInvariant(), ContentType, (output, answer, token) => WriteAsync(output, AnswerChart.Draw(answer, look, zone, range), token))
    {
        IsText = true,
        ContentType = ContentType + "; charset=utf-8",
        Policy = look.Policy,
        For = (known, asked) => Of(look, known, asked),
    };

    private static async Task WriteAsync(PipeWriter output, string picture, CancellationToken cancellationToken) =>
        await output.WriteAsync(Encoding.UTF8.GetBytes(picture), cancellationToken);
}
