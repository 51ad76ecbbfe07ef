using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>Reads sets: pages of rows, counts, and single rows and values.</summary>
internal sealed class FeedReader(FeedCatalog catalog, RowReader single, BlockPages blocks, GoldRows gold, AnswerRows answers, MetricQueryService metrics, CursorSeal seal, IOptions<ODataOptions> settings, TimeProvider clock)
{
    /// <summary>Answers a path that begins with a set.</summary>
    /// <exception cref="ProblemException">It is refused.</exception>
    public async Task AnswerAsync(FeedRequest request, FeedOptions options, MetricModel model)
    {
        var context = request.Context;
        var view = CallerView.Of(context, model);
        var path = FeedPath.Of(request.Segments, options.Aliases);
        var hash = FilterText.Fingerprint(string.Join('\n', "page", string.Join('/', request.Segments), view.Text, options.Canonical));
        var token = options.SkipToken is { } text ? PageToken.Read(seal, text, hash) : null;
        if (token is not null && token.Model != model.Revision)
        {
            throw Refusal.Gone("The model was changed.");
        }

        var set = await catalog.FindAsync(view, path.Set, token is { Revision: > 0 } ? token.Revision : null, context.RequestAborted)
            ?? throw Refusal.Unknown($"There is no set '{QueryForm.Short(path.Set)}'.");
        var now = token?.Now ?? clock.GetUtcNow();

        // Of one moment an answer is the same, of the next it may be another, though no row changed.
        var asked = hash + options.SkipToken + (options.DependsOnTime ? now.UtcTicks.ToString(CultureInfo.InvariantCulture) : "");
        if (path.Key is { } key)
        {
            await single.AnswerAsync(request, options, set, key, path.Rest, now);
            return;
        }

        if (path.Rest is not [] and not ["$count"])
        {
            throw Refusal.Unsupported($"This feed has no {QueryForm.Short(path.Rest[0])}.");
        }

        if (set is GoldFeedSet table && IsKnown(context, Tag(request, model, $"{table.Rows.Manifest.Revision}@{table.Rows.Hash}", asked)))
        {
            return;
        }

        var (rows, pipeline) = await PipelineAsync(set, view, options, request, now);
        if (rows is AnswerFeedRows && token is not null && rows.Source != token.Source)
        {
            throw Refusal.Gone("The data has changed since the first page.");
        }

        if (rows is AnswerFeedRows && rows.Source is { } source && IsKnown(context, Tag(request, model, source, asked)))
        {
            return;
        }

        if (path.Rest is [_])
        {
            if (options.HasOthersThan("filter", "search", "apply", "compute", "format"))
            {
                throw Refusal.Bad("/$count takes $filter, $search, $apply and $compute.");
            }

            await WriteTextAsync(context, (await CountAsync(rows, pipeline, context.RequestAborted)).ToString(CultureInfo.InvariantCulture));
            return;
        }

        try
        {
            await AnswerPageAsync(request, options, set, rows, pipeline, token, hash, model.Revision, now);
        }
        catch (GoldStoreException exception) when (exception.IsGone && token is not null && !context.Response.HasStarted)
        {
            // Who waits for a revision that was dropped waits for ever.
            throw Refusal.Gone("The table's rows were replaced or dropped.");
        }
    }

