using System.Globalization;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Tests.Query;

/// <summary>A measure's value over the values of rows.</summary>
internal static class OracleAggregation
{
    /// <param name="measure">The measure.</param>
    /// <param name="rows">The rows' values; null where there are no rows.</param>
    public static object? Of(Measure measure, List<object?>? rows)
    {
        if (rows is null)
        {
            return null;
        }

        var values = rows.Where(v => v is not null).Select(v => v!).ToList();
        if (measure.Aggregation is Aggregation.Count)
        {
            return (long)values.Count;
        }

        if (measure.Aggregation is Aggregation.CountDistinct)
        {
            return (long)values.Distinct().Count();
        }

        if (measure.Aggregation is Aggregation.ApproxCountDistinct)
        {
            return new OracleSketch(values).Estimate();
        }

        if (measure.Aggregation is Aggregation.SumBoolean)
        {
            return (long)values.Count(v => v is true);
        }

        if (values.Count == 0)
        {
            return null;
        }

        if (measure.UseApproximatePercentile)
        {
            return new OracleQuantiles(values.Select(v => Convert.ToDouble(v, CultureInfo.InvariantCulture)))
                .At(measure.Aggregation == Aggregation.Median ? 0.5 : measure.Percentile!.Value, measure.UseDiscretePercentile);
        }

        values.Sort(OracleOrder.Compare);
        return measure.Aggregation switch
        {
            Aggregation.Min => values[0],
            Aggregation.Max => values[^1],
            Aggregation.Sum => World.Sum(values),
            Aggregation.Average => values.Average(v => Convert.ToDouble(v, CultureInfo.InvariantCulture)),
            Aggregation.Median => Continuous(values, 0.5),
            Aggregation.Percentile when measure.UseDiscretePercentile => values[Math.Max(0, (int)Math.Ceiling(measure.Percentile!.Value * values.Count) - 1)],
            Aggregation.Percentile => Continuous(values, measure.Percentile!.Value),
            _ => throw new NotSupportedException(),
        };
    }

    private static double Continuous(List<object> sorted, double p)
    {
        var place = p * (sorted.Count - 1);
        var below = (int)Math.Floor(place);
        var (low, high) = (Convert.ToDouble(sorted[below], CultureInfo.InvariantCulture), Convert.ToDouble(sorted[Math.Min(below + 1, sorted.Count - 1)], CultureInfo.InvariantCulture));
        return low + ((high - low) * (place - below));
    }
}
