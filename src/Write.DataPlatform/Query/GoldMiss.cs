namespace Write.DataPlatform.Query;

/// <summary>Why a gold table does not serve a leaf.</summary>
/// <param name="Table">The table; null if there is none at all.</param>
/// <param name="Code">A stable code: <c>measure_not_stored</c>, <c>dimension_not_stored</c>, <c>not_additive</c>, <c>grain</c>,
/// <c>time_zone</c>, <c>filter</c>, <c>range</c>, <c>unaligned_range</c>, <c>tenant</c>, <c>no_table</c>.</param>
/// <param name="Message">The reason in words.</param>
public sealed record GoldMiss(string? Table, string Code, string Message);
