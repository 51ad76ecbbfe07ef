namespace Write.DataPlatform.Model.Importing;

/// <summary>Turns a rolling window into what a cumulative metric accumulates over.</summary>
internal static class CubeWindow
{
    /// <summary>A cumulative metric's parameters; null for a window that leads, or that ends at the start of its bucket.</summary>
    public static Dictionary<string, object>? Read(CubeMap window)
    {
        var (type, trailing, leading, offset, grain) = (window.Text("type") ?? "fixed", window.Text("trailing"), window.Text("leading"), window.Text("offset") ?? "end", window.Text("granularity"));
        window.Done();
        var result = new Dictionary<string, object> { ["period_agg"] = "last" };
        if (type == "to_date" && grain is not null)
        {
            result["grain_to_date"] = grain;
            return result;
        }

        if (type != "fixed" || leading is not null || offset != "end" || trailing is null)
        {
            return null;
        }

        if (trailing != "unbounded")
        {
            result["window"] = trailing;
        }

        return result;
    }
}
