using System.Diagnostics.Metrics;
using Write.DataPlatform.DuckDb;

namespace Write.DataPlatform.Tests.DuckDb;

public sealed class DuckDbMemoryTests
{
    [Fact]
    public async Task A_database_tells_what_it_holds_until_it_is_closed()
    {
        var name = Guid.NewGuid().ToString("N");
        await using (var instance = new DuckDbInstance(new DuckDbSettings { Name = name }))
        {
            await using var session = await instance.OpenAsync(TestContext.Current.CancellationToken);
            await session.ExecuteAsync("CREATE TABLE numbers AS SELECT hash(i) AS number FROM range(1000000) AS t(i)", TestContext.Current.CancellationToken);

            // A million numbers of eight bytes, which do not compress.
            Assert.InRange(Measured(name)["in_memory_table"], 8_000_000, 64_000_000);
        }

        Assert.Empty(Measured(name));
    }

    private static Dictionary<string, long> Measured(string database)
    {
        var uses = new Dictionary<string, long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name == "dataplatform.duckdb.memory")
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, bytes, tags, _) =>
        {
            var named = tags.ToArray().ToDictionary(tag => tag.Key, tag => (string)tag.Value!);
            if (named["database"] == database)
            {
                uses.Add(named["use"], bytes);
            }
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return uses;
    }
}