    /// <summary>What an answer is computed from, and how.</summary>
    private async Task<(FeedRows Rows, RowPipeline Pipeline)> PipelineAsync(FeedSet set, CallerView view, FeedOptions options, FeedRequest request, DateTimeOffset now)
    {
        FeedRows rows;
        var apply = options.Apply;
        if (set is GoldFeedSet table)
        {
            rows = new GoldFeedRows(gold, table);
            return (rows, options.Steps is { } steps ? table.Pipeline(steps, () => Read(rows.Columns, set, options, apply, now)) : Read(rows.Columns, set, options, apply, now));
        }

        if (apply is null)
        {
            // Clients look at a set before they ask anything of it.
            rows = options.HasOthersThan("top", "skip", "count", "format", "skiptoken", "select") || request.Segments.Count > 1
                ? throw Refusal.Unsupported($"{set.Name} has rows only by $apply, such as groupby((metric_time__month),aggregate(…)).")
                : new AnswerFeedRows(answers, set.Columns, [], null);
        }
        else
        {
            (rows, apply) = await new MetricsReader(metrics, answers).ReadAsync((MetricsFeedSet)set, view, apply, CallerGate.Known(request.Context), now, request.Context.RequestAborted);
        }

        return (rows, Read(rows.Columns, set, options, apply, now));
    }

    private static RowPipeline Read(ImmutableArray<RowColumn> columns, FeedSet set, FeedOptions options, string? apply, DateTimeOffset now)
    {
        var reader = new ApplyReader(now, set.Customs);
        var pipeline = new RowPipeline([], columns);
        pipeline = apply is null ? pipeline : reader.Read(pipeline, apply);
        pipeline = options.Compute is { } compute ? reader.Compute(pipeline, compute) : pipeline;
        if (options.Search is null && options.Filter is null && options.OrderBy is null)
        {
            return pipeline;
        }

        var expressions = new ExpressionReader(pipeline.Columns, now);
        pipeline = options.Search is { } search ? pipeline.Then(new FilterRows(expressions.Search(search))) : pipeline;
        pipeline = options.Filter is { } filter ? pipeline.Then(new FilterRows(expressions.Filter(filter))) : pipeline;
        return options.OrderBy is { } order ? pipeline.Then(new OrderRows(expressions.OrderBy(order))) : pipeline;
    }

    private async Task AnswerPageAsync(FeedRequest request, FeedOptions options, FeedSet set, FeedRows rows, RowPipeline pipeline, PageToken? token, string hash, string model, DateTimeOffset now)
    {
        var format = PayloadFormat.Of(request.Context.Request, options.Format);
        var selected = Select(pipeline, options.Select);
        var count = options.Count ? token?.Count ?? await CountAsync(rows, pipeline, request.Context.RequestAborted) : (long?)null;
        var size = Math.Min(request.MaxPageSize ?? settings.Value.PageSize, settings.Value.MaxPageSize);
        var page = new FeedPage(request, options, set, rows, pipeline, format, selected, token, hash, model, now, count, size);
        if (!await blocks.TrySendAsync(page))
        {
            await SendAsync(page);
        }
    }

