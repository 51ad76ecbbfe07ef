using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>How a test of the model ended.</summary>
/// <param name="Name">The test.</param>
/// <param name="Source">Where it is written.</param>
/// <param name="Error">Why there is no answer to compare; null if there is one.</param>
/// <param name="Columns">The columns that are compared.</param>
/// <param name="Missing">Expected rows that the answer does not have, or has elsewhere if the query orders its rows.</param>
/// <param name="Unexpected">Rows of the answer that are not expected, or not there.</param>
internal sealed record ModelTestResult(
    string Name, SourcePosition Source, string? Error, ImmutableArray<string> Columns, ImmutableArray<ImmutableArray<object?>> Missing, ImmutableArray<ImmutableArray<object?>> Unexpected)
{
    public bool Passed => Error is null && Missing.IsEmpty && Unexpected.IsEmpty;
}

/// <summary>Runs the model's tests, each over its own rows, by the engine that answers everybody.</summary>
internal sealed class ModelTestRunner(MetricQueryService service, TimeProvider clock)
{
    /// <summary>Every test, in the order of their names.</summary>
    public async Task<ImmutableArray<ModelTestResult>> RunAsync(MetricModel model, CancellationToken cancellationToken = default)
    {
        var results = ImmutableArray.CreateBuilder<ModelTestResult>();
        foreach (var test in model.Tests.Values)
        {
            results.Add(await RunAsync(model, test, cancellationToken));
        }

        return results.ToImmutable();
    }

    /// <summary>The query that a test asks.</summary>
    /// <exception cref="QueryException">It has mistakes.</exception>
    public static MetricQuery Query(ModelTest test) => MetricQueryReader.Read(test.Query) with { Tenant = test.Tenant, Source = QuerySource.Lake };

    private async Task<ModelTestResult> RunAsync(MetricModel model, ModelTest test, CancellationToken cancellationToken)
    {
        try
        {
            var query = Query(test);
            await using var rows = await ModelTestLake.CreateAsync(model, test, clock, cancellationToken);
            var answer = await service.AnswerAsync(model, query, rows.Lake, rows.Types, test.Now ?? clock.GetUtcNow(), cancellationToken);
            return Compare(test, answer, isOrdered: !query.OrderBy.IsEmpty);
        }
        catch (Exception exception) when (exception is QueryException or LakeException or DuckDB.NET.Data.DuckDBException)
        {
            return new ModelTestResult(test.Name, test.Source, $"{exception.Message} Given are {string.Join(", ", test.Given.Select(g => g.Name).DefaultIfEmpty("no tables"))}.", [], [], []);
        }
    }

    private static ModelTestResult Compare(ModelTest test, MetricAnswer answer, bool isOrdered)
    {
        var named = test.Expect.SelectMany(r => r.Cells).Select(c => c.Column).ToHashSet(StringComparer.Ordinal);
        var indexes = answer.Columns.Index().Where(c => named.Contains(c.Item.Name) || named.Count == 0).Select(c => c.Index).ToList();
        ImmutableArray<string> columns = [.. indexes.Select(i => answer.Columns[i].Name)];
        var expected = test.Expect.Select(row => columns.Select(name => row.Cells.FirstOrDefault(c => c.Column == name)?.Value).ToImmutableArray()).ToList();
        var actual = answer.Rows.Select(row => indexes.Select(i => row[i]).ToImmutableArray()).ToList();
        return isOrdered
            ? Result(
                expected.Where((row, i) => i >= actual.Count || !Same(row, actual[i])),
                actual.Where((row, i) => i >= expected.Count || !Same(expected[i], row)))
            : Result(Less(expected, actual, Same), Less(actual, expected, (a, e) => Same(e, a)));

        ModelTestResult Result(IEnumerable<ImmutableArray<object?>> missing, IEnumerable<ImmutableArray<object?>> unexpected) =>
            new(test.Name, test.Source, null, columns, [.. missing], [.. unexpected]);
    }

    private static List<ImmutableArray<object?>> Less(List<ImmutableArray<object?>> rows, List<ImmutableArray<object?>> others, Func<ImmutableArray<object?>, ImmutableArray<object?>, bool> same)
    {
        var rest = others.ToList();
        return [.. rows.Where(row =>
        {
            var at = rest.FindIndex(other => same(row, other));
            if (at >= 0)
            {
                rest.RemoveAt(at);
            }

            return at < 0;
        })];
    }

    private static bool Same(ImmutableArray<object?> expected, ImmutableArray<object?> actual) => expected.Zip(actual).All(pair => Same(pair.First, pair.Second));

    private static bool Same(object? expected, object? actual)
    {
        switch (actual)
        {
            case null:
                return expected is null;
            case string text:
                return expected is not null && (expected as string ?? Text(expected)) == text;
            case bool flag:
                return expected is bool wanted && wanted == flag;
            case DateOnly or DateTime:
                return Instant(expected) == Instant(actual);
            default:
                return expected is long or decimal or double && IsNear(expected, actual);
        }
    }

    private static bool IsNear(object expected, object actual)
    {
        if (expected is long or decimal && actual is long or decimal)
        {
            return Convert.ToDecimal(expected, CultureInfo.InvariantCulture) == Convert.ToDecimal(actual, CultureInfo.InvariantCulture);
        }

        var (e, a) = (Convert.ToDouble(expected, CultureInfo.InvariantCulture), Convert.ToDouble(actual, CultureInfo.InvariantCulture));
        return Math.Abs(e - a) <= 1e-9 * Math.Max(Math.Abs(e), Math.Abs(a));
    }

    private static DateTime? Instant(object? value) => (value is string text ? TestMoment.Parse(text) : value) switch
    {
        DateOnly date => date.ToDateTime(default),
        DateTime moment => moment,
        _ => null,
    };

    /// <summary>What stands in a text column as people write it without quotes.</summary>
    private static string Text(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        DateOnly date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
