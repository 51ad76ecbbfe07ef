using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CsCheck;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Api.Lambda;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.Athena;
using Write.DataPlatform.Model.Importing;
using Write.DataPlatform.Query;
using Write.DataPlatform.Streaming.Batches;
using Write.DataPlatform.Streaming.Kinesis;
using Write.DataPlatform.Tests.Model;
using Write.DataPlatform.Tests.Query;

namespace Write.DataPlatform.Tests;

/// <summary>
/// Whatever comes in, a parser gives a value or says what is wrong in the way it promises; it never fails otherwise. The parsers of queries, models and the feed's addresses have
/// tests of this kind of their own, since what is valid for them has more shapes.
/// </summary>
public sealed class ParserFuzzTests
{
    private static readonly ImmutableArray<EventColumn> Columns =
    [
        new("id", "BIGINT", new ColumnType(ColumnKind.Int64)), new("small", "TINYINT", new ColumnType(ColumnKind.Int64)), new("ratio", "DOUBLE", new ColumnType(ColumnKind.Double)),
        new("price", "DECIMAL(10,2)", new ColumnType(ColumnKind.Decimal, 10, 2)), new("at", "TIMESTAMP", new ColumnType(ColumnKind.Timestamp)), new("day", "DATE", new ColumnType(ColumnKind.Date)),
        new("is_new", "BOOLEAN", new ColumnType(ColumnKind.Boolean)), new("name", "VARCHAR", new ColumnType(ColumnKind.String)), new("tags", "VARCHAR[]", null),
    ];