    /// <summary>Sends a page as DuckDB gives it.</summary>
    private Task SendAsync(FeedPage page)
    {
        var (set, rows, pipeline, format, token) = (page.Set, page.Rows, page.Pipeline, page.Format, page.Token);
        var isOfRows = set is GoldFeedSet && pipeline.KeepsRows && pipeline.Columns.Any(c => c.Name == set.Key);

        // Rows that nothing names are counted; the last one of the page before is read once more, to see that the count still leads there.
        var again = token is not null && !page.ByKey ? 1 : 0;
        var asked = new RowPage(
            pipeline,
            [.. page.Selected.Select(c => c.Name), .. isOfRows && format.Level == MetadataLevel.Full ? new[] { set.Key } : []],
            page.ByKey ? token?.After : null,
            token is null ? page.Options.Skip : page.ByKey ? 0 : page.Options.Skip + page.Given - again,
            page.Limit == long.MaxValue ? null : page.Limit + 1 + again);
        var needed = page.ByKey ? asked.Skip + asked.Limit : null;
        var order = RowCompiler.OrderOf(pipeline, rows.Key);
        var orderAt = asked.Select.Length;
        var writer = new RowWriter(page.Selected.Select(c => new WrittenColumn(c, set.Columns.Contains(c))), format, page.Request.OmitsNulls);

        Action<Utf8JsonWriter, DbDataReader>? before = null;
        if (format.Level == MetadataLevel.Full && isOfRows)
        {
            var (typeName, keyAt) = ("#" + FeedModel.TypeName(set), page.Selected.Length);
            before = (json, reader) =>
            {
                json.WriteString("@odata.type", typeName);
                json.WriteString("@odata.id", $"{set.Name}('{Uri.EscapeDataString(reader.GetString(keyAt).Replace("'", "''", StringComparison.Ordinal))}')");
            };
        }

        ImmutableArray<object?> Place(DbDataReader row) => [.. order.Select((o, i) => RowWriter.Value(row, orderAt + i, o.Value.Type.Kind))];

        return FeedStream.SendAsync(page.Request, format, page.Size, async (pipe, cancellation) =>
        {
            await using var json = new Utf8JsonWriter(pipe, AnswerJson.WriterOptions);
            page.WriteHead(json);
            var progress = new PageProgress(page.Limit, Place);
            foreach (var part in asked.Skip == 0 ? rows.PartsOf(pipeline, asked.After, needed) : [pipeline])
            {
                await rows.QueryAsync(
                    rows.TimesOf(part, asked.After, needed),
                    source => RowCompiler.CompilePage(source, asked with { Pipeline = part, Limit = asked.Limit - progress.Wrote }),
                    reader =>
                    {
                        if (again == 1 && !(reader.Read() && token!.After is { } last && PageToken.IsSamePlace(last, Place(reader))))
                        {
                            throw Refusal.Gone("Sums of floating-point numbers came out otherwise than for the page before, and the order with them.");
                        }

                        writer.Write(json, pipe, reader, progress, before);
                        return progress.Wrote;
                    },
                    cancellation);
                if (progress.Next is not null)
                {
                    break;
                }
            }

            page.WriteTail(json, seal, progress.Wrote, progress.Next);
        });
    }

    private static async Task<long> CountAsync(FeedRows rows, RowPipeline pipeline, CancellationToken cancellationToken) =>
        pipeline.Steps.All(s => s is ComputeRows or OrderRows) && rows.Count is { } known ? known : await rows.QueryAsync(rows.TimesOf(pipeline, null), source => RowCompiler.CompileCount(source, pipeline), reader => reader.Read() ? reader.GetInt64(0) : 0, cancellationToken);

    /// <summary>The columns that are asked for.</summary>
    /// <exception cref="ProblemException">400: there is no such column.</exception>
    public static ImmutableArray<RowColumn> Select(RowPipeline pipeline, string? select)
    {
        if (select is null)
        {
            return pipeline.Columns;
        }

        var names = select.Split(',').Select(n => n.Trim()).ToList();
        return [.. names.SelectMany(n => n == "*" ? pipeline.Columns : [pipeline.Columns.FirstOrDefault(c => c.Name == n) ?? throw Refusal.Bad($"There is no property '{QueryForm.Short(n)}' to select.")]).Distinct()];
    }

    private static string Tag(FeedRequest request, MetricModel model, string source, string asked) =>
        FilterText.Fingerprint(string.Join('\n', source, model.Revision, asked, request.Context.Request.Headers.Accept.ToString(), request.Context.Request.QueryString.Value, request.MaxPageSize, request.OmitsNulls, request.ServiceRoot));

    /// <summary>Names the answer, and says whether the caller has it already.</summary>
    private static bool IsKnown(HttpContext context, string tag)
    {
        var value = new EntityTagHeaderValue($"\"{tag}\"", isWeak: true);
        context.Response.GetTypedHeaders().ETag = value;
        if (!context.Request.GetTypedHeaders().IfNoneMatch.Any(k => k.Equals(EntityTagHeaderValue.Any) || k.Compare(value, useStrongComparison: false)))
        {
            return false;
        }

        context.Response.StatusCode = StatusCodes.Status304NotModified;
        return true;
    }

    private static async Task WriteTextAsync(HttpContext context, string text)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(text, context.RequestAborted);
    }
}
