using System.Globalization;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Charts;

/// <summary>
/// Draws an answer as what it is: steps of a funnel, cohorts of a retention, metrics over time (one panel each), or a ranking. What an answer has more of than a
/// picture can show is left out and said.
/// </summary>
internal sealed class AnswerChart(MetricAnswer answer, ChartLook look, TimeZoneInfo zone, ResolvedRange range)
{
    private const int Margin = 16;
    private const int MaxBars = 12;
    private const int MaxPanels = 6;
    private const int MaxCohorts = 24;
    private const int TwoColumns = 720;
    private const int PanelHeight = 210;
    private const int RowHeight = 34;

    // What is computed of a metric beside it.
    private static readonly string[] Beside = ["__previous", "__delta", "__ratio"];

    private readonly SvgWriter _svg = new();

    /// <summary>The picture as SVG.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="look">How it looks.</param>
    /// <param name="zone">The zone whose days the query counts.</param>
    /// <param name="range">What the query asked for, on that zone's clock: buckets that it cuts are drawn as not whole.</param>
    public static string Draw(MetricAnswer answer, ChartLook look, TimeZoneInfo zone, ResolvedRange range) => new AnswerChart(answer, look, zone, range).Draw();

    private string Draw()
    {
        var columns = answer.Columns;
        var time = columns.IndexOf(columns.FirstOrDefault(c => c.Grain is not null)!);
        var values = Enumerable.Range(0, columns.Length).Where(i => i != time && IsNumber(columns[i]) && columns[i].FullName is null && !Beside.Any(b => columns[i].Name.EndsWith(b, StringComparison.Ordinal))).ToList();
        if (answer.Rows.Count == 0 || values.Count == 0)
        {
            _svg.Text(look.Width / 2.0, 60, answer.Rows.Count == 0 ? "Nothing happened in this period." : "There is no number to draw.", null, "middle");
            return _svg.Finish(look, 110, "No data");
        }

        if (Find("__step") is { } step && Find("__from_first") is { } fromFirst)
        {
            return Funnel(step, fromFirst);
        }

        if (Find("__cohort") is { } size && Find("__rate") is { } rate && Find("__period") is { } period)
        {
            return Cohorts(time, period, size, rate);
        }

        var fields = Enumerable.Range(0, columns.Length).Where(i => i != time && !values.Contains(i) && !Beside.Any(b => columns[i].Name.EndsWith(b, StringComparison.Ordinal))).ToList();
        return time >= 0 && fields.Count == 0 ? Panels(time, values) : Ranking(time, fields, values[0]);
    }

    private static bool IsNumber(AnswerColumn column) => column.Type.Kind is ColumnKind.Int64 or ColumnKind.Double or ColumnKind.Decimal;

    private int? Find(string suffix) => Enumerable.Range(0, answer.Columns.Length).Where(i => answer.Columns[i].Name.EndsWith(suffix, StringComparison.Ordinal)).Select(i => (int?)i).FirstOrDefault();

    private int? Find(AnswerColumn column, string suffix) => Enumerable.Range(0, answer.Columns.Length).Where(i => answer.Columns[i].Name == column.Name + suffix).Select(i => (int?)i).FirstOrDefault();

    private static double? Number(object?[] row, int? column) => column is { } i && row[i] is { } value and not string ? Convert.ToDouble(value, CultureInfo.InvariantCulture) : null;

