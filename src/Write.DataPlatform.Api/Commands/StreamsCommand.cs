using System.CommandLine;
using System.Text.Json;
using Write.DataPlatform.Api.Health;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Api.Commands;

/// <summary>How far streams are, and what they did not count.</summary>
internal sealed class StreamsCommand : ExampleCommand
{
    private readonly CommandContext _context;

    public StreamsCommand(CommandContext context)
        : base("streams", "Shows how far streams are counted, lists the records that they did not count, and sends these again", "% streams list", "% streams dead-letters visits --reason wrong_type", "% streams replay visits --reason future")
    {
        _context = context;
        var list = new Command("list", "Lists the model's streams with their lag and counts");
        list.SetAction((parse, cancellationToken) => RunAsync(parse, async services =>
        {
            var states = await services.GetRequiredService<StreamStatuses>().GetAsync(services.GetRequiredService<ModelStore>().Current, cancellationToken);
            Print(parse, new { streams = states.Select(s => s.Describe()) });
        }, cancellationToken));
        Subcommands.Add(list);

        var stream = new Argument<string>("STREAM") { Description = "The stream" };
        var reason = new Option<string?>("--reason") { Description = "Only those of a reason", HelpName = "REASON" };
        var limit = new Option<int>("--limit") { Description = "The most to list", HelpName = "N", DefaultValueFactory = _ => 100 };
        var letters = new Command("dead-letters", "Lists records that were not counted, the latest first") { stream, reason, limit };
        letters.SetAction((parse, cancellationToken) => RunAsync(parse, async services =>
        {
            var name = Find(services, parse.GetValue(stream)!).Name;
            var found = await services.GetRequiredService<DeadLetters>().ListAsync(name, cancellationToken)
                .Where(l => parse.GetValue(reason) is not { } wanted || l.Reason == wanted).Take(parse.GetValue(limit)).Select(EventRoutes.Describe).ToListAsync(cancellationToken);
            Print(parse, new { deadLetters = found });
        }, cancellationToken));
        Subcommands.Add(letters);

        var id = new Option<string?>("--id") { Description = "Only this record", HelpName = "ID" };
        var replay = new Command("replay", "Sends records again that were not counted; what is in the lake stays") { stream, reason, id };
        replay.SetAction((parse, cancellationToken) => RunAsync(parse, async services =>
        {
            var definition = Find(services, parse.GetValue(stream)!);
            await services.GetRequiredService<AuditLog>().AddAsync(Caller.Operator, "stream.replay", definition.Name, $"{parse.GetValue(id)} {parse.GetValue(reason)}".Trim(), cancellationToken);
            var (replayed, kept) = await services.GetRequiredService<EventIngest>().ReplayAsync(definition, parse.GetValue(id), parse.GetValue(reason), cancellationToken);
            Print(parse, new { replayed, kept });
        }, cancellationToken));
        Subcommands.Add(replay);
    }

    private static StreamDefinition Find(IServiceProvider services, string name)
    {
        var streams = services.GetRequiredService<ModelStore>().Current.Streams;
        return streams.TryGetValue(name, out var found) ? found
            : throw new UsageException($"There is no stream '{QueryForm.Short(name)}'. {Suggestion.For(name, streams.Keys) ?? (streams.IsEmpty ? "The model has none." : $"There are {string.Join(", ", streams.Keys)}.")}");
    }

    /// <summary>The same as over HTTP; people get it with indents.</summary>
    private void Print(ParseResult parse, object value) =>
        _context.Terminal.Output.WriteLine(JsonSerializer.Serialize(value, parse.GetValue(_context.Json) ? AnswerJson.Options : new JsonSerializerOptions(AnswerJson.Options) { WriteIndented = true }));

    private async Task<int> RunAsync(ParseResult parse, Func<IServiceProvider, Task> work, CancellationToken cancellationToken)
    {
        await using var app = _context.Build(parse);
        await Startup.PrepareAsync(app.Services, cancellationToken);
        await work(app.Services);
        return ExitCode.Done;
    }
}
