namespace Write.DataPlatform.Tests.Query;

/// <summary>A DDSketch of values that have been kept, by the formulas of its paper: γ = (1 + α) / (1 − α), buckets (γ^(i−1), γ^i], each told as 2 γ^i / (γ + 1).</summary>
internal sealed class OracleQuantiles
{
    private const double Gamma = 1.01 / 0.99;

    private readonly List<double> _told = [];

    public OracleQuantiles(IEnumerable<double> values)
    {
        // Every value as the sketch tells it: what is in a bucket cannot be told apart.
        _told.AddRange(values.Where(double.IsFinite).Select(v => Math.Sign(v) * (v == 0 ? 0 : 2 * Math.Pow(Gamma, Bucket(Math.Abs(v))) / (Gamma + 1))));
        _told.Sort();
    }

    public static int Bucket(double value) => (int)Math.Ceiling(Math.Log(value) / Math.Log(Gamma));

    public double? At(double p, bool isDiscrete)
    {
        if (_told.Count == 0)
        {
            return null;
        }

        if (isDiscrete)
        {
            return _told[Math.Max(0, (int)Math.Ceiling((decimal)p * _told.Count) - 1)];
        }

        var place = (decimal)p * (_told.Count - 1);
        var below = (int)Math.Floor(place);
        return _told[below] + ((_told[Math.Min(below + 1, _told.Count - 1)] - _told[below]) * (double)(place - below));
    }
}