    private string Panels(int time, List<int> values)
    {
        var rows = answer.Rows.OrderBy(r => r[time] is DateOnly date ? date.ToDateTime(TimeOnly.MinValue) : r[time] as DateTime? ?? DateTime.MinValue).ToList();
        var shown = values.Take(MaxPanels).ToList();
        var across = look.Width >= TwoColumns && shown.Count > 1 ? 2 : 1;
        var width = (look.Width - Margin * (across + 1.0)) / across;
        var down = (shown.Count + across - 1) / across;
        for (var i = 0; i < shown.Count; i++)
        {
            Panel(rows, time, shown[i], Margin + i % across * (width + Margin), Margin + i / across * PanelHeight, width);
        }

        var y = Margin + down * PanelHeight + 6.0;
        var isCompared = shown.Exists(v => Find(answer.Columns[v], "__previous") is not null);
        var grain = answer.Columns[time].Grain!.Value;
        var open = rows.FindIndex(r => IsUnfinished(r[time], grain));
        var cut = rows.Where(r => IsCut(r[time], grain) && !IsUnfinished(r[time], grain)).Select(r => ChartText.Bucket(r[time], grain, zone)).ToList();
        Key("l", "value", Margin, y);
        var x = Margin + 80.0;
        if (isCompared)
        {
            Key("l p", "before", x, y);
            x += 90;
        }

        // On a narrow picture each says so in a line of its own.
        var isNarrow = look.Width < 480;
        var told = new[]
        {
            open >= 0 ? $"{ChartText.Bucket(rows[open][time], grain, zone)} is not over yet" : null,
            cut.Count > 0 ? $"{string.Join(" and ", cut)} {(cut.Count > 1 ? "are" : "is")} not whole" : null,
        };
        foreach (var text in told.OfType<string>())
        {
            Key("l o", text, isNarrow ? Margin : x, isNarrow ? y += 18 : y);
            x += SvgWriter.WidthOf(text) + 46;
        }

        return Finish(y, values.Count > shown.Count ? $"{values.Count - shown.Count} more metrics are not drawn" : null, string.Join(", ", shown.Select(v => ChartText.Title(answer.Columns[v]))));
    }

    private void Key(string style, string text, double x, double y)
    {
        _svg.Line(x, y - 4, x + 20, y - 4, style);
        _svg.Text(x + 26, y, text);
    }

    private void Panel(List<object?[]> rows, int time, int value, double left, double top, double width)
    {
        var column = answer.Columns[value];
        var previous = Find(column, "__previous");
        var grain = answer.Columns[time].Grain!.Value;
        var numbers = rows.SelectMany(r => new[] { Number(r, value), Number(r, previous) }).OfType<double>().DefaultIfEmpty(0).ToList();
        // Seconds are read as minutes or hours, so the steps are round in those.
        var most = Math.Max(0, numbers.Max());
        var unit = ChartText.UnitOf(most, column);
        var marks = Marks(Math.Min(0, numbers.Min()) / unit, most / unit).ConvertAll(m => m * unit);
        var gutter = marks.Max(m => SvgWriter.WidthOf(ChartText.Mark(m, column))) + 8;
        double X(int i) => left + gutter + (rows.Count == 1 ? 0.5 : (double)i / (rows.Count - 1)) * (width - gutter - 8);
        double Y(double v) => top + 30 + (1 - (v - marks[0]) / (marks[^1] - marks[0])) * (PanelHeight - 76);
        double? At(object?[] row, int? of) => Number(row, of) is { } v ? Y(v) : null;
        _svg.Text(left, top + 12, SvgWriter.Cut(ChartText.Title(column), (width - 4) * 0.8), "t");
        foreach (var mark in marks)
        {
            _svg.Line(left + gutter, Y(mark), left + width - 8, Y(mark), "g");
            _svg.Text(left + gutter - 6, Y(mark) + 4, ChartText.Mark(mark, column), null, "end");
        }

        // As many names as have room, from the newest back.
        var names = rows.Select(r => ChartText.Bucket(r[time], grain, zone)).ToList();
        var room = (width - gutter - 8) / Math.Max(1, rows.Count - 1);
        var longest = names.Max(SvgWriter.WidthOf);
        var every = Math.Max(1, (int)Math.Ceiling((longest + 24) / room));
        for (var i = rows.Count - 1; i >= 0; i -= every)
        {
            _svg.Text(Math.Clamp(X(i), left + longest / 2, Math.Max(left + longest / 2, left + width - longest / 2)), top + PanelHeight - 26, names[i], null, "middle");
        }

        // Whole buckets are one line. Those before it the range cuts; those behind it, it cuts or they are not over, or have not begun.
        bool IsWhole(object?[] r) => !IsUnfinished(r[time], grain) && !IsCut(r[time], grain);
        var first = rows.FindIndex(IsWhole);
        var open = first < 0 ? -1 : rows.FindIndex(first, r => !IsWhole(r));
        var finished = open >= 0 ? open : first < 0 ? 0 : rows.Count;
        if (previous is not null)
        {
            _svg.Path(rows.Select((r, i) => (X(i), At(r, previous))), "l p");
        }

        var points = rows.Select((r, i) => (X(i), At(r, value))).ToList();
        _svg.Path(points.Take(finished).Skip(Math.Max(0, first)), "l");
        if (first > 0)
        {
            _svg.Path(points.Take(first + 1), "l o");
        }

        if (finished < rows.Count)
        {
            _svg.Path(points.Skip(Math.Max(0, finished - 1)), "l o");
        }

        for (var i = 0; i < rows.Count; i++)
        {
            // Values as a tip for who points at them, and marks where there is no line.
            var isAlone = At(rows[i], value) is not null && (i == 0 || At(rows[i - 1], value) is null) && (i == rows.Count - 1 || At(rows[i + 1], value) is null);
            if (At(rows[i], value) is { } y && (isAlone || i == rows.Count - 1))
            {
                _svg.Dot(X(i), y, "d", $"{names[i]}: {ChartText.Value(Number(rows[i], value), column)}");
            }
        }
    }

