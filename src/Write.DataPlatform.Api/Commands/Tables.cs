using System.Globalization;
using Spectre.Console;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Results as people read them.</summary>
internal static class Tables
{
    public static void Answer(Terminal terminal, MetricAnswer answer)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in answer.Columns)
        {
            var shown = new TableColumn(Markup.Escape(column.Name));
            table.AddColumn(IsNumber(column) ? shown.RightAligned() : shown);
        }

        foreach (var row in answer.Rows)
        {
            table.AddRow([.. row.Select((value, i) => new Text(Shown(value, answer.Columns[i])))]);
        }

        if (answer.Totals is { } totals)
        {
            table.AddEmptyRow();
            table.AddRow([.. totals.Select((value, i) => new Text(i == 0 && value is null ? "total" : value is null ? "" : Shown(value, answer.Columns[i])))]);
        }

        terminal.Result.Write(table);
        var served = answer.Served;
        terminal.Say(
            $"{answer.Rows.Count} rows from {string.Join(" and ", served.By)}"
            + (served.Tables.IsEmpty ? "" : $" ({string.Join(", ", served.Tables.Select(t => $"{t.Name} at revision {t.Revision}"))})")
            + (served.AsOf is { } time ? $", as of {AnswerJson.Text(time)}" : ""));
        foreach (var miss in served.Misses)
        {
            terminal.Say($"  gold did not serve: {miss.Code}: {miss.Message}");
        }
    }

    public static void Explanation(Terminal terminal, QueryExplanation explanation)
    {
        var tree = new Tree(new Text($"model {explanation.ModelRevision}, {explanation.TimeRange} in {explanation.TimeZone}"));
        foreach (var leaf in explanation.Leaves)
        {
            var node = tree.AddNode(new Text($"{leaf.SemanticModel}{(leaf.TimeDimension is null ? "" : $" by {leaf.TimeDimension} {leaf.TimeRange}")}{(leaf.Shift is null ? "" : $", moved by {leaf.Shift}")}: {string.Join(", ", leaf.States)}"));
            foreach (var piece in leaf.Pieces)
            {
                var child = node.AddNode(new Text(piece.Table is { } table
                    ? $"{piece.By} {piece.TimeRange}: {table} at revision {piece.Revision}, {piece.Partitions?.Length ?? 0} partitions, {piece.Rows} rows"
                    : $"{piece.By} {piece.TimeRange}"));
                if (piece.Sql is { } sql)
                {
                    child.AddNode(new Text(sql));
                }
            }

            foreach (var miss in leaf.Misses)
            {
                node.AddNode(new Text($"no gold: {miss.Code}: {miss.Message}"));
            }
        }

        tree.AddNode(new Text("finish")).AddNode(new Text(explanation.FinishSql));
        terminal.Result.Write(tree);
    }

    public static void Runs(Terminal terminal, IEnumerable<RefreshRun> runs)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("table", "run", "state");
        foreach (var name in new[] { "partitions", "failed", "rows", "bytes" })
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (var run in runs)
        {
            var done = run.OmittedPartitions + run.Partitions.Count(p => p.State is RunPartitionState.Succeeded or RunPartitionState.Skipped);
            table.AddRow(
                new Text(run.Table), new Text(run.Id), new Text(run.State.ToString().ToLowerInvariant()),
                Number(done), Number(run.Partitions.Count(p => p.State == RunPartitionState.Failed)), Number(run.Partitions.Sum(p => p.Rows)), Number(run.Partitions.Sum(p => p.Bytes)));
        }

        terminal.Result.Write(table);
        foreach (var run in runs)
        {
            foreach (var error in run.Partitions.Where(p => p.State == RunPartitionState.Failed).Select(p => $"{p.Period}: {p.Error}").Prepend(run.Error).Where(e => e is not null))
            {
                terminal.Fail($"{run.Table}: {error}");
            }
        }
    }

    public static void Verifications(Terminal terminal, IEnumerable<GoldVerification> verifications)
    {
        var tables = new Table().Border(TableBorder.Simple).AddColumn("table");
        var states = Enum.GetValues<VerifiedState>();
        foreach (var name in states.Select(s => s.ToString().ToLowerInvariant()).Concat(["rows", "differences"]))
        {
            tables.AddColumn(new TableColumn(name).RightAligned());
        }

        var differences = new Table().Border(TableBorder.Simple).AddColumns("table", "tenant", "partition", "row", "column", "gold", "lake");
        foreach (var found in verifications)
        {
            tables.AddRow(
            [
                new Text(found.Table),
                .. states.Select(s => Number(found.Partitions.Count(p => p.State == s))),
                Number(found.Partitions.Where(p => p.State is VerifiedState.Equal or VerifiedState.Differs).Sum(p => p.Rows)),
                Number(found.DifferenceCount),
            ]);
            foreach (var difference in found.Differences)
            {
                differences.AddRow(
                    new Text(found.Table), new Text(difference.Tenant ?? ""), new Text(difference.Period), new Text(string.Join(", ", difference.Key.Select(k => $"{k.Column} {k.Value ?? "null"}"))),
                    new Text(difference.Column ?? "(row)"), new Text(difference.Gold ?? "null"), new Text(difference.Lake ?? "null"));
            }
        }

        terminal.Result.Write(tables);
        if (differences.Rows.Count > 0)
        {
            terminal.Result.Write(differences);
        }

        foreach (var found in verifications)
        {
            if (found.DifferenceCount > found.Differences.Length)
            {
                terminal.Say($"{found.Table}: {found.DifferenceCount - found.Differences.Length} more differences are not listed.");
            }

            foreach (var partition in found.Partitions.Where(p => p.Reason is not null))
            {
                var what = $"{found.Table} {partition.Period}{(partition.Tenant is null ? "" : " of " + partition.Tenant)}";
                if (partition.State == VerifiedState.Damaged)
                {
                    terminal.Fail($"{what}: {partition.Reason}");
                }
                else
                {
                    terminal.Say($"{what} was not compared: {partition.Reason}");
                }
            }
        }
    }

    public static void Diff(Terminal terminal, ModelDiff diff)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("what", "name", "change", "why");
        foreach (var setting in diff.Settings)
        {
            var at = setting.IndexOf(':', StringComparison.Ordinal);
            table.AddRow(new Text("setting"), new Text(setting[..at]), new Text("changed"), new Text(setting[(at + 2)..]));
        }

        foreach (var gold in diff.GoldTables)
        {
            var change = gold.Change == ModelChange.Changed ? "rebuilt" : gold.Change.ToString().ToLowerInvariant();
            table.AddRow(new Text("gold table"), new Text(gold.Name), new Text(change), new Text(string.Join(", ", gold.Reasons) + (gold.Tenants.IsEmpty ? "" : $" ({string.Join(", ", gold.Tenants)})")));
        }

        foreach (var (what, items) in new[] { ("metric", diff.Metrics), ("insight", diff.Insights) })
        {
            foreach (var item in items)
            {
                table.AddRow(new Text(what), new Text(item.Name), new Text(item.Change.ToString().ToLowerInvariant()), new Text(string.Join(", ", item.Reasons)));
            }
        }

        if (table.Rows.Count == 0)
        {
            terminal.Result.WriteLine("Nothing that a number follows from is different.");
            return;
        }

        terminal.Result.Write(table);
    }

    public static void Keys(Terminal terminal, IReadOnlyList<ApiKey> keys, DateTimeOffset now)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("id", "name", "role", "tenant", "state", "made", "expires", "last used");
        foreach (var key in keys)
        {
            string?[] cells = [key.Id, key.Name, key.Role.ToString().ToLowerInvariant(), key.Tenant, KeyRoutes.StateOf(key, now), Day(key.CreatedAt), Day(key.EndsAt), Day(key.LastUsedAt)];
            table.AddRow(cells.Select(c => new Text(c ?? "")));
        }

        terminal.Result.Write(table);

        static string? Day(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
    }

    public static void Problems(Terminal terminal, QueryException exception)
    {
        foreach (var problem in exception.Problems)
        {
            terminal.Fail($"{(problem.Path is null ? "" : problem.Path + ": ")}{problem.Message} ({problem.Code}){(problem.Suggestion is null ? "" : " " + problem.Suggestion)}");
        }
    }

    private static Text Number(long value) => new(value.ToString("N0", CultureInfo.InvariantCulture));

    private static bool IsNumber(AnswerColumn column) => column.Type.Kind is ColumnKind.Int64 or ColumnKind.Double or ColumnKind.Decimal;

    private static string Shown(object? value, AnswerColumn column) => value switch
    {
        null => "",
        IFormattable number when column.Format is { } format && IsNumber(column) => number.ToString(format, CultureInfo.InvariantCulture),
        double number => number.ToString("0.######", CultureInfo.InvariantCulture),
        _ => AnswerJson.Text(value),
    };
}

/// <summary>An answer as the routes write it, as one text.</summary>
internal static class AnswerText
{
    public static async Task<string> OfAsync(MetricAnswer answer, AnswerFormat format, CancellationToken cancellationToken = default) =>
        System.Text.Encoding.UTF8.GetString((await format.WriteAsync(answer, cancellationToken)).Span);
}
