using System.Collections.Immutable;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>Something that is told of groups, once.</summary>
/// <param name="Event">What.</param>
/// <param name="Groups">Of which.</param>
/// <param name="Dimensions">The names of what the groups' keys hold.</param>
/// <param name="Detail">In words, for the rule as a whole.</param>
internal sealed record Told(AlertEvent Event, ImmutableArray<GroupState> Groups, ImmutableArray<string> Dimensions, string? Detail = null);

/// <summary>From one evaluation to the next: what the state becomes, and what is told of it.</summary>
internal static class AlertMachine
{
    /// <summary>A group that is in no answer any more is forgotten after so many evaluations.</summary>
    public const int Forgotten = 30;

    /// <summary>The state after an evaluation that came to judgements.</summary>
    /// <param name="before">The state before.</param>
    /// <param name="judgements">One a group.</param>
    /// <param name="dimensions">The names of what the groups' keys hold. Where others were before, their groups are watched no more.</param>
    /// <param name="period">The period judged.</param>
    /// <param name="times">How many in a row are told.</param>
    /// <param name="now">The time.</param>
    public static (RuleState State, ImmutableArray<Told> Told) After(RuleState before, ImmutableArray<Judgement> judgements, ImmutableArray<string> dimensions, string period, int times, DateTimeOffset now)
    {
        var list = new List<Told>();
        if (before.Dimensions is { } old && !old.SequenceEqual(dimensions, StringComparer.Ordinal))
        {
            ImmutableArray<GroupState> gone = [.. before.Groups.Where(g => g.IsFiringTold || g.IsMissingTold).Select(g => g with { Status = AlertStatus.Resolved, Since = now, Detail = "The rule has other groups now: this one is not watched any more." })];
            if (!gone.IsEmpty)
            {
                list.Add(new Told(AlertEvent.Resolved, gone, old));
            }

            before = before with { Groups = [] };
        }

        var known = before.Groups.ToDictionary(g => KeyOf(g.Key), StringComparer.Ordinal);
        var groups = ImmutableArray.CreateBuilder<GroupState>();
        var told = new Dictionary<AlertEvent, ImmutableArray<GroupState>.Builder>();
        void Tell(AlertEvent what, GroupState group)
        {
            if (!told.TryGetValue(what, out var list))
            {
                told[what] = list = ImmutableArray.CreateBuilder<GroupState>();
            }

            list.Add(group);
        }

        foreach (var judgement in judgements)
        {
            known.Remove(KeyOf(judgement.Key), out var group);
            groups.Add(Step(group ?? new GroupState { Key = judgement.Key, Since = now }, judgement, times, now, Tell));
        }

        foreach (var gone in known.Values)
        {
            var missing = Step(gone, new Judgement(gone.Key, Verdict.NoData, null, null, null, "The group is in no row of the answer any more."), times, now, Tell);
            if (missing.Missing < Forgotten)
            {
                groups.Add(missing);
            }
            else if (missing.IsFiringTold || missing.IsMissingTold)
            {
                Tell(AlertEvent.Resolved, missing with { Detail = "The group is gone: it is not watched any more." });
            }
        }

        list.AddRange(told.Select(t => new Told(t.Key, t.Value.ToImmutable(), dimensions)));
        if (before.IsErrorTold)
        {
            // Of the groups it says nothing: they may fire as before.
            list.Add(new Told(AlertEvent.Recovered, [], dimensions, "The rule can be evaluated again."));
        }

        return (before with { EvaluatedAt = now, Error = null, Errors = 0, IsErrorTold = false, Period = period, Dimensions = dimensions, Groups = groups.ToImmutable() }, [.. list.OrderBy(t => t.Event)]);
    }

    /// <summary>The state after an evaluation that failed: what was known of the groups stays, and is told by nobody as well.</summary>
    public static (RuleState State, ImmutableArray<Told> Told) AfterError(RuleState before, string error, int times, DateTimeOffset now)
    {
        var errors = before.Errors + 1;
        var tells = !before.IsErrorTold && errors >= times;
        return (before with { EvaluatedAt = now, Error = error, Errors = errors, IsErrorTold = before.IsErrorTold || tells }, tells ? [new Told(AlertEvent.Error, [], [], error)] : []);
    }

    private static GroupState Step(GroupState before, Judgement judgement, int times, DateTimeOffset now, Action<AlertEvent, GroupState> tell)
    {
        var broken = judgement.Verdict == Verdict.Broken ? Math.Min(before.Broken + 1, int.MaxValue - 1) : 0;
        var missing = judgement.Verdict == Verdict.NoData ? Math.Min(before.Missing + 1, int.MaxValue - 1) : 0;
        var fires = before.IsFiringTold ? judgement.Verdict != Verdict.Ok : broken >= times;
        var isMissingTold = judgement.Verdict != Verdict.Ok && (before.IsMissingTold || missing >= times);
        var status = judgement.Verdict switch
        {
            Verdict.NoData => AlertStatus.NoData,
            Verdict.Broken => fires ? AlertStatus.Firing : AlertStatus.Pending,
            _ => before.IsFiringTold || before.IsMissingTold ? AlertStatus.Resolved : AlertStatus.Ok,
        };
        var after = before with
        {
            Status = status,
            Since = status == before.Status ? before.Since : now,
            Broken = broken,
            Missing = missing,
            IsFiringTold = fires,
            IsMissingTold = isMissingTold,
            Value = judgement.Value,
            Reference = judgement.Reference,
            Measure = judgement.Measure,
            Detail = judgement.Detail,
        };
        if (fires && !before.IsFiringTold)
        {
            tell(AlertEvent.Firing, after);
        }
        else if (isMissingTold && !before.IsMissingTold)
        {
            tell(AlertEvent.NoData, after);
        }
        else if (judgement.Verdict == Verdict.Ok && (before.IsFiringTold || before.IsMissingTold))
        {
            tell(AlertEvent.Resolved, after);
        }

        return after;
    }

    /// <summary>A group's key as one text.</summary>
    public static string KeyOf(ImmutableArray<string?> key) => System.Text.Json.JsonSerializer.Serialize(key);
}
