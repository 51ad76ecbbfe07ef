using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Streaming.Batches;

namespace Write.DataPlatform.Tests.Insights;

/// <summary>When a lake that was silent is asked for its types again.</summary>
public sealed class LakeTypesTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lake_that_was_silent_is_asked_again_when_time_went_by_however_the_clock_is_set()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        var types = new LakeTypes(world.Get<ILake>(), world.Time);
        var model = world.Get<ModelStore>().Current;
        var away = world.Files.Path + "-away";
        Directory.Move(world.Files.Path, away);
        Assert.Same(FieldTypes.Unknown, await types.GetAsync(model, Cancel));
        Directory.Move(away, world.Files.Path);

        world.Time.Skew = TimeSpan.FromHours(1);
        Assert.Same(FieldTypes.Unknown, await types.GetAsync(model, Cancel));

        world.Time.Skew = TimeSpan.FromHours(-1);
        world.Time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(ColumnKind.String, (await types.GetAsync(model, Cancel)).Kinds[FieldTypes.Key("visits", "country")]);
    }
}
