using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>How a rule, or one of its groups, is.</summary>
internal enum AlertStatus
{
    /// <summary>Not evaluated yet.</summary>
    Unknown,

    Ok,

    /// <summary>Fired before, and is well again since the last evaluation.</summary>
    Resolved,

    /// <summary>Broken, but not often enough in a row.</summary>
    Pending,

    /// <summary>What would be judged is not there.</summary>
    NoData,

    /// <summary>The question could not be answered.</summary>
    Error,

    Firing,
}

/// <summary>What an evaluation says of one group.</summary>
internal enum Verdict
{
    Ok,
    Broken,
    NoData,
}

/// <summary>One group, judged.</summary>
/// <param name="Key">Its values, in the order of the rule's dimensions; null is a value too.</param>
/// <param name="Verdict">The verdict.</param>
/// <param name="Value">The value of the judged period; seconds for freshness.</param>
/// <param name="Reference">What it was held against; null for nothing.</param>
/// <param name="Measure">What was compared with the limits; null if there is none, or if it is infinite.</param>
/// <param name="Detail">The same in words.</param>
internal sealed record Judgement(ImmutableArray<string?> Key, Verdict Verdict, double? Value, double? Reference, double? Measure, string Detail);

/// <summary>One group of a rule, as it was left by the last evaluation.</summary>
internal sealed record GroupState
{
    /// <summary>Its values, in the order of the rule's dimensions.</summary>
    public required ImmutableArray<string?> Key { get; init; }

    public AlertStatus Status { get; init; }

    /// <summary>Since when it has this status.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>How many evaluations in a row broke the rule.</summary>
    public int Broken { get; init; }

    /// <summary>How many in a row had nothing to judge.</summary>
    public int Missing { get; init; }

    /// <summary>Whether it was told as firing and not as resolved since.</summary>
    public bool IsFiringTold { get; init; }

    /// <summary>Whether it was told as without data and not as resolved since.</summary>
    public bool IsMissingTold { get; init; }

    public double? Value { get; init; }

    public double? Reference { get; init; }

    public double? Measure { get; init; }

    public string? Detail { get; init; }
}

/// <summary>What is told of a group.</summary>
internal enum AlertEvent
{
    Firing,
    Resolved,
    NoData,
    Error,

    /// <summary>The rule can be evaluated again.</summary>
    Recovered,

    /// <summary>A report was made.</summary>
    Report,

    /// <summary>A message was delivered.</summary>
    Delivered,

    /// <summary>A message was given up.</summary>
    GivenUp,
}

/// <summary>What happened.</summary>
/// <param name="At">When.</param>
/// <param name="Event">What.</param>
/// <param name="Groups">Which groups; none for the rule as a whole.</param>
/// <param name="Detail">In words.</param>
/// <param name="MessageId">The message, if there is one.</param>
internal sealed record AlertHistory(DateTimeOffset At, AlertEvent Event, ImmutableArray<string> Groups, string? Detail, string? MessageId);

/// <summary>A message that waits for its delivery; its body is an item of its own.</summary>
internal sealed record WaitingMessage
{
    /// <summary>Its name, the same at every attempt: what a receiver drops doubles by.</summary>
    public required string Id { get; init; }

    public required string Type { get; init; }

    public required string Channel { get; init; }

    public required string ContentType { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public int Attempts { get; init; }

    /// <summary>How many of them in a row its receiver refused for good.</summary>
    public int Refusals { get; init; }

    public DateTimeOffset? NextAttemptAt { get; init; }

    public string? LastError { get; init; }
}

/// <summary>What an alert or a report has come to: one item of the store, so that a new state and the messages that tell of it are written at once or not at all.</summary>
internal sealed record RuleState
{
    public const int MaxHistory = 50;

    /// <summary>So many messages of a rule wait at most; more than that, and the oldest are given up.</summary>
    public const int MaxWaiting = 1_000;

    // How far the clocks of two processes may differ; a time further ahead is a clock's that was wrong.
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);

    // A rule with many ticks leaves out the ticks of a few minutes at most.
    private static readonly TimeSpan LongestGap = TimeSpan.FromMinutes(5);

