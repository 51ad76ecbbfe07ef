using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Reading;

/// <summary>Reads tests of the model.</summary>
internal static class TestReader
{
    public static ModelTest Read(MapReader map, string name)
    {
        var test = new ModelTest
        {
            Name = name,
            Description = map.Text("description"),
            Given = Given(map),
            Query = QueryJson.Insight(map),
            Tenant = map.Text("tenant"),
            Now = Now(map),
            Expect = Rows(map, "expect"),
            Source = map.Item,
        };
        foreach (var key in new[] { "given", "expect" }.Where(key => map.Raw(key) is null))
        {
            map.Missing(key);
        }

        return test;
    }

    private static ImmutableArray<GivenTable> Given(MapReader map) =>
        map.Map("given", "'given' mapping") is { } given
            ? [.. given.Keys.ToList().Select(name => new GivenTable(name, Rows(given, name), given.Raw(name)?.Position ?? given.Position))]
            : [];

    private static DateTimeOffset? Now(MapReader map)
    {
        if (map.Text("now") is not { } text)
        {
            return null;
        }

        switch (TestMoment.Parse(text))
        {
            case DateOnly date:
                return new DateTimeOffset(date.ToDateTime(default), TimeSpan.Zero);
            case DateTime moment:
                return new DateTimeOffset(moment);
            default:
                map.Report(ModelCode.BadValue, $"'now' must be a moment such as 2026-01-31T12:00:00Z and not '{text}'.", "now");
                return null;
        }
    }

    private static ImmutableArray<TestRow> Rows(MapReader map, string key) => [.. map.Maps(key, "row").Select(Row)];

    private static TestRow Row(MapReader row)
    {
        var cells = ImmutableArray.CreateBuilder<TestCell>();
        foreach (var column in row.Keys.ToList())
        {
            var written = row.Raw(column);
            var position = written?.Position ?? row.Position;
            if (written is not (null or WrittenScalar))
            {
                row.ReportAt(ModelCode.BadValue, $"A value of a row must be a text, a number, a truth value or nothing, and not {written.Kind}.", position);
            }
            else if (cells.Any(c => c.Column.Equals(column, StringComparison.OrdinalIgnoreCase)))
            {
                row.ReportAt(ModelCode.Duplicate, $"The column '{column}' is written twice in one row.", position);
            }
            else
            {
                cells.Add(new TestCell(column, Value(written as WrittenScalar), position));
            }
        }

        return new TestRow(cells.ToImmutable(), row.Position);
    }

    /// <summary>A date or moment is one only if it is not quoted, as YAML has it.</summary>
    private static object? Value(WrittenScalar? scalar) =>
        scalar is null ? null : (scalar.IsPlain ? TestMoment.Parse(scalar.Value) : null) ?? QueryJson.Scalar(scalar);
}
