using System.Collections.Immutable;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>Reads sets: pages of rows, counts, and single rows and values.</summary>
internal sealed class FeedReader(FeedCatalog catalog, GoldRows gold, AnswerRows answers, MetricQueryService metrics, CursorSeal seal, IOptions<ODataOptions> settings, TimeProvider clock)
{
    /// <summary>What is held back until it is sure that the query runs.</summary>
    private const int HeldBytes = 64 * 1024;

    /// <summary>Answers a path that begins with a set.</summary>
    /// <exception cref="ProblemException">It is refused.</exception>
    public async Task AnswerAsync(FeedRequest request, FeedOptions options, MetricModel model)
    {
        var context = request.Context;
        var view = CallerView.Of(context, model);
        var (name, key) = SetAndKey(request.Segments[0]);
        var hash = FilterText.Hash(string.Join('\n', "page", string.Join('/', request.Segments), view.Text, model.Revision, options.Canonical));
        var token = options.SkipToken is { } text ? PageToken.Read(seal, text, hash) : null;
        var set = await catalog.FindAsync(view, name, token is { Revision: > 0 } ? token.Revision : null, context.RequestAborted)
            ?? throw Refusal.Unknown($"There is no set '{QueryForm.Short(name)}'.");
        var now = token?.Now ?? clock.GetUtcNow();
        var rest = request.Segments.Skip(1).ToList();
        if (key is not null)
        {
            await AnswerKeyAsync(request, options, set, key, rest, now);
            return;
        }

        if (rest.Count > 1 || (rest.Count == 1 && rest[0] != "$count"))
        {
            throw rest[0].StartsWith('$') ? Refusal.Unsupported($"This feed has no {QueryForm.Short(rest[0])}.") : Refusal.Unknown("There is nothing at this path; a row is read as Set('key').");
        }

        if (set is GoldFeedSet table && IsKnown(context, Tag(request, model, $"{table.Rows.Manifest.Revision}@{table.Rows.Hash}", hash + options.SkipToken)))
        {
            return;
        }

        var (rows, pipeline) = await PipelineAsync(set, view, options, request, now);
        if (rows is AnswerFeedRows && token is not null && rows.Source != token.Source)
        {
            throw Refusal.Gone("The data has changed since the first page.");
        }

        if (rows is AnswerFeedRows && rows.Source is { } source && IsKnown(context, Tag(request, model, source, hash + options.SkipToken)))
        {
            return;
        }

        if (rest.Count == 1)
        {
            if (options.HasOthersThan("filter", "search", "apply", "compute", "format"))
            {
                throw Refusal.Bad("/$count takes $filter, $search, $apply and $compute.");
            }

            await WriteTextAsync(context, (await CountAsync(rows, pipeline, context.RequestAborted)).ToString(CultureInfo.InvariantCulture));
            return;
        }

        await AnswerPageAsync(request, options, set, rows, pipeline, token, hash, now);
    }

    /// <summary>What an answer is computed from, and how.</summary>
    private async Task<(FeedRows Rows, RowPipeline Pipeline)> PipelineAsync(FeedSet set, CallerView view, FeedOptions options, FeedRequest request, DateTimeOffset now)
    {
        FeedRows rows;
        var apply = options.Apply;
        if (set is GoldFeedSet table)
        {
            rows = new GoldFeedRows(gold, table);
        }
        else if (apply is null)
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

        var reader = new ApplyReader(now, set.Customs);
        var pipeline = new RowPipeline([], rows.Columns);
        pipeline = apply is null ? pipeline : reader.Read(pipeline, apply);
        pipeline = options.Compute is { } compute ? reader.Compute(pipeline, compute) : pipeline;
        var expressions = new ExpressionReader(pipeline.Columns, now);
        pipeline = options.Search is { } search ? pipeline.Then(new FilterRows(expressions.Search(search))) : pipeline;
        pipeline = options.Filter is { } filter ? pipeline.Then(new FilterRows(expressions.Filter(filter))) : pipeline;
        return (rows, options.OrderBy is { } order ? pipeline.Then(new OrderRows(expressions.OrderBy(order))) : pipeline);
    }