    private string Ranking(int time, List<int> fields, int value)
    {
        var column = answer.Columns[value];
        var previous = Find(column, "__previous");
        // Of what has a time too, the newest.
        var newest = time >= 0 ? answer.Rows.Select(r => r[time]).Where(t => t is not null).Max(Comparer<object?>.Default) : null;
        var all = answer.Rows.Where(r => time < 0 || Equals(r[time], newest)).OrderByDescending(r => Number(r, value) ?? double.MinValue).ToList();
        var rows = all.Take(MaxBars).ToList();
        var most = Math.Max(rows.Max(r => Math.Abs(Number(r, value) ?? 0)), double.Epsilon);
        var y = Margin + 14.0;
        _svg.Text(Margin, y, SvgWriter.Cut(ChartText.Title(column), (look.Width - 2 * Margin) * 0.8), "t");
        if (newest is not null)
        {
            var grain = answer.Columns[time].Grain!.Value;
            y += 20;
            _svg.Text(Margin, y, ChartText.Bucket(newest, grain, zone) + (IsUnfinished(newest, grain) ? ", not over yet" : IsCut(newest, grain) ? ", not whole" : ""));
        }

        y += 12;
        var changes = rows.Max(r => SvgWriter.WidthOf(ChartText.Change(Number(r, value), Number(r, previous))));
        foreach (var row in rows)
        {
            var change = ChartText.Change(Number(row, value), Number(row, previous));
            var text = ChartText.Value(Number(row, value), column);
            var right = look.Width - Margin - (previous is null ? 0 : Math.Max(56, changes) + 10);
            var name = fields.Count == 0 ? column.Label ?? column.Name : string.Join(" · ", fields.Select(f => ChartText.Name(row[f])));
            _svg.Text(Margin, y + 14, SvgWriter.Cut(name, right - Margin - SvgWriter.WidthOf(text) - 14), "v");
            _svg.Text(right, y + 14, text, "v", "end");
            if (previous is not null)
            {
                _svg.Text(look.Width - Margin, y + 14, change, null, "end");
            }

            _svg.Bar(Margin, y + 20, look.Width - 2 * Margin, 6, "r");
            _svg.Bar(Margin, y + 20, Math.Abs(Number(row, value) ?? 0) / most * (look.Width - 2 * Margin), 6, "b", $"{name}: {text} {change}".TrimEnd());
            y += RowHeight;
        }

        return Finish(y + 12, all.Count > rows.Count ? $"the first {rows.Count} of {all.Count}" : null, ChartText.Title(column));
    }

