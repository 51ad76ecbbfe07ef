using Write.DataPlatform.Model;

namespace Write.DataPlatform.Tests.Model;

public sealed class FieldNameTests
{
    [Theory]
    [InlineData("metric_time__month", "metric_time", TimeGrain.Month)]
    [InlineData("visit__show__aired__YEAR", "visit|show|aired", TimeGrain.Year)]
    [InlineData("visit__country", "visit|country", null)]
    [InlineData("month", "month", null)]
    [InlineData("visit__1", "visit|1", null)]
    [InlineData("visit__-1", "visit|-1", null)]
    [InlineData("visit__ day", "visit| day", null)]
    [InlineData("visit__day,week", "visit|day,week", null)]
    public void Only_a_grains_name_is_a_grain(string text, string path, TimeGrain? grain) =>
        Assert.Equal(new FieldName([.. path.Split('|')], grain), FieldName.Parse(text));
}
