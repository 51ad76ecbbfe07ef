using System.Collections.Immutable;
using Microsoft.Extensions.Primitives;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>A consumer for every stream of the model. One whose events mean something else now is begun anew from its checkpoint.</summary>
internal sealed class BatchConsumers(ModelStore models, BatchServices services) : IStreamConsumers
{
    private readonly Lock _lock = new();
    private ImmutableDictionary<string, (string Meaning, StreamConsumer Consumer)> _known = ImmutableDictionary<string, (string, StreamConsumer)>.Empty;

    public ImmutableArray<StreamConsumer> Current
    {
        get
        {
            lock (_lock)
            {
                _known = Plans(models.Current).ToImmutableDictionary(plan => plan.Stream.Name, plan =>
                {
                    var meaning = MeaningOf(plan);
                    return _known.TryGetValue(plan.Stream.Name, out var known) && known.Meaning == meaning ? known : (meaning, Make(plan));
                });
                return [.. _known.OrderBy(k => k.Key, StringComparer.Ordinal).Select(k => k.Value.Consumer)];
            }
        }
    }

    public IChangeToken GetChangeToken() => models.GetChangeToken();

    /// <summary>The plans of a model's streams.</summary>
    public static IEnumerable<StreamPlan> Plans(MetricModel model) => model.Streams.Values.Select(s => StreamPlan.Create(model, s, out _)).OfType<StreamPlan>();

    private static string MeaningOf(StreamPlan plan) => string.Join(
        '\n',
        [
            plan.Stream.StreamSource, plan.Fact.Table, plan.TimeColumn, plan.IdColumn ?? "", $"{plan.Stream.Window} {plan.Stream.AllowedLateness}",
            .. plan.Partitions.Select(p => $"{p.Key} {p.Value}").Order(StringComparer.Ordinal),
            .. plan.Tables.Select(t => t.Table.Name + " " + t.Hash + " " + string.Join(',', t.TenantKeys.Select(k => k.Key + "=" + k.Value))),
        ]);

    private StreamConsumer Make(StreamPlan plan) => new(
        plan.Stream.Name, plan.Stream.StreamSource, async (context, cancellationToken) => await ShardBatcher.StartAsync(services, plan, context, cancellationToken))
    {
        ForgetAsync = (shard, cancellationToken) => services.ForgetAsync(plan.Stream.Name, shard, cancellationToken),
    };
}