    private string Funnel(int step, int fromFirst)
    {
        var name = answer.Columns[step].Name[..^"__step".Length];
        var value = answer.Columns.IndexOf(answer.Columns.First(c => c.Name == name));
        var column = answer.Columns[value];
        var (lost, fromPrevious) = (Find(column, "__drop_off"), Find(column, "__from_previous"));
        var fields = Enumerable.Range(0, step).ToList();
        var rows = answer.Rows.Take(MaxBars * 2).ToList();
        var y = Margin + 14.0;
        _svg.Text(Margin, y, SvgWriter.Cut(ChartText.Title(column), (look.Width - 2 * Margin) * 0.8), "t");
        y += 10;
        string? group = null;
        foreach (var row in rows)
        {
            var own = string.Join(" · ", fields.Select(f => ChartText.Name(row[f])));
            if (own.Length > 0 && own != group)
            {
                y += 22;
                _svg.Text(Margin, y, SvgWriter.Cut(own, look.Width - 2 * Margin), "t");
                y += 4;
            }

            if (own == group && Number(row, lost) is not null)
            {
                _svg.Text(Margin, y + 14, $"▼ {ChartText.Value(Number(row, lost), column)} lost, {ChartText.Share(1 - Number(row, fromPrevious))} drop-off");
                y += 20;
            }

            group = own;
            _svg.Text(Margin, y + 14, SvgWriter.Cut(ChartText.Name(row[step]), look.Width * 0.5), "v");
            _svg.Text(look.Width - Margin - 56, y + 14, ChartText.Value(Number(row, value), column), "v", "end");
            _svg.Text(look.Width - Margin, y + 14, ChartText.Share(Number(row, fromFirst)), null, "end");
            _svg.Bar(Margin, y + 20, look.Width - 2 * Margin, 22, "r");
            _svg.Bar(Margin, y + 20, (Number(row, fromFirst) ?? 0) * (look.Width - 2 * Margin), 22, "b");
            y += 46;
        }

        return Finish(y + 14, answer.Rows.Count > rows.Count ? $"the first {rows.Count} of {answer.Rows.Count} steps" : null, ChartText.Title(column));
    }

    private string Cohorts(int time, int period, int size, int rate)
    {
        TimeGrain? grain = time >= 0 ? answer.Columns[time].Grain : null;
        var name = answer.Columns[rate].Name[..^"__rate".Length];
        var title = ChartText.Title(answer.Columns.First(c => c.Name == name));
        // One grid: of several groups the first.
        var fields = Enumerable.Range(0, period).Where(i => i != time).ToList();
        var groups = answer.Rows.GroupBy(r => string.Join(" · ", fields.Select(f => ChartText.Name(r[f])))).ToList();
        title += groups[0].Key.Length > 0 ? ", " + groups[0].Key : "";
        // Without a time the whole range is one cohort.
        var cohorts = groups[0].GroupBy(r => grain is null ? null : r[time]).ToList();
        var shown = cohorts.TakeLast(MaxCohorts).ToList();
        var periods = shown.SelectMany(c => c).Select(r => (int)(Number(r, period) ?? 0)).Distinct().Order().ToList();
        const double head = 120;
        const double least = 46;
        // What has no room is left out, the latest first.
        var fit = Math.Max(1, (int)((look.Width - 2 * Margin - head) / least));
        var drawn = periods.Take(fit).ToList();
        var width = Math.Min(90, (look.Width - 2 * Margin - head) / drawn.Count);
        var most = Math.Max(shown.SelectMany(c => c).Where(r => Number(r, period) > 0).Max(r => Number(r, rate)) ?? 0, double.Epsilon);
        var y = Margin + 14.0;
        _svg.Text(Margin, y, SvgWriter.Cut(title, (look.Width - 2 * Margin) * 0.8), "t");
        y += 26;
        _svg.Text(Margin, y, "first came in");
        for (var i = 0; i < drawn.Count; i++)
        {
            _svg.Text(Margin + head + i * width + width - 6, y, drawn[i] == 0 ? "0" : string.Create(CultureInfo.InvariantCulture, $"+{drawn[i]}"), null, "end");
        }

        foreach (var cohort in shown)
        {
            y += 26;
            _svg.Text(Margin, y, grain is { } g ? ChartText.Bucket(cohort.Key, g, zone) : "the period", "v");
            _svg.Text(Margin + head - 8, y, ChartText.Value(Number(cohort.First(), size), answer.Columns[size]), null, "end");
            foreach (var row in cohort)
            {
                var at = drawn.IndexOf((int)(Number(row, period) ?? 0));
                if (at < 0)
                {
                    continue;
                }

                if (drawn[at] > 0)
                {
                    // Pale enough that words stay readable on it.
                    _svg.Shade(Margin + head + at * width, y - 17, width - 2, 24, 0.06 + 0.34 * (Number(row, rate) ?? 0) / most);
                }

                _svg.Text(Margin + head + at * width + width - 6, y, ChartText.Share(Number(row, rate)), "v", "end");
            }
        }

        var left = new[]
        {
            groups.Count > 1 ? $"the first of {groups.Count} groups" : null,
            cohorts.Count > shown.Count ? $"the last {shown.Count} of {cohorts.Count} cohorts" : null,
            periods.Count > drawn.Count ? $"the first {drawn.Count} of {periods.Count} periods" : null,
        }.OfType<string>().ToList();
        return Finish(y + 24, left.Count > 0 ? string.Join(", ", left) : null, title);
    }