    private async Task AnswerPageAsync(FeedRequest request, FeedOptions options, FeedSet set, FeedRows rows, RowPipeline pipeline, PageToken? token, string hash, DateTimeOffset now)
    {
        var context = request.Context;
        var format = PayloadFormat.Of(context.Request, options.Format);
        var selected = Select(pipeline, options.Select);
        var isOfRows = set is GoldFeedSet && pipeline.KeepsRows && pipeline.Columns.Any(c => c.Name == set.Key);
        var written = selected.Select(c => new WrittenColumn(c, set.Columns.Contains(c))).ToList();
        var byKey = rows.HasKeys && pipeline.KeepsRows;
        var range = rows.TimesOf(pipeline, token?.After);
        var count = options.Count ? token?.Count ?? await CountAsync(rows, pipeline, context.RequestAborted) : (long?)null;

        // Without something to pin them to, pages would not fit together: then there is one.
        var size = Math.Min(request.MaxPageSize ?? settings.Value.PageSize, settings.Value.MaxPageSize);
        var isPaged = rows.Source is not null;
        var given = token?.Given ?? 0;
        var left = options.Top is { } top ? Math.Max(0, top - given) : long.MaxValue;
        var limit = isPaged ? Math.Min(size, left) : left;
        var page = new RowPage(
            pipeline,
            [.. selected.Select(c => c.Name), .. isOfRows && format.Level == MetadataLevel.Full ? new[] { set.Key } : []],
            byKey ? token?.After : null,
            token is null ? options.Skip : byKey ? 0 : options.Skip + given,
            limit == long.MaxValue ? null : limit + 1);
        var order = RowCompiler.OrderOf(pipeline, rows.Key);
        var orderAt = page.Select.Length;
        var writer = new RowWriter(written, format, request.OmitsNulls);

        Action<Utf8JsonWriter, System.Data.Common.DbDataReader>? before = null;
        if (format.Level == MetadataLevel.Full && isOfRows)
        {
            var (typeName, keyAt) = ("#" + FeedModel.TypeName(set), selected.Length);
            before = (json, reader) =>
            {
                json.WriteString("@odata.type", typeName);
                json.WriteString("@odata.id", $"{set.Name}('{Uri.EscapeDataString(reader.GetString(keyAt).Replace("'", "''", StringComparison.Ordinal))}')");
            };
        }

        var head = (Context: ContextOf(request, set, selected, pipeline, options), Count: count);
        await StreamAsync(request, format, (pipe, cancellation) => rows.QueryAsync(
            range,
            source => RowCompiler.CompilePage(source, page),
            reader =>
            {
                using var json = new Utf8JsonWriter(pipe, AnswerJson.WriterOptions);
                json.WriteStartObject();
                if (format.Level != MetadataLevel.None)
                {
                    json.WriteString("@odata.context", head.Context);
                }

                if (head.Count is { } n)
                {
                    json.WriteNumber("@odata.count", n);
                }

                if (set is MetricsFeedSet && options.Apply is null)
                {
                    json.WriteString("@Write.Note", "This set has rows by $apply alone.");
                }

                json.WriteStartArray("value");
                var wrote = writer.Write(json, pipe, reader, limit, before, last => byKey ? [.. order.Select((o, i) => RowWriter.Value(last, orderAt + i, o.Value.Type.Kind))] : [], out var next);
                json.WriteEndArray();
                if (next is { } after && wrote < left && isPaged)
                {
                    var following = new PageToken(hash, rows.Source!, rows.Revision, now, given + wrote, count, byKey ? after : null);
                    json.WriteString("@odata.nextLink", NextLink(request, following.Write(seal)));
                }

                json.WriteEndObject();
                json.Flush();
                return wrote;
            },
            cancellation));
    }

    private async Task AnswerKeyAsync(FeedRequest request, FeedOptions options, FeedSet set, string key, List<string> rest, DateTimeOffset now)
    {
        var context = request.Context;
        if (options.HasOthersThan("select", "compute", "format"))
        {
            throw Refusal.Bad("One row takes $select and $compute.");
        }

        if (set is not GoldFeedSet table || table.Rows.View.ParseKey(key) is not { } parsed)
        {
            throw Refusal.Unknown($"{set.Name} has no row '{QueryForm.Short(key)}'.");
        }

        var view = table.Rows.View;
        object time = view.HasDates ? DateOnly.FromDateTime(parsed.Time) : DateTime.SpecifyKind(parsed.Time, DateTimeKind.Utc);
        var pipeline = new RowPipeline([], table.Columns)
            .Then(new FilterRows(Operators.Compare(RowFunction.Equal, new RowColumnValue(view.Time, table.Rows.Types[view.Time]), new RowConstant(time, table.Rows.Types[view.Time]))))
            .Then(new FilterRows(Operators.Compare(RowFunction.Equal, new RowColumnValue(view.Key, RowType.String), new RowConstant(key, RowType.String))));
        pipeline = options.Compute is { } compute ? new ApplyReader(now, set.Customs).Compute(pipeline, compute) : pipeline;
        var rows = new GoldFeedRows(gold, table);
        var id = $"{set.Name}('{Uri.EscapeDataString(key.Replace("'", "''", StringComparison.Ordinal))}')";
        if (rest.Count > 0)
        {
            await AnswerPropertyAsync(request, options, rows, pipeline, id, rest);
            return;
        }

