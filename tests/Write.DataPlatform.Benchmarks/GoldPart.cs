using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Benchmarks;

/// <summary>Queries that gold answers, without a network.</summary>
internal static class GoldPart
{
    private const string Name = "gold";
    private const int SlicesInARow = 50;
    private const int GroupsInARow = 5;

    public static async Task<IReadOnlyList<Figure>> RunAsync(Scale scale, World world, CancellationToken cancellationToken)
    {
        await using var duck = new DuckDbInstance(new DuckDbSettings { Threads = 1 });
        var (slices, _) = await world.ExportAsync(World.Slice + "_daily", cancellationToken);
        var (wide, segments) = await world.ExportAsync(World.Wide + "_daily", cancellationToken);
        await using (var session = await duck.OpenAsync(cancellationToken))
        {
            await session.ExecuteAsync($"CREATE TABLE slices AS FROM {slices}", cancellationToken);
            await session.ExecuteAsync($"CREATE TABLE wide AS FROM {wide}", cancellationToken);
        }

        var slice = World.Read(world.SliceQuery);
        var group = World.Read(World.WideQuery);
        await CheckAsync(world, duck, slice, world.SliceSql("slices"), cancellationToken);
        await CheckAsync(world, duck, group, World.WideSql("wide"), cancellationToken);
        await world.App.Services.GetRequiredService<GoldEngine>().SettleAsync();
        await CheckAsync(world, duck, slice, world.SliceSql("slices"), cancellationToken);
        await CheckAsync(world, duck, group, World.WideSql("wide"), cancellationToken);

        var warmSlice = await Measure.InTurnsAsync(
            scale.Rounds,
            cancellationToken,
            () => Measure.MillisecondsAsync(() => world.AnswerAsync(slice, cancellationToken), SlicesInARow),
            () => Measure.MillisecondsAsync(() => ByHandAsync(duck, world.SliceSql("slices"), cancellationToken), SlicesInARow));
        var warmGroup = await Measure.InTurnsAsync(
            scale.Rounds,
            cancellationToken,
            () => Measure.MillisecondsAsync(() => world.AnswerAsync(group, cancellationToken), GroupsInARow),
            () => Measure.MillisecondsAsync(() => ByHandAsync(duck, World.WideSql("wide"), cancellationToken), GroupsInARow));
        var cold = await Measure.InTurnsAsync(
            scale.Rounds,
            cancellationToken,
            async () =>
            {
                await world.RestartAsync(role: null, cancellationToken);
                return await Measure.MillisecondsAsync(() => world.AnswerAsync(group, cancellationToken));
            },
            () => Measure.MillisecondsAsync(() => ByHandAsync(duck, World.WideSql(wide), cancellationToken)));
        return
        [
            new Figure(Name, $"slice of 365 of {scale.SliceRows:N0} rows; a query by hand over a plain table", "ms", warmSlice[0], warmSlice[1], Bound.RatioAtMost, 1.43),
            new Figure(Name, $"first group-by after a restart, {scale.WideRows:N0} rows in {segments} segments; read_parquet of local files", "ms", cold[0], cold[1], Bound.RatioAtMost, 3),
            new Figure(Name, $"the same group-by warm; a query by hand over a plain table", "ms", warmGroup[0], warmGroup[1], Bound.RatioAtMost, 1.5),
        ];
    }

    private static async Task CheckAsync(World world, DuckDbInstance duck, Query.MetricQuery query, string sql, CancellationToken cancellationToken)
    {
        var (ours, theirs) = (await world.AnswerAsync(query, cancellationToken), await ByHandAsync(duck, sql, cancellationToken));
        WrongAnswerException.ThrowIf(theirs.Length == 0 || !ours.SequenceEqual(theirs), $"Gold answers {ours.Length} rows, {ours.Except(theirs).FirstOrDefault()} among them; by hand there are {theirs.Length}, {theirs.Except(ours).FirstOrDefault()} among them.");
    }

    private static async Task<string[]> ByHandAsync(DuckDbInstance duck, string sql, CancellationToken cancellationToken)
    {
        await using var session = await duck.OpenAsync(cancellationToken);
        return await World.RowsAsync(session, sql, cancellationToken);
    }
}