    private string Finish(double y, string? leftOut, string told)
    {
        var asOf = answer.Served.AsOf is { } end ? $"Data up to {TimeZoneInfo.ConvertTime(end, zone).ToString("d MMM yyyy, HH:mm", CultureInfo.InvariantCulture)}" : "";
        var lines = new[] { leftOut, look.Width < 480 ? asOf : string.Join(" · ", new[] { asOf, zone.Id }.Where(t => t.Length > 0)) }.OfType<string>().Where(t => t.Length > 0).ToList();
        foreach (var line in lines)
        {
            y += 18;
            _svg.Text(Margin, y, SvgWriter.Cut(line, look.Width - 2 * Margin));
        }

        return _svg.Finish(look, y + Margin, told);
    }

    private bool IsUnfinished(object? start, TimeGrain grain) => answer.Served.AsOf is { } asOf && start switch
    {
        DateOnly date => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(asOf, zone).DateTime) < EndOf(date, grain),
        DateTime instant => asOf.UtcDateTime < instant + (grain switch { TimeGrain.Hour => TimeSpan.FromHours(1), TimeGrain.Minute => TimeSpan.FromMinutes(1), _ => TimeSpan.FromSeconds(1) }),
        _ => false,
    };

    /// <summary>Whether the query's range begins or ends within a bucket of days, which therefore holds less than its name says.</summary>
    private bool IsCut(object? start, TimeGrain grain) => start is DateOnly date && new[] { range.From, range.To }.Any(at => at?.Local > date.ToDateTime(TimeOnly.MinValue) && at?.Local < EndOf(date, grain).ToDateTime(TimeOnly.MinValue));

    private static DateOnly EndOf(DateOnly start, TimeGrain grain) => grain switch
    {
        TimeGrain.Day => start.AddDays(1),
        TimeGrain.Week => start.AddDays(7),
        TimeGrain.Month => start.AddMonths(1),
        TimeGrain.Quarter => start.AddMonths(3),
        _ => start.AddYears(1),
    };

    /// <summary>Round steps that cover a range.</summary>
    private static List<double> Marks(double low, double high)
    {
        var span = high > low ? high - low : 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(span / 4)));
        var step = new[] { 1, 2, 2.5, 5, 10 }.Select(m => m * power).First(s => s >= span / 4 * 0.999);
        var marks = new List<double>();
        for (var i = Math.Floor(low / step + 1e-9); i <= Math.Ceiling(high / step - 1e-9) || marks.Count < 2; i++)
        {
            marks.Add(i * step);
        }

        return marks;
    }
}