        var format = PayloadFormat.Of(context.Request, options.Format);
        var selected = Select(pipeline, options.Select);
        var writer = new RowWriter(selected.Select(c => new WrittenColumn(c, set.Columns.Contains(c))), format, request.OmitsNulls);
        await StreamAsync(request, format, (pipe, cancellation) => rows.QueryAsync(
            rows.TimesOf(pipeline, null),
            source => RowCompiler.CompilePage(source, new RowPage(pipeline, [.. selected.Select(c => c.Name)], null, 0, 1)),
            reader =>
            {
                if (!reader.Read())
                {
                    throw Refusal.Unknown($"{set.Name} has no row '{QueryForm.Short(key)}'.");
                }

                using var json = new Utf8JsonWriter(pipe, AnswerJson.WriterOptions);
                json.WriteStartObject();
                if (format.Level != MetadataLevel.None)
                {
                    json.WriteString("@odata.context", ContextOf(request, set, selected, pipeline, options) + "/$entity");
                }

                if (format.Level == MetadataLevel.Full)
                {
                    json.WriteString("@odata.type", "#" + FeedModel.TypeName(set));
                    json.WriteString("@odata.id", id);
                }

                writer.WriteColumns(json, reader);
                json.WriteEndObject();
                json.Flush();
                return 0;
            },
            cancellation));
    }

    private static async Task AnswerPropertyAsync(FeedRequest request, FeedOptions options, FeedRows rows, RowPipeline pipeline, string id, List<string> rest)
    {
        var context = request.Context;
        var column = pipeline.Columns.FirstOrDefault(c => c.Name == rest[0]) ?? throw Refusal.Unknown($"There is no property '{QueryForm.Short(rest[0])}'.");
        if (rest.Count > 2 || (rest.Count == 2 && rest[1] != "$value"))
        {
            throw Refusal.Unknown("There is nothing at this path.");
        }

        var isRaw = rest.Count == 2;
        var format = isRaw ? new PayloadFormat(MetadataLevel.Minimal, false) : PayloadFormat.Of(context.Request, options.Format);
        using var body = new MemoryStream();
        var found = await rows.QueryAsync(
            rows.TimesOf(pipeline, null),
            source => RowCompiler.CompilePage(source, new RowPage(pipeline, [column.Name], null, 0, 1)),
            reader =>
            {
                if (!reader.Read())
                {
                    throw Refusal.Unknown("There is no such row.");
                }

                if (reader.IsDBNull(0))
                {
                    return false;
                }

                if (isRaw)
                {
                    body.Write(Encoding.UTF8.GetBytes(RowWriter.Text(reader, 0, column.Type.Kind)));
                    return true;
                }

                using var json = new Utf8JsonWriter(body, AnswerJson.WriterOptions);
                json.WriteStartObject();
                if (format.Level != MetadataLevel.None)
                {
                    json.WriteString("@odata.context", $"{request.ServiceRoot}/$metadata#{id}/{column.Name}");
                }

                json.WritePropertyName("value");
                RowWriter.WriteValue(json, reader, 0, column.Type.Kind, format.NumbersAsText);
                json.WriteEndObject();
                return true;
            },
            context.RequestAborted);
        context.Response.StatusCode = found ? StatusCodes.Status200OK : StatusCodes.Status204NoContent;
        if (found)
        {
            context.Response.ContentType = isRaw ? "text/plain; charset=utf-8" : format.ContentType;
            await context.Response.Body.WriteAsync(body.GetBuffer().AsMemory(0, (int)body.Length), context.RequestAborted);
        }
    }

    private static Task<long> CountAsync(FeedRows rows, RowPipeline pipeline, CancellationToken cancellationToken) =>
        rows.QueryAsync(rows.TimesOf(pipeline, null), source => RowCompiler.CompileCount(source, pipeline), reader => reader.Read() ? reader.GetInt64(0) : 0, cancellationToken);

    /// <summary>
    /// Lets a query write while its answer is sent. The query never waits for the caller, for it holds one of few sessions; what a slow caller has not read is
    /// bounded by the page. Until the first bytes are sure a failure is a status, and after them it breaks the connection.
    /// </summary>
    private static async Task StreamAsync(FeedRequest request, PayloadFormat format, Func<PipeWriter, CancellationToken, Task> write)
    {
        var context = request.Context;
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var writing = WriteAsync();
        try
        {
            var first = await pipe.Reader.ReadAtLeastAsync(HeldBytes, context.RequestAborted);
            pipe.Reader.AdvanceTo(first.Buffer.Start);
            context.Response.ContentType = format.ContentType;
            if (request.OmitsNulls || request.MaxPageSize is not null)
            {
                context.Response.Headers["Preference-Applied"] = string.Join(", ", new[]
                {
                    request.OmitsNulls ? "omit-values=nulls" : null,
                    request.MaxPageSize is { } size ? "odata.maxpagesize=" + size.ToString(CultureInfo.InvariantCulture) : null,
                }.Where(p => p is not null));
            }

            await pipe.Reader.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
        finally
        {
            await pipe.Reader.CompleteAsync();
            await stop.CancelAsync();
            await writing;
        }

        async Task WriteAsync()
        {
            try
            {
                await write(pipe.Writer, stop.Token);
                await pipe.Writer.CompleteAsync();
            }
            catch (Exception exception)
            {
                await pipe.Writer.CompleteAsync(exception);
            }
        }
    }

    private static ImmutableArray<RowColumn> Select(RowPipeline pipeline, string? select)
    {
        if (select is null)
        {
            return pipeline.Columns;
        }

        var names = select.Split(',').Select(n => n.Trim()).ToList();
        return [.. names.SelectMany(n => n == "*" ? pipeline.Columns : [pipeline.Columns.FirstOrDefault(c => c.Name == n) ?? throw Refusal.Bad($"There is no property '{QueryForm.Short(n)}' to select.")]).Distinct()];
    }

    private static string ContextOf(FeedRequest request, FeedSet set, ImmutableArray<RowColumn> selected, RowPipeline pipeline, FeedOptions options) =>
        request.ServiceRoot + "/$metadata#" + set.Name
        + (options.Select is null && options.Compute is null && pipeline.Columns.SequenceEqual(set.Columns) ? "" : "(" + string.Join(',', selected.Select(c => c.Name)) + ")");

    /// <summary>The same address with another token, its options as the caller spelt them.</summary>
    private static string NextLink(FeedRequest request, string token)
    {
        var query = (request.Context.Request.QueryString.Value ?? "").TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Where(p => Uri.UnescapeDataString(p.Split('=')[0]).TrimStart('$').ToLowerInvariant() is not ("skiptoken" or PresentedKey.Parameter));
        return $"{request.ServiceRoot}/{string.Join('/', request.Segments.Select(Uri.EscapeDataString))}?{string.Join('&', query.Append("$skiptoken=" + token))}";
    }

    private static string Tag(FeedRequest request, MetricModel model, string source, string asked) =>
        FilterText.Hash(string.Join('\n', source, model.Revision, asked, request.Context.Request.Headers.Accept.ToString(), request.Context.Request.QueryString.Value, request.MaxPageSize, request.OmitsNulls, request.ServiceRoot));

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

    private static (string Name, string? Key) SetAndKey(string segment)
    {
        var open = segment.IndexOf('(', StringComparison.Ordinal);
        if (open < 0)
        {
            return (segment, null);
        }

        var inner = segment.EndsWith(')') ? segment[(open + 1)..^1].Trim() : throw Refusal.Bad("A parenthesis is missing in the path.");
        var equals = inner.IndexOf('=', StringComparison.Ordinal);
        var quote = inner.IndexOf('\'', StringComparison.Ordinal);
        var literal = equals > 0 && equals < quote ? inner[(equals + 1)..].Trim() : inner;
        return Literals.Read(literal) is { Value: string key } ? (segment[..open], key) : throw Refusal.Bad("A key is a text in quotes.");
    }
}
