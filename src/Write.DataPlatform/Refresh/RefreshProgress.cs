namespace Write.DataPlatform.Refresh;

/// <summary>How far a run is.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Table">The gold table.</param>
/// <param name="Total">Partitions to refresh.</param>
/// <param name="Done">Partitions that are as they should be by now.</param>
/// <param name="Failed">Partitions that failed.</param>
/// <param name="Rows">Rows stored.</param>
/// <param name="Bytes">Bytes stored.</param>
/// <param name="BytesScanned">Bytes that the lake read.</param>
/// <param name="Period">The partition that ended last.</param>
internal sealed record RefreshProgress(string RunId, string Table, int Total, int Done, int Failed, long Rows, long Bytes, long BytesScanned, string? Period);
