namespace Write.DataPlatform.Model.Rules;

/// <summary>No metric is computed from itself, directly or through others.</summary>
internal sealed class CyclicMetricRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model)
    {
        var done = new HashSet<string>(StringComparer.Ordinal);
        var problems = new List<ModelProblem>();
        foreach (var start in model.Metrics.Values)
        {
            Visit(start);
        }

        return problems;

        // Depth first with a stack of its own: a chain of metrics may be longer than the thread's stack is deep.
        void Visit(Metric start)
        {
            if (!done.Add(start.Name))
            {
                return;
            }

            var path = new List<string> { start.Name };
            var places = new Dictionary<string, int>(StringComparer.Ordinal) { [start.Name] = 0 };
            var pending = new Stack<IEnumerator<MetricInput>>([start.Inputs.GetEnumerator()]);
            while (pending.Count > 0)
            {
                if (!pending.Peek().MoveNext())
                {
                    pending.Pop();
                    places.Remove(path[^1]);
                    path.RemoveAt(path.Count - 1);
                    continue;
                }

                var name = pending.Peek().Current.Metric;
                if (places.TryGetValue(name, out var from))
                {
                    problems.Add(new ModelProblem(
                        ModelCode.CyclicMetrics, $"The metric '{name}' is computed from itself: {string.Join(" → ", path[from..].Append(name))}.", model.Metrics[name].Source));
                }
                else if (model.Metrics.TryGetValue(name, out var metric) && done.Add(name))
                {
                    places[name] = path.Count;
                    path.Add(name);
                    pending.Push(metric.Inputs.GetEnumerator());
                }
            }
        }
    }
}
