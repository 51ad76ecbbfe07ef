using System.CommandLine;
using System.Text.Json;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Makes, lists and revokes callers' keys.</summary>
internal sealed class KeysCommand : ExampleCommand
{
    private readonly CommandContext _context;

    public KeysCommand(CommandContext context)
        : base("keys", "Makes, lists and revokes callers' keys", "% keys create \"Acme's reports\" --tenant acme --expires 365d", "% keys create \"Power BI\" --role analyst", "% keys list", "% keys revoke 0123456789abcdef")
    {
        _context = context;
        Subcommands.Add(Create());
        Subcommands.Add(List());
        Subcommands.Add(Revoke());
        Subcommands.Add(Rotate());
    }

    private Command Create()
    {
        var name = new Argument<string>("NAME") { Description = "Whose it is or what for" };
        var tenant = new Option<string?>("--tenant") { Description = "The tenant whose rows it sees", HelpName = "TENANT" };
        var role = new Option<string?>("--role") { Description = "What it may do, if it is no tenant's, or a role of the model", HelpName = "analyst|operator|producer|ROLE" };
        var attributes = new Option<string[]>("--attribute") { Description = "A value for row policies; may be repeated", HelpName = "NAME=VALUE", AllowMultipleArgumentsPerToken = false };
        attributes.Validators.Add(result =>
        {
            if (result.Tokens.Any(t => t.Value.IndexOf('=', StringComparison.Ordinal) < 1))
            {
                result.AddError("--attribute takes NAME=VALUE.");
            }
        });
        var expires = new Option<string?>("--expires") { Description = "How long it is good; for ever if left out", HelpName = "90d" };
        var command = new Command("create", "Makes a key and prints it, this once") { name, tenant, role, expires, attributes };
        command.SetAction((parse, cancellationToken) => RunAsync(parse, async (services, keys, audit) =>
        {
            var form = new QueryForm();
            var wanted = WantedKey.Read(
                parse.GetValue(name), parse.GetValue(role), parse.GetValue(tenant), parse.GetValue(expires),
                parse.GetValue(attributes)?.Select(a => a.Split('=', 2)).GroupBy(a => a[0]).ToDictionary(g => g.Key, g => g.Select(a => a[1]).ToArray()), services.GetRequiredService<ModelStore>().Current,
                services.GetRequiredService<TimeProvider>().GetUtcNow(), form);
            form.ThrowIfAny();
            await audit.AddAsync(Caller.Operator, "key.create", wanted!.Name, KeyRoutes.Told(wanted), cancellationToken);
            var (key, text) = await keys.CreateAsync(wanted.Name, wanted.Role, wanted.Tenant, wanted.ExpiresAt, wanted.Grant, cancellationToken);
            Print(parse, services, key, text);
            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    private Command List()
    {
        var command = new Command("list", "Lists all keys, without their secrets");
        command.SetAction((parse, cancellationToken) => RunAsync(parse, async (services, keys, _) =>
        {
            var (found, now) = (await keys.ListAsync(cancellationToken), services.GetRequiredService<TimeProvider>().GetUtcNow());
            if (parse.GetValue(_context.Json))
            {
                _context.Terminal.Output.WriteLine(JsonSerializer.Serialize(new { keys = found.Select(k => KeyRoutes.Describe(k, now)) }, AnswerJson.Options));
            }
            else
            {
                Tables.Keys(_context.Terminal, found, now);
            }

            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    private Command Revoke()
    {
        var id = Id();
        var command = new Command("revoke", "Refuses a key from now on; servers notice within three seconds") { id };
        command.SetAction((parse, cancellationToken) => RunAsync(parse, async (services, keys, audit) =>
        {
            await audit.AddAsync(Caller.Operator, "key.revoke", QueryForm.Short(parse.GetValue(id)!), null, cancellationToken);
            if (await keys.RevokeAsync(parse.GetValue(id)!, cancellationToken) is not { } key)
            {
                return Unknown(parse.GetValue(id)!);
            }

            Print(parse, services, key, null);
            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    private Command Rotate()
    {
        var id = Id();
        var overlap = new Option<string>("--overlap") { Description = "How long the old key is good yet", HelpName = "1d", DefaultValueFactory = _ => "1d" };
        var command = new Command("rotate", "Makes a key's successor and prints it, this once") { id, overlap };
        command.SetAction((parse, cancellationToken) => RunAsync(parse, async (services, keys, audit) =>
        {
            if (Spelling.Duration(parse.GetValue(overlap)!) is not { } span || !WantedKey.IsGoodSpan(span))
            {
                throw new UsageException($"'{parse.GetValue(overlap)}' is no duration such as 1h or 7d, up to ten years.");
            }

            await audit.AddAsync(Caller.Operator, "key.rotate", QueryForm.Short(parse.GetValue(id)!), $"The old key is good for {span:c} yet.", cancellationToken);
            if (await keys.RotateAsync(parse.GetValue(id)!, span, cancellationToken) is not var (key, text))
            {
                return Unknown(parse.GetValue(id)!);
            }

            Print(parse, services, key, text);
            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    private static Argument<string> Id() => new("ID") { Description = "The key's id, as the list has it" };

    private async Task<int> RunAsync(ParseResult parse, Func<IServiceProvider, ApiKeys, AuditLog, Task<int>> act, CancellationToken cancellationToken)
    {
        await using var app = _context.Build(parse);
        await Startup.PrepareAsync(app.Services, cancellationToken);
        return await act(app.Services, app.Services.GetRequiredService<ApiKeys>(), app.Services.GetRequiredService<AuditLog>());
    }

    private int Unknown(string id)
    {
        _context.Terminal.Fail($"There is no key '{QueryForm.Short(id)}' that could be changed. 'keys list' has them.");
        return ExitCode.Failed;
    }

    private void Print(ParseResult parse, IServiceProvider services, ApiKey key, string? text)
    {
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        if (parse.GetValue(_context.Json))
        {
            _context.Terminal.Output.WriteLine(JsonSerializer.Serialize(new { key = text, about = KeyRoutes.Describe(key, now) }, AnswerJson.Options));
            return;
        }

        if (text is not null)
        {
            _context.Terminal.Output.WriteLine(text);
            _context.Terminal.Say("It is not shown again.");
        }

        Tables.Keys(_context.Terminal, [key], now);
    }
}
