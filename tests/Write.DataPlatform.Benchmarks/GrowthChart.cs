using System.Globalization;
using Write.DataPlatform.Api.Charts;

namespace Write.DataPlatform.Benchmarks;

/// <summary>What something costs at 1, 2, 4 and 8 times a size.</summary>
/// <param name="Title">What.</param>
/// <param name="Axis">What there is more of.</param>
/// <param name="Sizes">How much of it, as text.</param>
/// <param name="Costs">Milliseconds of processor time.</param>
/// <param name="MayGrow">Whether it is about all of it, or should not notice.</param>
internal sealed record GrowthCurve(string Title, string Axis, string[] Sizes, double[] Costs, bool MayGrow)
{
    public string Unit => "ms of processor time";
}

/// <summary>Draws curves as panels beside each other, both axes in doublings: what grows as its size does is a straight line along the dashed one.</summary>
internal static class GrowthChart
{
    private const int Margin = 16;
    private const int Across = 3;
    private const int PanelWidth = 245;
    private const int PanelHeight = 206;
    private const int Gutter = 34;
    private const double Doublings = 3;

    /// <summary>A number as people read it: 125 k, 1 M.</summary>
    public static string Size(long size) => size switch
    {
        >= 1_000_000 => (size / 1e6).ToString("0.#", CultureInfo.InvariantCulture) + " M",
        >= 10_000 => (size / 1e3).ToString("0", CultureInfo.InvariantCulture) + " k",
        _ => size.ToString("N0", CultureInfo.InvariantCulture),
    };

    public static string Draw(IReadOnlyList<GrowthCurve> curves)
    {
        var across = Math.Min(Across, curves.Count);
        var look = new ChartLook(Margin + across * (PanelWidth + Margin), ChartTheme.Auto);
        var svg = new SvgWriter();
        for (var i = 0; i < curves.Count; i++)
        {
            Panel(svg, curves[i], Margin + i % across * (PanelWidth + Margin), Margin + i / across * PanelHeight, PanelWidth);
        }

        var y = Margin + (curves.Count + across - 1) / across * PanelHeight + 12.0;
        svg.Line(Margin, y - 4, Margin + 20, y - 4, "l");
        svg.Text(Margin + 26, y, "cost over that of the first");
        svg.Line(Margin + 220, y - 4, Margin + 240, y - 4, "l p o");
        svg.Text(Margin + 246, y, $"twice the cost of twice the {curves[0].Axis}");
        return svg.Finish(look, y + 16, string.Join("; ", curves.Select(c => $"{c.Title}: {c.Costs[^1] / c.Costs[0]:0.0} times the cost at 8 times the {c.Axis}"))) + "\n";
    }

    private static void Panel(SvgWriter svg, GrowthCurve curve, double left, double top, double width)
    {
        var (bottom, height, across) = (top + PanelHeight - 44.0, PanelHeight - 76.0, width - Gutter - 14);
        double X(int i) => left + Gutter + across * i / Doublings;

        // Less than half of the first is drawn at the bottom, more than ten times at the top.
        double Y(double ratio) => bottom - height * (Math.Clamp(Math.Log2(ratio), -0.5, Doublings + 0.4) + 0.5) / (Doublings + 0.9);
        svg.Text(left, top + 14, curve.Title, "t");
        for (var mark = 1; mark <= 8; mark *= 2)
        {
            svg.Line(left + Gutter, Y(mark), left + width, Y(mark), "g");
            svg.Text(left + Gutter - 8, Y(mark) + 4, $"{mark} ×", null, "end");
        }

        svg.Path([(X(0), Y(1)), (X(3), Y(8))], "l p o");
        svg.Path(curve.Costs.Select((c, i) => (X(i), (double?)Y(c / curve.Costs[0]))), "l");
        for (var i = 0; i < curve.Costs.Length; i++)
        {
            var ratio = curve.Costs[i] / curve.Costs[0];
            svg.Dot(X(i), Y(ratio), "d", $"{curve.Sizes[i]} {curve.Axis}: {ratio:0.00} ×");
            svg.Text(X(i), bottom + 18, curve.Sizes[i], null, "middle");
        }

        var last = curve.Costs[^1] / curve.Costs[0];
        svg.Text(X(3), Y(last) + (last > 4 ? 32 : -10), string.Create(CultureInfo.InvariantCulture, $"{last:0.0} ×"), "v", "end");
        svg.Text(left + width / 2 + Gutter / 2, bottom + 34, curve.Axis, null, "middle");
    }
}
