using System.Globalization;
using System.Text;
using System.Xml;

namespace Write.DataPlatform.Api.Charts;

/// <summary>Shapes and words of a picture. Words are escaped, whoever wrote them.</summary>
internal sealed class SvgWriter
{
    // What a letter of 12 pixels is wide, rather too much than too little.
    private const double Letter = 6.7;

    private readonly StringBuilder _body = new();

    public static double WidthOf(string text) => text.Length * Letter;

    /// <summary>A text cut to a width.</summary>
    public static string Cut(string text, double width)
    {
        var most = Math.Max(1, (int)(width / Letter));
        return text.Length <= most ? text : string.Concat(text.AsSpan(0, Math.Max(1, most - 1)), "…");
    }

    public void Text(double x, double y, string text, string? style = null, string anchor = "start") =>
        Add($"<text x=\"{x:0.#}\" y=\"{y:0.#}\"{(style is null ? "" : $" class=\"{style}\"")}{(anchor == "start" ? "" : $" text-anchor=\"{anchor}\"")}>{Escaped(text)}</text>");

    public void Line(double x1, double y1, double x2, double y2, string style) => Add($"<line class=\"{style}\" x1=\"{x1:0.#}\" y1=\"{y1:0.#}\" x2=\"{x2:0.#}\" y2=\"{y2:0.#}\"/>");

    public void Bar(double x, double y, double width, double height, string style, string? told = null) =>
        Add($"<rect class=\"{style}\" x=\"{x:0.#}\" y=\"{y:0.#}\" width=\"{Math.Max(0, width):0.#}\" height=\"{height:0.#}\" rx=\"{Math.Min(4, height / 2):0.#}\">{(told is null ? "" : $"<title>{Escaped(told)}</title>")}</rect>");

    public void Shade(double x, double y, double width, double height, double opacity) =>
        Add($"<rect class=\"b\" x=\"{x:0.#}\" y=\"{y:0.#}\" width=\"{width:0.#}\" height=\"{height:0.#}\" fill-opacity=\"{opacity:0.##}\"/>");

    public void Dot(double x, double y, string style, string? told = null, double radius = 3.5) =>
        Add($"<circle class=\"{style}\" cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"{radius:0.#}\">{(told is null ? "" : $"<title>{Escaped(told)}</title>")}</circle>");

    /// <summary>A line through points; one that is not known interrupts it.</summary>
    public void Path(IEnumerable<(double X, double? Y)> points, string style)
    {
        var path = new StringBuilder();
        var isDown = false;
        foreach (var (x, y) in points)
        {
            if (y is { } known)
            {
                path.Append(CultureInfo.InvariantCulture, $"{(isDown ? 'L' : 'M')}{x:0.#} {known:0.#}");
            }

            isDown = y is not null;
        }

        if (path.Length > 0)
        {
            Add($"<path class=\"{style}\" d=\"{path}\"/>");
        }
    }

    public string Finish(ChartLook look, double height, string told) => string.Create(
        CultureInfo.InvariantCulture,
        $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{look.Width}\" height=\"{height:0}\" viewBox=\"0 0 {look.Width} {height:0}\" role=\"img\" aria-label=\"{Escaped(told)}\"><style>{look.Style}</style><rect class=\"k\" width=\"100%\" height=\"100%\"/>{_body}</svg>");

    private void Add(FormattableString text) => _body.Append(text.ToString(CultureInfo.InvariantCulture));

    private static string Escaped(string text)
    {
        var escaped = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var sign = text[i];
            if (char.IsHighSurrogate(sign) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                escaped.Append(sign).Append(text[++i]);
                continue;
            }

            _ = sign switch
            {
                '<' => escaped.Append("&lt;"),
                '>' => escaped.Append("&gt;"),
                '&' => escaped.Append("&amp;"),
                '"' => escaped.Append("&quot;"),
                _ => escaped.Append(XmlConvert.IsXmlChar(sign) ? sign : '\uFFFD'),
            };
        }

        return escaped.ToString();
    }
}
