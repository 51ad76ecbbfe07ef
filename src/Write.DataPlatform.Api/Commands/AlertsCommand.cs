using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Commands;

/// <summary>How alerts are, and one evaluated at once.</summary>
internal sealed class AlertsCommand : ExampleCommand
{
    public AlertsCommand(CommandContext context)
        : base("alerts", "Lists the model's alerts with their states, and evaluates one at once", "% alerts list", "% alerts test visits-fell", "% alerts test visits-fell --deliver")
    {
        var list = new Command("list", "Lists alerts and reports as the last evaluations left them");
        list.SetAction((parse, cancellationToken) => RuleCommands.RunAsync(context, parse, async services =>
        {
            var found = await services.GetRequiredService<AlertStatuses>().GetAsync(services.GetRequiredService<ModelStore>().Current, cancellationToken);
            if (parse.GetValue(context.Json))
            {
                RuleCommands.Print(context, new { alerts = found.Where(r => r.Alert is not null).Select(r => r.Describe(all: true)), reports = found.Where(r => r.Report is not null).Select(r => r.Describe(all: true)) });
                return ExitCode.Done;
            }

            var table = new Table().Border(TableBorder.Simple).AddColumns("rule", "status", "tenant", "channel", "evaluated", "next", "detail");
            foreach (var rule in found)
            {
                static string Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "never";
                var detail = rule.Problems.FirstOrDefault() ?? rule.State.Groups.Where(g => g.IsFiringTold || g.Status == rule.State.Status).Select(g => string.Join(' ', g.Key.Append(g.Detail))).FirstOrDefault() ?? "";
                table.AddRow([.. new[] { rule.Name.Name, JsonNamingPolicy.CamelCase.ConvertName(rule.Report is not null ? rule.ReportStatus.ToString() : rule.State.Status.ToString()), rule.Alert?.Tenant ?? rule.Report?.Tenant ?? "", rule.Alert?.Channel ?? rule.Report?.Channel ?? "", Time(rule.State.EvaluatedAt), Time(rule.Next), detail }.Select(t => new Text(t))]);
            }

            context.Terminal.Result.Write(table);
            return ExitCode.Done;
        }, cancellationToken));
        Subcommands.Add(list);

        var name = new Argument<string>("NAME") { Description = "The alert" };
        var deliver = new Option<bool>("--deliver") { Description = "Sends what it comes to to the alert's channel, as alert.test" };
        var test = new Command("test", "Evaluates an alert now and changes no state; fails if it cannot be evaluated or delivered") { name, deliver };
        test.SetAction((parse, cancellationToken) => RuleCommands.RunAsync(context, parse, async services =>
        {
            var model = services.GetRequiredService<ModelStore>().Current;
            var alert = RuleCommands.Find("alert", parse.GetValue(name)!, model.Alerts);
            var tested = await services.GetRequiredService<AlertTests>().TestAsync(model, alert, parse.GetValue(deliver), cancellationToken);
            if (parse.GetValue(context.Json))
            {
                RuleCommands.Print(context, AlertTests.Describe(tested));
            }
            else
            {
                context.Terminal.Output.WriteLine($"{alert.Name}: {JsonNamingPolicy.CamelCase.ConvertName(tested.Status.ToString())}{(tested.Evaluation.Period.Length > 0 ? $", {tested.Evaluation.Period}" : "")}");
                foreach (var group in tested.Groups)
                {
                    context.Terminal.Output.WriteLine($"  {JsonNamingPolicy.CamelCase.ConvertName(group.Status.ToString()),-8} {string.Join(", ", group.Key.Select(k => k ?? "null"))}{(group.Key.IsEmpty ? "" : ": ")}{group.Detail}");
                }
            }

            if (tested.Evaluation.Error is { } error)
            {
                context.Terminal.Fail(error);
            }

            return RuleCommands.Tell(context, tested.Delivery) && tested.Evaluation.Error is null ? ExitCode.Done : ExitCode.Failed;
        }, cancellationToken));
        Subcommands.Add(test);
    }
}

/// <summary>Sends a report at once.</summary>
internal sealed class ReportsCommand : ExampleCommand
{
    public ReportsCommand(CommandContext context)
        : base("reports", "Sends a report at once", "% reports send weekly-visits")
    {
        var name = new Argument<string>("NAME") { Description = "The report" };
        var send = new Command("send", "Makes a report now and sends it to its channel; fails if it is not taken") { name };
        send.SetAction((parse, cancellationToken) => RuleCommands.RunAsync(context, parse, async services =>
        {
            var model = services.GetRequiredService<ModelStore>().Current;
            var report = RuleCommands.Find("report", parse.GetValue(name)!, model.Reports);
            try
            {
                var delivery = await services.GetRequiredService<AlertTests>().SendAsync(model, report, cancellationToken);
                if (parse.GetValue(context.Json))
                {
                    RuleCommands.Print(context, delivery);
                }

                return RuleCommands.Tell(context, delivery) ? ExitCode.Done : ExitCode.Failed;
            }
            catch (TimeoutException exception)
            {
                context.Terminal.Fail(exception.Message);
                return ExitCode.Failed;
            }
        }, cancellationToken));
        Subcommands.Add(send);
    }
}

/// <summary>What both commands share.</summary>
internal static class RuleCommands
{
    /// <exception cref="UsageException">There is none of the name.</exception>
    public static T Find<T>(string what, string name, IReadOnlyDictionary<string, T> rules) where T : class => rules.TryGetValue(name, out var found) ? found
        : throw new UsageException($"There is no {what} '{QueryForm.Short(name)}'. {Suggestion.For(name, rules.Keys) ?? (rules.Count == 0 ? "The model has none." : $"There are {string.Join(", ", rules.Keys)}.")}");

    public static void Print(CommandContext context, object value) => context.Terminal.Output.WriteLine(JsonSerializer.Serialize(value, AnswerJson.Options));

    /// <summary>Says what became of a message; true if none was refused.</summary>
    public static bool Tell(CommandContext context, Delivery? delivery)
    {
        if (delivery is { IsDelivered: true })
        {
            context.Terminal.Say($"Delivered as {delivery.MessageId}.");
        }
        else if (delivery is not null)
        {
            context.Terminal.Fail($"Not delivered: {delivery.Problem}");
        }

        return delivery is null or { IsDelivered: true };
    }

    public static async Task<int> RunAsync(CommandContext context, ParseResult parse, Func<IServiceProvider, Task<int>> work, CancellationToken cancellationToken)
    {
        await using var app = context.Build(parse);
        await Startup.PrepareAsync(app.Services, cancellationToken);
        return await work(app.Services);
    }
}
