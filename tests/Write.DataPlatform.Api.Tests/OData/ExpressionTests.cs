using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.OData;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>Expressions, orders and transformations against what OData says of them.</summary>
[Collection(typeof(ServerCollection))]
public sealed class ExpressionTests(ServerFixture server)
{
    private static readonly DateTimeOffset Now = new(2026, 3, 15, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>How many random cases a test tries, unless <c>WDP_CASES</c> asks for more.</summary>
    private static int Cases => int.TryParse(Environment.GetEnvironmentVariable("WDP_CASES"), NumberStyles.None, CultureInfo.InvariantCulture, out var cases) ? cases : 150;

    [Fact]
    public async Task Random_filters_keep_the_rows_that_they_are_true_for()
    {
        for (var seed = 0; seed < Cases; seed++)
        {
            var random = new RandomRows(seed);
            var rows = random.Rows(60);
            var (text, value) = random.Condition(3);
            var expected = rows.Where(r => value(r) is true).Select(r => (long)r[0]!).ToList();
            var found = await RunAsync(rows, Start.Then(new FilterRows(Reader.Filter(text))), "id");
            Assert.True(expected.SequenceEqual(found.Select(r => (long)r[0]!)), $"seed {seed}: {text}\nexpected {string.Join(',', expected)}\nfound {string.Join(',', found.Select(r => r[0]))}");
        }
    }

    [Fact]
    public async Task Random_orders_are_kept_from_page_to_page()
    {
        for (var seed = 0; seed < Cases; seed++)
        {
            var random = new RandomRows(100_000 + seed);
            var rows = random.Rows(40);
            var keys = Enumerable.Range(0, 1 + random.Next(2)).Select(_ => (Key: random.Any(), Descending: random.Next(2) == 0)).ToList();
            var text = string.Join(',', keys.Select(k => k.Key.Text + (k.Descending ? " desc" : "")));
            var expected = rows.Order(Comparer<object?[]>.Create((a, b) =>
                keys.Select(k => RandomRows.Order(k.Key.Value(a), k.Key.Value(b)) * (k.Descending ? -1 : 1)).FirstOrDefault(o => o != 0) is var order and not 0 ? order : ((long)a[0]!).CompareTo((long)b[0]!)))
                .Select(r => (long)r[0]!).ToList();
            var pipeline = Start.Then(new OrderRows([.. Reader.OrderBy(text), new RowOrder(new RowColumnValue("id", RowType.Int64), false)]));
            var order = RowCompiler.OrderOf(pipeline, RandomRows.Columns);
            var found = new List<long>();
            ImmutableArray<object?>? after = null;
            do
            {
                var page = new RowPage(pipeline, ["id"], after, 0, 7);
                var read = await server.Services.GetRequiredService<AnswerRows>().QueryAsync(RandomRows.Columns, rows, source => RowCompiler.CompilePage(source, page), reader =>
                {
                    var ids = new List<long>();
                    while (reader.Read())
                    {
                        ids.Add(reader.GetInt64(0));
                        after = [.. order.Select((o, i) => RowWriter.Value(reader, 1 + i, o.Value.Type.Kind))];
                    }

                    return ids;
                }, Cancel);
                after = read.Count == 7 ? after : null;
                found.AddRange(read);
            }
            while (after is not null);

            Assert.True(expected.SequenceEqual(found), $"seed {seed}: {text}\nexpected {string.Join(',', expected)}\nfound    {string.Join(',', found)}");
        }
    }

    [Fact]
    public async Task Random_groups_have_the_aggregates_of_their_rows()
    {
        for (var seed = 0; seed < Cases; seed++)
        {
            var random = new RandomRows(200_000 + seed);
            var rows = random.Rows(60);
            var (text, value) = random.Condition(1);
            var keys = new[] { "s", "b" }[..(1 + random.Next(2))];
            var top = 1 + random.Next(5);
            var apply = $"filter({text})/groupby(({string.Join(',', keys)}),aggregate(n with sum as total,m with max as most,t with min as first,d with average as mean,s with countdistinct as words,$count as rows))"
                + $"/filter(rows gt 1)/topcount({top},rows)/orderby(rows desc)";
            var groups = rows.Where(r => value(r) is true).GroupBy(r => string.Join('|', keys.Select(k => k == "s" ? r[1] : r[7]).Select(k => k ?? "null"))).Where(g => g.Count() > 1)
                .ToDictionary(g => g.Key, g => (
                    g.Sum(r => (long?)r[2]) is var sum && g.All(r => r[2] is null) ? null : sum,
                    g.Max(r => (decimal?)r[4]),
                    g.Min(r => (DateOnly?)r[5]),
                    g.Average(r => (double?)r[3]),
                    (long)g.Select(r => r[1]).Where(w => w is not null).Distinct().Count(),
                    (long)g.Count()));
            var pipeline = new ApplyReader(Now, new Dictionary<string, CustomAggregate>()).Read(Start, apply);
            var found = await RunAsync(rows, pipeline, [.. pipeline.Columns.Select(c => c.Name)]);
            Assert.True(Math.Min(top, groups.Count) == found.Count, $"seed {seed}: {apply}\nexpected {string.Join(" ; ", groups.Keys)}\nfound {string.Join(" ; ", found.Select(r => string.Join('|', r)))}\nrows {string.Join(" ; ", rows.Select(r => string.Join('|', r) + "=" + value(r)))}");
            Assert.Equal(groups.Values.Select(g => g.Item6).OrderDescending().Take(top), found.Select(r => (long)r[^1]!));
            Assert.All(found, r =>
            {
                var group = groups[string.Join('|', r.Take(keys.Length).Select(k => k ?? "null"))];
                var at = keys.Length;
                Assert.Equal(group.Item1, (long?)r[at]);
                Assert.Equal(group.Item2, (decimal?)r[at + 1]);
                Assert.Equal(group.Item3, (DateOnly?)r[at + 2]);
                Assert.Equal(group.Item4 ?? -1e9, (double?)r[at + 3] ?? -1e9, 1e-9);
                Assert.Equal(group.Item5, (long)r[at + 4]!);
            });
        }
    }

    /// <summary>What the parser makes of these is not what is meant by them.</summary>
    [Theory]
    [InlineData("n eq 1.5", "")]
    [InlineData("n in (1,2.5)", "1")]
    [InlineData("d in (1,2.5)", "2")]
    [InlineData("d eq 2.5", "2")]
    [InlineData("m gt 0.1 and m lt 0.3", "1")]
    [InlineData("n eq 9223372036854775807", "3")]
    [InlineData("n lt 99999999999999999999999999999999999999", "0,1,2,3")]
    [InlineData("n eq null", "4")]
    [InlineData("n in ()", "")]
    [InlineData("n ne 1", "0,2,3,4")]
    [InlineData("not (n gt 0)", "0,4")]
    [InlineData("t lt 2024-01-02T00:00:00+01:00", "0")]
    [InlineData("t eq 2024-01-02", "1")]
    [InlineData("s in ('it''s',null)", "0,4")]
    [InlineData("s in ('a,b','(')", "1")]
    [InlineData("hour(z) eq 3", "0")]
    [InlineData("time(z) ge 03:00:00", "0,1")]
    [InlineData("z sub 2024-01-01T00:00:00Z lt duration'PT4H'", "0")]
    [InlineData("cast(n,Edm.String) eq '1'", "1")]
    [InlineData("cast(s,Edm.Int64) eq 7", "2")]
    [InlineData("matchesPattern(s,'^it')", "0")]
    [InlineData("substring(s,1) eq ',b'", "1")]
    [InlineData("indexof(s,'''') eq 2", "0")]
    [InlineData("fractionalseconds(z) eq 0.5", "1")]
    [InlineData("n div 2 eq 0 and n ge 0", "0,1")]
    [InlineData("n div 0 eq null", "0,1,2,3,4")]
    [InlineData("z lt now()", "0,1")]
    [InlineData("z lt now() add -duration'PT1H'", "0,1")]
    [InlineData("z lt now() sub -(-duration'-PT1H')", "0,1")]
    [InlineData("n divby 2 eq 0.5", "1")]
    [InlineData("n DIVBY 2 eq 0.5", "1")]
    [InlineData("n divby 0 eq null", "0,1,2,3,4")]
    [InlineData("null divby n eq null", "0,1,2,3,4")]
    [InlineData("5 div 2 divby 2 eq 1 and 5 divby 2 div 2 eq 1.25", "0,1,2,3,4")]
    [InlineData("1 divby (4 div 2 divby 4) eq 2", "0,1,2,3,4")]
    [InlineData("s eq ' divby ' or s eq 'case(1:2)'", "")]
    [InlineData("case(n eq 1:'one',n eq 2:'two') eq 'two'", "2")]
    [InlineData("case(n eq 1:'one') eq null", "0,2,3,4")]
    [InlineData("case(n eq 0:1,n eq 1:2.5,true:3e0) gt 2.4", "1,2,3,4")]
    [InlineData("CASE(b:1,true:0) eq 1", "0")]
    [InlineData("case(time(z) ge 04:00:00:1,true:case(n eq 2:5,true:6)) in (1,5)", "1,2")]
    [InlineData("case(n gt 1:1,true:2) divby 2 eq 0.5", "2,3")]
    [InlineData("case(s eq 'a,b':t,true:z) eq 2024-01-02", "1")]
    [InlineData("isof(n,Edm.Int64)", "0,1,2,3")]
    [InlineData("isof(n,Edm.String) or isof(n,Edm.Int32)", "")]
    [InlineData("not isof(z,Edm.DateTimeOffset)", "2,3,4")]
    [InlineData("isof(case(b:1),Edm.Int64)", "0")]
    [InlineData("cast('2024-01-01T04:00:00+01:00',Edm.DateTimeOffset) eq z", "0")]
    [InlineData("cast('2024-01-01',Edm.Date) eq t", "0")]
    [InlineData("cast('yes',Edm.Boolean) eq null and cast('1.6',Edm.Int64) eq null and cast('2024-01-01 04:00:00',Edm.DateTimeOffset) eq null", "0,1,2,3,4")]
    [InlineData("cast('true',Edm.Boolean) and cast('-1.5e1',Edm.Double) eq -15", "0,1,2,3,4")]
    [InlineData("cast('04:00',Edm.TimeOfDay) lt time(z)", "1")]
    [InlineData("cast(z,Edm.String) eq '2024-01-01T04:00:00.5Z'", "1")]
    [InlineData("cast(z,Edm.Date) eq t", "0,4")]
    [InlineData("cast(n,Edm.Int32) eq null", "3,4")]
    [InlineData("cast(n,Edm.Byte) eq 2", "2")]
    [InlineData("cast(m,Edm.Int64) eq 1", "3")]
    [InlineData("cast(d,Edm.Decimal) eq 2.5", "2")]
    [InlineData("z sub 2024-01-01T00:00:00Z lt 'PT4H'", "0")]
    [InlineData("z sub 'PT1H' eq 2024-01-01T02:00:00Z", "0")]
    [InlineData("s eq 'PT1H'", "")]
    [InlineData("substring(s,-1) eq 's'", "0")]
    [InlineData("N EQ 1 OR (S In ('7') AND CONTAINS(s,'7'))", "1,2")]
    public async Task Values_are_what_is_written(string filter, string ids)
    {
        List<object?[]> rows =
        [
            [0L, "it's", 0L, -1.0, -0.1m, new DateOnly(2024, 1, 1), new DateTime(2024, 1, 1, 3, 0, 0, DateTimeKind.Utc), true],
            [1L, "a,b", 1L, 1.5, 0.2m, new DateOnly(2024, 1, 2), new DateTime(2024, 1, 1, 4, 0, 0, 500, DateTimeKind.Utc), false],
            [2L, "7", 2L, 2.5, 0.3m, new DateOnly(2024, 1, 3), null, null],
            [3L, "x", long.MaxValue, 0.0, 1m, new DateOnly(2024, 1, 4), null, null],
            [4L, null, null, null, null, null, null, null],
        ];
        var found = await RunAsync(rows, Start.Then(new FilterRows(Reader.Filter(filter))), "id");
        Assert.Equal(ids, string.Join(',', found.Select(r => r[0])));
    }

    [Theory]
    [InlineData("n eq", 400)]
    [InlineData("nope eq 1", 400)]
    [InlineData("s eq 1", 400)]
    [InlineData("s add 1 eq 1", 400)]
    [InlineData("n eq 1 and", 400)]
    [InlineData("s in @list", 400)]
    [InlineData("m eq 1e999", 400)]
    [InlineData("contains(n,'1')", 400)]
    [InlineData("geo.distance(s,s) lt 1", 400)]
    [InlineData("n divby", 400)]
    [InlineData("divby eq 1", 400)]
    [InlineData("s divby 2 eq 1", 400)]
    [InlineData("case(n eq 1) eq 1", 400)]
    [InlineData("case() eq 1", 400)]
    [InlineData("case(n:1) eq 1", 400)]
    [InlineData("case(n eq 1:1,true:'x') eq 1", 400)]
    [InlineData("case(n eq 1:1", 400)]
    [InlineData("cast(n,Edm.Date) eq 2024-01-01", 400)]
    [InlineData("cast(b,Edm.Int64) eq 1", 400)]
    [InlineData("cast(s,Edm.Guid) eq null", 501)]
    [InlineData("isof(s,Edm.Guid) and isof(s,Edm.Nope)", 400)]
    public void What_cannot_be_read_is_refused(string filter, int status) =>
        Assert.Equal(status, Assert.Throws<ProblemException>(() => Reader.Filter(filter)).Problem.Status);

    [Fact]
    public async Task Long_conditions_are_read_or_refused_and_never_kill()
    {
        var rows = new RandomRows(1).Rows(20);
        var found = await RunAsync(rows, Start.Then(new FilterRows(Reader.Filter(string.Join(" or ", Enumerable.Range(0, 300).Select(i => "id eq " + i.ToString(CultureInfo.InvariantCulture)))))), "id");
        Assert.Equal(20, found.Count);
        Assert.Throws<ProblemException>(() => Reader.Filter(string.Join(" or ", Enumerable.Repeat("id eq 1", 5_000))));
        Assert.Throws<ProblemException>(() => Reader.Filter(new string('(', 2_000) + "id eq 1" + new string(')', 2_000)));
        Assert.Throws<ProblemException>(() => Reader.Filter(string.Concat(Enumerable.Repeat("case(z gt 1:02:03:", 60)) + "1" + new string(')', 60) + " eq 1"));
        found = await RunAsync(rows, Start.Then(new FilterRows(Reader.Filter(string.Concat(Enumerable.Repeat("case(id gt 100:1,true:", 20)) + "2" + new string(')', 20) + " eq 2"))), "id");
        Assert.Equal(20, found.Count);
    }

    [Fact]
    public async Task A_concat_has_the_rows_of_its_parts()
    {
        var rows = new RandomRows(5).Rows(30);
        var pipeline = new ApplyReader(Now, new Dictionary<string, CustomAggregate>()).Read(Start, "concat(aggregate($count as c),groupby((b),aggregate($count as c)))");
        var found = await RunAsync(rows, pipeline, "b", "c");
        Assert.Equal(60, found.Sum(r => (long)r[1]!));
        Assert.Equal(1 + rows.Select(r => r[7]).Distinct().Count(), found.Count);
    }

    /// <summary>Each concat doubles the rows and the statement.</summary>
    [Fact]
    public void Concats_of_concats_end_before_they_are_too_many()
    {
        RowPipeline Read(int times) => new ApplyReader(Now, new Dictionary<string, CustomAggregate>()).Read(Start, string.Join('/', Enumerable.Repeat("concat(identity,identity)", times)));
        Assert.Equal(5, Read(5).Steps.Length);
        Assert.Equal(400, Assert.Throws<ProblemException>(() => Read(6)).Problem.Status);
        Assert.Equal(400, Assert.Throws<ProblemException>(() => Read(21)).Problem.Status);
        var nested = "identity";
        for (var i = 0; i < 10; i++)
        {
            nested = $"concat({nested},{(i < 3 ? nested : "identity")})";
        }

        Assert.Equal(400, Assert.Throws<ProblemException>(() => new ApplyReader(Now, new Dictionary<string, CustomAggregate>()).Read(Start, nested + "/" + nested)).Problem.Status);
    }

    private static RowPipeline Start => new([], RandomRows.Columns);

    private static ExpressionReader Reader => new(RandomRows.Columns, Now);

    private Task<List<object?[]>> RunAsync(List<object?[]> rows, RowPipeline pipeline, params string[] select)
    {
        var kinds = select.Select(n => pipeline.Columns.First(c => c.Name == n).Type.Kind).ToList();
        return server.Services.GetRequiredService<AnswerRows>().QueryAsync(RandomRows.Columns, rows, source => RowCompiler.CompilePage(source, new RowPage(pipeline, [.. select], null, 0, null)), reader =>
        {
            var found = new List<object?[]>();
            while (reader.Read())
            {
                found.Add([.. kinds.Select((k, i) => RowWriter.Value(reader, i, k))]);
            }

            return found;
        }, Cancel);
    }
}
