using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

public sealed class PatternSyntaxTests
{
    [Theory]
    [InlineData("^D.*E$")]
    [InlineData(@"\d+\.\d{2,4}")]
    [InlineData("(?i)de|fr")]
    [InlineData("(?:a|b)+?")]
    [InlineData("[]a-z^-]")]
    [InlineData("[^]]")]
    [InlineData("[[:alpha:]_]")]
    [InlineData(@"(?P<year>\d{4})")]
    [InlineData(@"[\]\[\d]")]
    [InlineData(@"\p{L}\P{Nd}\x41")]
    [InlineData("{")]
    [InlineData("a{,3}")]
    [InlineData("日本?")]
    public async Task What_is_good_is_good_for_the_engine(string pattern)
    {
        Assert.Null(PatternSyntax.WrongIn(pattern));
        await using var instance = new DuckDbInstance(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 64 });
        await using var session = await instance.OpenAsync(TestContext.Current.CancellationToken);
        await session.QueryAsync(new SqlStatement("SELECT regexp_matches('', $1)", [pattern]), reader => reader.Read(), TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("(")]
    [InlineData("[a")]
    [InlineData("a**")]
    [InlineData(@"\")]
    [InlineData(@"\u0041")]
    [InlineData(@"\e")]
    [InlineData(@"\Z")]
    [InlineData(@"\cA")]
    [InlineData(@"\1(a)")]
    [InlineData(@"\pL")]
    [InlineData(@"\p{IsGreek}")]
    [InlineData(@"\x4")]
    [InlineData("(?n)a")]
    [InlineData("(?x) D")]
    [InlineData("(?#c)D")]
    [InlineData("(?<n>D)")]
    [InlineData("(?=a)")]
    [InlineData("(?<!a)b")]
    [InlineData("[A-Z-[D]]E")]
    [InlineData("[[a]]")]
    [InlineData("[a&&b]")]
    [InlineData(@"[\b]")]
    [InlineData("a{1001}")]
    [InlineData("a{1,99999999999}")]
    public void What_engines_read_differently_is_refused(string pattern) => Assert.NotNull(PatternSyntax.WrongIn(pattern));
}
