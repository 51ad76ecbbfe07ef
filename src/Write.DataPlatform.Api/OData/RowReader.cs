using System.Text;
using System.Text.Json;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>Reads single rows and their values, by key.</summary>
internal sealed class RowReader(GoldRows gold)
{
    /// <summary>Answers a path that leads to a row.</summary>
    /// <exception cref="ProblemException">It is refused.</exception>
    public async Task AnswerAsync(FeedRequest request, FeedOptions options, FeedSet set, string key, IReadOnlyList<string> rest, DateTimeOffset now)
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
        var selected = FeedReader.Select(pipeline, options.Select);
        var writer = new RowWriter(selected.Select(c => new WrittenColumn(c, set.Columns.Contains(c))), format, request.OmitsNulls);
        await FeedStream.SendAsync(request, format, pageSize: null, (pipe, cancellation) => rows.QueryAsync(
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
                    json.WriteString("@odata.context", FeedPage.ContextOf(request, set, selected, pipeline, options) + "/$entity");
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

    private static async Task AnswerPropertyAsync(FeedRequest request, FeedOptions options, FeedRows rows, RowPipeline pipeline, string id, IReadOnlyList<string> rest)
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
}
