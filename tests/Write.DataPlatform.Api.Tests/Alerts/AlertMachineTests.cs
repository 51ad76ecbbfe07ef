using Write.DataPlatform.Api.Alerts;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>Groups that are in no row: while the data are not whole, after a while, and very many of them.</summary>
public sealed class AlertMachineTests
{
    private RuleState _state = new();
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

    [Fact]
    public void What_is_in_no_row_while_the_data_are_not_whole_is_neither_over_nor_forgotten()
    {
        Assert.Equal([(AlertEvent.Firing, "FR")], Evaluate(null, Broken("FR"), Ok("DE")));
        Assert.Equal([(AlertEvent.NoData, "DE")], Evaluate("The data end.").Where(t => t.Group == "DE"));
        for (var hour = 0; hour < 3 * AlertMachine.Forgotten; hour++)
        {
            Assert.Empty(Evaluate("The data end."));
        }

        Assert.Equal(["DE", "FR"], _state.Groups.Select(g => g.Key.Single()).Order());
        Assert.All(_state.Groups, g => Assert.Equal((AlertStatus.NoData, "The data end."), (g.Status, g.Detail)));
        Assert.Equal(AlertStatus.Firing, _state.Status);

        // With the data it goes on as it was, and one that has no row then is only beginning to be gone.
        Assert.Empty(Evaluate(null, Broken("FR")));
        Assert.Contains(_state.Groups, g => g.Key.Single() == "DE");
        Assert.Equal([(AlertEvent.Resolved, "FR")], Evaluate(null, Ok("FR")));
    }

    [Fact]
    public void One_without_a_value_for_long_is_not_gone_at_once_when_it_has_no_row()
    {
        Evaluate(null, Broken("FR"));
        for (var hour = 0; hour <= AlertMachine.Forgotten; hour++)
        {
            Evaluate("The data end.", NoData("FR"));
        }

        for (var hour = 1; hour < AlertMachine.Forgotten; hour++)
        {
            Assert.Empty(Evaluate(null));
        }

        Assert.Equal([(AlertEvent.Resolved, "FR")], Evaluate(null));
        Assert.Empty(_state.Groups);
    }

    /// <summary>An alert by article: every hour has others.</summary>
    [Fact]
    public void Of_very_many_that_are_gone_the_oldest_are_over_and_the_state_stays_small()
    {
        var told = new List<(AlertEvent Event, string? Group)>(Evaluate(null, Broken("firing")));
        for (var hour = 0; hour < 20; hour++)
        {
            told.AddRange(Evaluate(null, [.. Enumerable.Range(0, AlertEvaluator.MaxGroups).Select(i => Ok($"{hour}/{i}"))]));
            Assert.InRange(_state.Groups.Length, AlertEvaluator.MaxGroups, AlertEvaluator.MaxGroups + AlertMachine.MaxGone);
        }

        Assert.Contains(_state.Groups, g => g.Key.Single() == "firing");
        Assert.Contains(_state.Groups, g => g.Key.Single() == "18/0");
        Assert.DoesNotContain(_state.Groups, g => g.Key.Single() == "5/0");
        // What was told is told as over, once, whenever it is forgotten.
        var watched = _state.Groups.Select(g => g.Key.Single()).ToHashSet();
        Assert.Equal(told.Where(t => t.Event == AlertEvent.NoData && !watched.Contains(t.Group)).Select(t => t.Group).Order(), told.Where(t => t.Event == AlertEvent.Resolved).Select(t => t.Group).Order());

        Evaluate(null, [.. Enumerable.Range(0, 400).Select(i => Ok(new string('x', 700) + i))]);
        Evaluate(null);
        Assert.InRange(_state.Groups.Sum(g => g.Key.Single()!.Length), 50_000, 100_000);
    }

    private List<(AlertEvent Event, string? Group)> Evaluate(string? gap, params Judgement[] judgements)
    {
        (_state, var told) = AlertMachine.After(_state, new Evaluation([.. judgements], "", null, gap), ["country"], 1, _now += TimeSpan.FromHours(1));
        return [.. told.SelectMany(t => t.Groups, (t, g) => (t.Event, g.Key.Single()))];
    }

    private static Judgement Ok(string key) => new([key], Verdict.Ok, 1, null, null, "1");

    private static Judgement Broken(string key) => new([key], Verdict.Broken, 0, null, null, "0");

    private static Judgement NoData(string key) => new([key], Verdict.NoData, null, null, null, "The data end.");
}
