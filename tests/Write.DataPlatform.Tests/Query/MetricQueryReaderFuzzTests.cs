using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Whatever comes in, the reader gives a query or a <see cref="QueryException"/>.</summary>
public sealed class MetricQueryReaderFuzzTests
{
    private static readonly string[] Words =
    [
        .. MetricQueryReader.Properties, "from", "to", "last", "toDate", "offset", "alignToDate", "field", "descending", "op", "values", "and", "or", "not", "", "x\0", "\ud800",
    ];

    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.OneOfConst(
            "visits", "visit__country", "metric_time__month", "equals", "isSet", "between", "previousYear", "2026-01-01", "2026-02-30", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999999Z",
            "P1M", "P999999999Y", "PT", "Europe/Berlin", "gold", "day", "__", "metric_time__-1", "{", "[1", "-", ",", "\0", "\ud800x", "é日本"),
        Gen.String[0, 12]);

    private static readonly Gen<JsonNode?> Leaf = Gen.OneOf(
        Text.Select(t => (JsonNode?)JsonValue.Create(t)),
        Gen.Long.Select(n => (JsonNode?)JsonValue.Create(n)),
        Gen.Double.Select(n => double.IsFinite(n) ? (JsonNode?)JsonValue.Create(n) : null),
        Gen.Bool.Select(b => (JsonNode?)JsonValue.Create(b)),
        Gen.Const((JsonNode?)null));

    private static readonly Gen<JsonNode?> Json = Gen.Recursive<JsonNode?>((depth, inner) =>
        depth > 4 ? Leaf : Gen.Frequency(
            (2, Leaf),
            (3, Gen.Select(Gen.OneOfConst(Words), inner).Array[0, 6].Select(pairs => (JsonNode?)new JsonObject(pairs.DistinctBy(p => p.Item1).Select(p => KeyValuePair.Create(p.Item1, p.Item2?.DeepClone()))))),
            (1, inner.Array[0, 4].Select(items => (JsonNode?)new JsonArray([.. items.Select(i => i?.DeepClone())])))));

    [Fact]
    public void Any_json() => Json.Sample(json => OnlyQueryExceptions(() => MetricQueryReader.Read(Encoding.UTF8.GetBytes(json?.ToJsonString() ?? "null"))), iter: 3_000);

    [Fact]
    public void Any_bytes() => Gen.Byte.Array[0, 60].Sample(bytes => OnlyQueryExceptions(() => MetricQueryReader.Read(bytes)), iter: 3_000);

    [Fact]
    public void Good_json_with_a_byte_of_it_changed()
    {
        var good = Encoding.UTF8.GetBytes("""{"metrics":["visits"],"where":{"and":[{"field":"a","op":"in","values":["é",1,null]},{"not":{"field":"b","op":"isSet"}}]},"timeRange":{"last":"P3M"},"orderBy":[{"field":"visits","descending":true}],"limit":5}""");
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte).Sample(
            (at, value) => OnlyQueryExceptions(() =>
            {
                var changed = good.ToArray();
                changed[at] = value;
                return MetricQueryReader.Read(changed);
            }),
            iter: 3_000);
    }

    [Fact]
    public void Any_query_string() =>
        Gen.Select(Gen.OneOf(Gen.OneOfConst(Words), Text), Text.Array[0, 3]).Array[0, 6].Sample(
            pairs => OnlyQueryExceptions(() => MetricQueryReader.ReadQueryString(pairs.Select(p => KeyValuePair.Create(p.Item1, p.Item2.ToImmutableArray())))),
            iter: 3_000);

    private static bool OnlyQueryExceptions(Func<MetricQuery> read)
    {
        try
        {
            return read() is not null;
        }
        catch (QueryException exception)
        {
            return !exception.Problems.IsEmpty && exception.Problems.All(p => p.Code.Length > 0 && p.Message.Length > 0);
        }
    }
}
