using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>How a metric is not exact.</summary>
/// <param name="Error">
/// Of a distinct count the relative standard error, of a percentile the greatest relative error (see <see cref="QuantileSketch.RelativeError"/>); null where none can be told, as of a difference.
/// </param>
public sealed record Approximation(double? Error)
{
    /// <summary>Null for an exact metric.</summary>
    public static Approximation? Of(MetricModel model, Metric metric) =>
        metric is SimpleMetric or CumulativeMetric
            ? metric.MeasureInputs.Select(i => ErrorOf(model, i)).FirstOrDefault(e => e is not null) is { } error ? new Approximation(error) : null
            : IsAny(model, metric) ? new Approximation((double?)null) : null;

    private static bool IsAny(MetricModel model, Metric metric) =>
        metric.MeasureInputs.Any(i => ErrorOf(model, i) is not null) || metric.Inputs.Any(i => IsAny(model, model.Metrics[i.Metric]));

    private static double? ErrorOf(MetricModel model, MeasureInput input) => MeasureState.For(model.Measures[input.Measure]) switch
    {
        [StateKind.Sketch] => DistinctSketch.StandardError,
        [StateKind.Quantiles] => QuantileSketch.RelativeError,
        _ => null,
    };
}
