using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>What a test of an alert came to.</summary>
/// <param name="Alert">The alert.</param>
/// <param name="Evaluation">The evaluation.</param>
/// <param name="Groups">The judged groups, as they would be if nothing had been before.</param>
/// <param name="Dimensions">The names of the groups' keys.</param>
/// <param name="Delivery">The message that was sent; null for none.</param>
internal sealed record TestedAlert(Alert Alert, Evaluation Evaluation, ImmutableArray<GroupState> Groups, ImmutableArray<string> Dimensions, Delivery? Delivery)
{
    /// <summary>The worst of the groups; a failure is an error.</summary>
    public AlertStatus Status => Evaluation.Error is not null ? AlertStatus.Error : Groups.IsEmpty ? AlertStatus.NoData : Groups.Max(g => g.Status);
}

/// <summary>A message that was sent at once.</summary>
/// <param name="MessageId">The message.</param>
/// <param name="IsDelivered">Whether its receiver took it.</param>
/// <param name="Problem">Why not.</param>
internal sealed record Delivery(string MessageId, bool IsDelivered, string? Problem);

/// <summary>Evaluates and sends at once, for who asks; no state changes and nothing waits.</summary>
internal sealed class AlertTests(AlertEvaluator evaluator, AlertMessages messages, WebhookSender sender, TimeProvider clock)
{
    public const string TestType = "alert.test";

    /// <summary>Evaluates an alert now, and sends what it came to as <c>alert.test</c> if wanted.</summary>
    public async Task<TestedAlert> TestAsync(MetricModel model, Alert alert, bool delivers, CancellationToken cancellationToken = default)
    {
        var evaluation = await evaluator.EvaluateAsync(model, alert, cancellationToken);
        var names = AlertMessages.DimensionsOf(model, alert);
        var groups = evaluation.Error is null ? AlertMachine.After(new RuleState(), evaluation.Judgements, names, evaluation.Period, 1, clock.GetUtcNow()).State.Groups : [];
        Delivery? delivery = null;
        if (delivers)
        {
            var message = messages.Of(alert, TestType, groups, names, evaluation.Error, evaluation.Period);
            delivery = alert.Channel is { } channel ? await SendAsync(channel, message, cancellationToken) : new Delivery(message.Id, false, "The alert has no channel.");
        }

        return new TestedAlert(alert, evaluation, groups, names, delivery);
    }

    /// <summary>Makes a report now and sends it.</summary>
    /// <exception cref="Query.QueryException">Its query cannot be answered.</exception>
    /// <exception cref="Lake.LakeException">The lake is needed and failed.</exception>
    /// <exception cref="Gold.GoldStoreException">The gold store failed.</exception>
    /// <exception cref="TimeoutException">The query took too long.</exception>
    public async Task<Delivery> SendAsync(MetricModel model, Report report, CancellationToken cancellationToken = default) =>
        await SendAsync(report.Channel, await messages.MakeAsync(model, report, cancellationToken), cancellationToken);

    /// <summary>A tested alert for programs.</summary>
    public static object Describe(TestedAlert tested) => new
    {
        alert = tested.Alert.Name,
        status = tested.Status,
        period = tested.Evaluation.Period,
        error = tested.Evaluation.Error,
        groups = tested.Groups.Select(g => AlertMessages.Describe(g, tested.Dimensions)),
        delivery = tested.Delivery,
    };

    private async Task<Delivery> SendAsync(string channel, WebhookMessage message, CancellationToken cancellationToken)
    {
        var problem = (await sender.SendAsync(channel, message, cancellationToken)).Problem;
        return new Delivery(message.Id, problem is null, problem);
    }
}
