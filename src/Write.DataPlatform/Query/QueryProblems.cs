namespace Write.DataPlatform.Query;

/// <summary>The planner's problem codes; <c>docs/errors.md</c> says what each means.</summary>
internal static class QueryProblems
{
    public const string NoMetrics = "no_metrics";
    public const string CannotList = "cannot_list";
    public const string NoTimeSpine = "no_time_spine";
    public const string MinMaxNeedsOneField = "min_max_needs_one_field";
    public const string UnknownMetric = "unknown_metric";
    public const string UnknownDimension = "unknown_dimension";
    public const string UnknownField = "unknown_field";
    public const string UnknownTenant = "unknown_tenant";
    public const string UnknownRole = "unknown_role";
    public const string Duplicate = "duplicate";
    public const string AmbiguousField = "ambiguous_field";
    public const string FanOut = "fan_out";
    public const string NotATimeDimension = "not_a_time_dimension";
    public const string GrainTooFine = "grain_too_fine";
    public const string WrongValueType = "wrong_value_type";
    public const string EmptyTimeRange = "empty_time_range";
    public const string CompareNeedsTimeRange = "compare_needs_time_range";
    public const string OneGrainNeeded = "one_grain_needed";
    public const string FillNeedsTimeRange = "fill_needs_time_range";
    public const string TooManyBuckets = "too_many_buckets";
    public const string RangeNeedsDates = "range_needs_dates";
    public const string MetricTimeNeeded = "metric_time_needed";
    public const string NoTotals = "no_totals";
    public const string MetricTypeNotSupported = "metric_type_not_supported";
    public const string NoRunningTotal = "no_running_total";
    public const string BadCursor = "bad_cursor";
    public const string CursorOfOtherQuery = "cursor_of_other_query";
    public const string CursorExpired = "cursor_expired";
    public const string MetricStandsAlone = "metric_stands_alone";
    public const string OptionNotSupported = "option_not_supported";
    public const string TimesDoNotMeet = "times_do_not_meet";
    public const string NotInGold = "not_in_gold";
    public const string AnswerTooLarge = "answer_too_large";
    public const string NumberTooLarge = "number_too_large";
    public const string StatementTooLong = "statement_too_long";
    public const string PatternNotSupported = "pattern_not_supported";
    public const string PolicyNotApplicable = "policy_not_applicable";
    public const string TooManyRows = "too_many_rows";

    /// <summary>The codes that are about a name or a value alone, and hold whatever else is wrong with a query.</summary>
    public static bool IsLocal(string code) => code is UnknownMetric or UnknownDimension or UnknownTenant or AmbiguousField or FanOut
        or NotATimeDimension or GrainTooFine or WrongValueType or MetricTypeNotSupported;

    /// <summary>The codes of queries that are well-formed and cannot be answered correctly.</summary>
    public static bool IsUnanswerable(string code) => code is CannotList or NoTimeSpine or FanOut or AmbiguousField or GrainTooFine or RangeNeedsDates
        or MetricTypeNotSupported or NotInGold or OneGrainNeeded or NoTotals or NoRunningTotal or CursorExpired or MetricStandsAlone or OptionNotSupported or TimesDoNotMeet or AnswerTooLarge or NumberTooLarge or StatementTooLong or PatternNotSupported or PolicyNotApplicable or TooManyRows;
}