    private static readonly CursorSeal Seal = new(new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create<string, string?>(CursorSeal.Setting, new string('k', 40))]).Build(), NullLogger<CursorSeal>.Instance);

    private static readonly Cursor SomeCursor = new("q", "m", "s", new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), ["é", 1L, 1.5, null, true, new DateOnly(2026, 1, 2)]);

    [Fact]
    public Task Events() => CheckAsync(
        ["""{"id":1,"small":-128,"ratio":1.5e3,"price":12.34,"at":"2026-01-01T00:00:00.123+02:00","day":"2026-01-01","is_new":true,"name":"a\u00e9\ud83d\ude00","tags":["a",{"b":null}],"other":{"x":[1,2]}}"""],
        ["\\ud800", "\"", "1e999", "99999999999999999999", "-0", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999999-14:00", "24:00:00", "null", "{", "[", "]", "}", ",", "\"id\":", "NaN"],
        bytes =>
        {
            var row = new EventRows(Columns);
            var problem = new EventParser(Columns, 1_000, 100).Parse(bytes, row);
            Assert.True(problem is null ? row.Count == 1 : problem is { Reason.Length: > 0, Message.Length: > 0 });
        });

    [Fact]
    public Task Packed_records() => CheckAsync(
        [[10, 1, 65, 10, 2, 66, 67, 18, 1, 49, 26, 5, 8, 0, 26, 1, 66, 26, 7, 8, 1, 16, 0, 26, 1, 67], [10, 1, 65, 26, 8, 8, 0, 26, 1, 66, 34, 1, 10]],
        [[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [26], [10], [8, 0], [0x80], [0], [26, 1], [7]],
        message =>
        {
            byte[] packed = [0xF3, 0x89, 0x9A, 0xC2, .. message, .. MD5.HashData(message)];
            Assert.Equal(KplAggregate.TryRead(packed, out var records), records is { Count: > 0 });
        });

    [Fact]
    public async Task Cursors()
    {
        var good = Seal.Write(SomeCursor);
        await CheckAsync([good], ["=", "-", "_", "A", "+", "/", "%", "\0", "é"], bytes =>
        {
            var text = Encoding.UTF8.GetString(bytes);
            var read = Read(() => Seal.Read(text), typeof(QueryException));
            Assert.Equal(text == good, read is not null);
        });
        Assert.Equal(SomeCursor.ToBytes(), Seal.Read(good).ToBytes());
    }

    [Fact]
    public Task Result_files_of_Athena() => Mutated([.. new[] { "\"a\",\"b\"\n\"1\",\n\"x \"\"y\"\" é\",\"\"\n,\"line\nbreak\"\n" }.Select(Encoding.UTF8.GetBytes)], [.. new[] { "\"", "\"\"", ",", "\n", "\r\n", "\0", "x" }.Select(Encoding.UTF8.GetBytes)]).CheckAsync(
        async bytes =>
        {
            try
            {
                await foreach (var row in AthenaCsv.ReadAsync(new StringReader(Encoding.UTF8.GetString(bytes)), TestContext.Current.CancellationToken))
                {
                    Assert.NotEmpty(row);
                }
            }
            catch (LakeException)
            {
                // It says so.
            }
        },
        RandomCases.Of(2_000),
        print: Print);

    [Fact]
    public async Task Result_files_of_Athena_are_read_as_they_were_written() =>
        await Gen.OneOf(Gen.Const((string?)null), Gen.String[Gen.OneOf(Gen.Char["\",\n\r "], Gen.Char["aé0"]), 0, 6].Select(t => (string?)t)).Array[3].Array[1, 8].CheckAsync(
            async rows =>
            {
                // Carriage returns outside of quotes are part of the line's end.
                var text = string.Concat(rows.Select(row => string.Join(',', row.Select(v => v is null ? "" : '"' + v.Replace("\"", "\"\"", StringComparison.Ordinal) + '"')) + "\r\n"));
                List<string?[]> read = [];
                await foreach (var row in AthenaCsv.ReadAsync(new StringReader(text), TestContext.Current.CancellationToken))
                {
                    read.Add(row);
                }

                Assert.Equal(rows, read);
            },
            RandomCases.Of(500));

    [Fact]
    public async Task Values_of_Athena()
    {
        foreach (var type in (string[])["bigint", "real", "double", "boolean", "decimal(10,2)", "date", "timestamp", "timestamp(6)", "timestamp(3) with time zone", "varchar(3)", "json", "array(integer)"])
        {
            var column = AthenaColumn.Of("x", type);
            await CheckAsync(["-12.50", "true", "2026-01-02", "2026-01-02 03:04:05.678901", "2026-01-02 03:04:05.678 Europe/Berlin", "2026-03-29 02:30:00.000 +02:00", "2026-03-29 02:30:00 Europe/Berlin", "1.0E10"], Numbers, bytes =>
                Read(() => column.Parse(Encoding.UTF8.GetString(bytes)), typeof(LakeException)));
        }
    }

    [Fact]
    public Task Types_of_Athena() => CheckAsync(["decimal(38,0)", "timestamp(3) with time zone", "row(a integer, b varchar(3))"], ["(", ")", ",", " ", "999", "-1", "decimal", "timestamp", "é", "\0"], bytes =>
        Read(() => AthenaColumn.Of("x", Encoding.UTF8.GetString(bytes)), typeof(LakeException)));

    [Fact]
    public Task Cube_models() => CheckAsync(
        [
            """
            cubes:
              - name: orders
                sql_table: shop.orders
                joins:
                  - { name: customers, relationship: many_to_one, sql: "{CUBE}.customer_id = {customers.id}" }
                dimensions:
                  - { name: id, sql: id, type: number, primary_key: true }
                  - { name: created_at, sql: created_at, type: time }
                  - { name: size, type: string, case: { when: [{ sql: "{CUBE}.amount >= 50", label: large }], else: { label: small } } }
                segments: [{ name: done_orders, sql: "{CUBE}.status = 'done'" }]
                measures:
                  - { name: count, type: count }
                  - { name: revenue, sql: amount, type: sum, filters: [{ sql: "{size} <> 'small'" }] }
                  - { name: share, sql: "{revenue} / NULLIF({count}, 0)", type: number }
                  - { name: to_date, sql: amount, type: sum, rolling_window: { trailing: 2 month, offset: start } }
                pre_aggregations:
                  - { name: daily, measures: [CUBE.count, revenue], dimensions: [size], time_dimension: created_at, granularity: day, partition_granularity: month, refresh_key: { every: 30 minutes } }
              - { name: customers, sql: SELECT * FROM shop.customers, dimensions: [{ name: id, sql: id, type: number, primary_key: true }] }
            """,
        ],
        [.. Yaml, "{CUBE}", "{", "}", "}}", "${", "{orders.count}", "{CUBE.", "'", "NULLIF(", "1 fortnight", "unbounded", "SELECT", "extends: orders\n"],
        bytes =>
        {
            var import = CubeImporter.Import([("cubes.yml", Encoding.UTF8.GetString(bytes))], out var problems);
            Assert.All(problems, p => Assert.True(p is { Message.Length: > 0, Code.Length: 4 }));
            Assert.NotNull(import.Yaml);
        });

    [Fact]
    public async Task Manifests_of_dbt()
    {
        using var folder = new ModelFolder();
        await CheckAsync(
            [
                """
                {"semantic_models":[{"name":"items","defaults":{"agg_time_dimension":"at"},"node_relation":{"alias":"items","schema_name":"shop","database":"A","relation_name":"A.shop.items"},"primary_entity":null,
                "entities":[{"name":"item","type":"primary","role":null,"expr":"id"}],"measures":[{"name":"revenue","agg":"sum","create_metric":false,"expr":"price","agg_params":null,"non_additive_dimension":null}],
                "dimensions":[{"name":"at","type":"time","is_partition":false,"type_params":{"time_granularity":"day","validity_params":null},"expr":null},{"name":"is_food","type":"categorical","type_params":null,"expr":null}]}],
                "metrics":[{"name":"revenue","type":"simple","type_params":{"measure":{"name":"revenue","filter":null,"join_to_timespine":false,"fill_nulls_with":null},"window":null,"metrics":[]},
                "filter":{"where_filters":[{"where_sql_template":"{{ Dimension('item__is_food') }} = false"}]}},{"name":"growth","type":"derived","type_params":{"expr":"revenue - before","metrics":[{"name":"revenue"},
                {"name":"revenue","alias":"before","offset_window":{"count":1,"granularity":"month"}}]},"filter":null}],"project_configuration":{"time_spines":[{"node_relation":{"alias":"days","schema_name":"shop"},
                "primary_column":{"name":"day","time_granularity":"day"},"custom_granularities":[]}]},"saved_queries":[{"name":"s","query_params":{"metrics":["revenue"],"group_by":["TimeDimension('metric_time', 'day')"],"where":null}}]}
                """,
            ],
            [.. Yaml, "null", "[]", "{}", "1", "\"x\"", "1e999", "\"\\ud800\"", "{\"count\":-1}", "cumulative", "conversion", ","],
            bytes =>
            {
                folder.Write("semantic_manifest.json", Encoding.UTF8.GetString(bytes));
                var result = folder.Load();
                Assert.Equal(result.Model is null, result.Problems.Length > 0);
                Assert.All(result.Problems, p => Assert.True(p is { Message.Length: > 0, Code.Length: 4 }));
            },
            cases: 400);
    }

    [Fact]
    public async Task Manifests_of_gold_tables()
    {
        var partition = new GoldPartition
        {
            Period = "2026-01", From = new DateOnly(2026, 1, 1), To = new DateOnly(2026, 2, 1), Version = "v", DefinitionHash = "h", Rows = 3, Bytes = 4, Checksum = "c", RefreshedAt = DateTimeOffset.UnixEpoch, RunId = "r",
            Segments = [new GoldSegment(0, 3, 4, DateTime.UnixEpoch, DateTime.UnixEpoch)],
        };
        var few = ManifestCodec.Encode(ImmutableSortedDictionary<string, GoldPartition>.Empty.Add("2026-01", partition), []);
        var many = ManifestCodec.Encode(Enumerable.Range(0, 100).ToImmutableSortedDictionary(i => $"p{i}", i => partition with { Period = $"p{i}" }), []);
        await CheckAsync([few, many], [[0], [1], "null"u8.ToArray(), "{"u8.ToArray(), "1e9"u8.ToArray(), [0xFF], "\"Z\""u8.ToArray()], bytes =>
            Read(() => ManifestCodec.Decode(new GoldItem("T#x", "M", 1, bytes)), typeof(GoldStoreException)));
    }

    [Fact]
    public Task Payloads_of_Lambda() => CheckAsync(
        [
            """{"version":"2.0","rawPath":"/v1/query","rawQueryString":"a=b","cookies":["a=b"],"headers":{"x-a":"b"},"requestContext":{"http":{"method":"POST","path":"/v1/query","sourceIp":"1.2.3.4"},"stage":"$default"},"body":"e30=","isBase64Encoded":true}""",
            """{"resource":"/{proxy+}","path":"/v1/é","httpMethod":"GET","multiValueHeaders":{"a":["b","c"]},"multiValueQueryStringParameters":{"x":["1",null]},"requestContext":{"path":"/prod/v1/é","stage":"prod","identity":{"sourceIp":"::1"}},"body":null,"isBase64Encoded":false}""",
            """{"requestContext":{"elb":{"targetGroupArn":"arn"}},"httpMethod":"GET","path":"/","queryStringParameters":{"a":"%zz"},"headers":{"x-forwarded-for":"1.2.3.4, x"},"body":"","isBase64Encoded":false}""",
        ],
        ["null", "1", "[]", "{}", "\"x\"", "true", "%", "\\u0000", "\\r\\n", "%ff", "//", ":", "é", "-1", ","],
        bytes =>
        {
            using var document = Read(() => JsonDocument.Parse(bytes), typeof(JsonException));
            if (document is not null && Read(() => HttpEvent.Of(document.RootElement), typeof(FormatException)) is { } request)
            {
                Assert.NotNull(request.Path.Value);
                Assert.NotNull(request.Scheme);
            }
        });

    private static readonly string[] Numbers = ["-", "+", ".", "e", "E9", "999999999999999999999", "0", ":", " ", "/", "Europe/Berlin", "Nowhere/Land", "+25:00", "-00:00", "NaN", "Infinity", "2026-02-30", "é", "\0", "\u0661"];

    private static readonly string[] Yaml = ["\n", "  ", "- ", ":", "'", "\"", "&a ", "*a", "|", "#", "!!int ", "---\n", "~", "é", "\0", "\t", "99999999999999999999", "2024-13-01"];

    private static Task CheckAsync(string[] good, string[] pieces, Action<byte[]> read, long cases = 2_000) => CheckAsync([.. good.Select(Encoding.UTF8.GetBytes)], [.. pieces.Select(Encoding.UTF8.GetBytes)], read, cases);

    private static Task CheckAsync(byte[][] good, byte[][] pieces, Action<byte[]> read, long cases = 2_000) => Mutated(good, pieces).CheckAsync(
        bytes =>
        {
            read(bytes);
            return Task.CompletedTask;
        },
        RandomCases.Of(cases),
        threads: 1,
        Print);

    private static string Print(byte[] bytes) => $"{Encoding.UTF8.GetString(bytes)}\n{Convert.ToHexString(bytes)}";

    /// <summary>A good text with one to four edits: bytes gone, a piece, a random byte or a part of itself put in; or cut off; or noise.</summary>
    private static Gen<byte[]> Mutated(byte[][] good, byte[][] pieces)
    {
        var edit = Gen.Select(Gen.Double[0, 1], Gen.Int[0, 12], Gen.Int[0, 3], Gen.Int[0, int.MaxValue - 1], (at, drop, kind, which) => (at, drop, kind, which));
        var edited = Gen.Select(Gen.OneOf(good), edit.Array[1, 4], (text, edits) =>
        {
            var bytes = text.ToList();
            foreach (var (at, drop, kind, which) in edits)
            {
                var from = (int)(at * bytes.Count);
                bytes.RemoveRange(from, Math.Min(drop, bytes.Count - from));
                bytes.InsertRange(from, kind switch
                {
                    0 => pieces[which % pieces.Length],
                    1 => [(byte)which],
                    2 => text.Skip(which % text.Length).Take(which % 40),
                    _ => [],
                });
            }

            return bytes.ToArray();
        });
        return Gen.Frequency((8, edited), (1, Gen.Select(Gen.OneOf(good), Gen.Double[0, 1], (text, share) => text[..(int)(share * text.Length)])), (1, Gen.Byte.Array[0, 60]), (1, Gen.OneOf(pieces).Array[0, 12].Select(p => p.SelectMany(x => x).ToArray())));
    }

    /// <summary>What is read; null where it is refused as it may be.</summary>
    private static T? Read<T>(Func<T?> read, Type refusal)
        where T : class
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (refusal.IsInstanceOfType(exception))
        {
            Assert.NotEmpty(exception.Message);
            return null;
        }
    }
}
