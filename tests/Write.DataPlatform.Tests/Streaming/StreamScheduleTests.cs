using CsCheck;
using Write.DataPlatform.Tests.Query;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>Workers that start, stop, die and lose the store while shards are split and merged, in any order: every record comes once into the sink.</summary>
public sealed class StreamScheduleTests
{
    [Fact]
    public async Task Whatever_happens_nothing_is_lost_and_order_is_kept() => await Gen.Select(Gen.Int[1, 4], Gen.Select(Gen.Int[0, 11], Gen.Int[0, 50]).List[5, 40]).SampleAsync(
        async (shards, steps) =>
        {
            await using var world = StreamWorkerTests.New(shards);
            var stream = (SimulatedStream)world.Stream;
            var count = 0;
            world.Start();
            foreach (var (step, number) in steps)
            {
                var alive = world.Workers.Where(worker => !worker.IsDead && !worker.IsStopped).ToList();
                var one = alive.Count > 0 ? alive[number % alive.Count] : null;
                switch (step)
                {
                    case 0 or 1 or 2:
                        await StreamWorkerTests.PutAsync(world, number, count);
                        count += number;
                        break;
                    case 3:
                        stream.Split(number);
                        break;
                    case 4:
                        stream.Merge(number);
                        break;
                    case 5 when alive.Count < 4:
                        world.Start();
                        break;
                    case 6 when one is not null:
                        one.Kill();
                        break;
                    case 7 when one is not null:
                        _ = one.StopAsync();
                        break;
                    case 8 when one is not null:
                        one.IsCutOff = !one.IsCutOff;
                        break;
                    case 9 when one is not null:
                        one.Failures = 1;
                        break;
                    default:
                        for (var i = 0; i <= number; i++)
                        {
                            await world.StepAsync(TimeSpan.FromMilliseconds(500));
                        }

                        break;
                }

                await world.StepAsync(TimeSpan.FromMilliseconds(200));
            }

            foreach (var worker in world.Workers)
            {
                worker.IsCutOff = worker.IsDead;
            }

            world.Start();
            await StreamWorkerTests.FinishAsync(world, count);
        },
        iter: RandomCases.Of(10, weight: 100),
        threads: 2);
}