    /// <summary>Whose rows it is about; null for the whole company's.</summary>
    public string? Tenant { get; init; }

    /// <summary>Up to when the schedule's ticks are dealt with.</summary>
    public DateTimeOffset? DoneTo { get; init; }

    /// <summary>When it was last evaluated, or made.</summary>
    public DateTimeOffset? EvaluatedAt { get; init; }

    /// <summary>Why the last evaluation failed; null if it did not.</summary>
    public string? Error { get; init; }

    /// <summary>How many in a row failed.</summary>
    public int Errors { get; init; }

    /// <summary>Whether the failure was told and its end was not.</summary>
    public bool IsErrorTold { get; init; }

    /// <summary>The period last judged, in words.</summary>
    public string? Period { get; init; }

    /// <summary>The names of what the groups' keys hold; null if nobody wrote them down.</summary>
    public ImmutableArray<string>? Dimensions { get; init; }

    public ImmutableArray<GroupState> Groups { get; init; } = [];

    /// <summary>The last events, newest first.</summary>
    public ImmutableArray<AlertHistory> History { get; init; } = [];

    public ImmutableArray<WaitingMessage> Waiting { get; init; } = [];

    /// <summary>The worst of the rule. A failure is never hidden by what was before it.</summary>
    [JsonIgnore]
    public AlertStatus Status => Error is not null ? Groups.Any(g => g.IsFiringTold) ? AlertStatus.Firing : AlertStatus.Error
        : Groups.Any(g => g.IsFiringTold) ? AlertStatus.Firing
        : Groups.IsEmpty ? AlertStatus.Unknown
        : Groups.Max(g => g.Status);

    /// <summary>The state of a rule about a tenant's rows. What the rule came to for another is nobody's any more: it begins anew, and what waits is delivered.</summary>
    public RuleState For(string? tenant) => Tenant == tenant ? this : new RuleState { Tenant = tenant, Waiting = Waiting };

    /// <summary>The last message's end: delivered, or given up; null if none came to an end lately.</summary>
    [JsonIgnore]
    public AlertHistory? LastSent => History.FirstOrDefault(h => h.Event is AlertEvent.Delivered or AlertEvent.GivenUp);

    /// <summary>
    /// When the rule is due, which may be long ago; null for never. One that failed is tried before its next tick, after a minute, then two, four and so on up to an hour; one that fails at
    /// each of many ticks leaves out those of some minutes.
    /// </summary>
    /// <param name="schedule">Its schedule.</param>
    /// <param name="times">How many failures in a row are told.</param>
    /// <param name="now">The time, and what it is due at if it never was, or if the clock was set back: time then comes round again.</param>
    public DateTimeOffset? Due(Schedule schedule, int times, DateTimeOffset now)
    {
        if (DoneTo is not { } done || done > now + Skew)
        {
            return now;
        }

        if (Errors == 0)
        {
            return schedule.Next(done);
        }

        var pause = FirstPause * Math.Pow(2, Math.Min(Errors - 1, 10));
        pause = pause < LongestPause ? pause : LongestPause;
        var tick = schedule.Next(Errors <= times ? done : done + (pause < LongestGap ? pause : LongestGap));
        return tick < done + pause ? tick : done + pause;
    }

    /// <summary>A state with more messages that wait, each later than those before it, whatever the clock says.</summary>
    public RuleState Add(ImmutableArray<WaitingMessage> messages, DateTimeOffset now)
    {
        var waiting = Waiting.ToBuilder();
        foreach (var message in messages)
        {
            waiting.Add(waiting.Count > 0 && waiting[^1].CreatedAt >= message.CreatedAt ? message with { CreatedAt = waiting[^1].CreatedAt.AddTicks(1) } : message);
        }

        var state = this;
        foreach (var dropped in waiting.Take(waiting.Count - MaxWaiting))
        {
            state = state.Remember(new AlertHistory(now, AlertEvent.GivenUp, [], $"More than {MaxWaiting} messages wait.", dropped.Id));
        }

        return state with { Waiting = [.. waiting.TakeLast(MaxWaiting)] };
    }

    public RuleState Remember(AlertHistory entry) => this with { History = [entry, .. History.Take(MaxHistory - 1)] };
}
