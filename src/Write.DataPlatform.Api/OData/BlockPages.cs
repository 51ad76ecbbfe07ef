using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>
/// Sends pages of rows as they are stored, from blocks: in the order of their key, all or those of plain comparisons. DuckDB is not asked, and the answer goes as fast as its reader
/// takes it. Whatever else a page asks is DuckDB's.
/// </summary>
internal sealed class BlockPages(RowBlocks blocks, CursorSeal seal)
{
    private const int SentBytes = 60 * 1024;
    private const int FirstBytes = 4 * 1024;
    private const int RowBytes = 256;

    /// <summary>Sends a page, if blocks give it now.</summary>
    /// <returns>Whether it was sent.</returns>
    /// <exception cref="Gold.GoldStoreException">The store failed, or partitions are of an earlier definition.</exception>
    public async Task<bool> TrySendAsync(FeedPage page)
    {
        if (page.Set is not GoldFeedSet { Rows: var set } || page.Format is { NumbersAsText: true } or { Level: MetadataLevel.Full }
            || !blocks.Takes(set) || !TryCondition(page.Pipeline, set, out var condition))
        {
            return false;
        }

        var progress = new Progress(page.Limit, page.Token is null ? page.Options.Skip : 0);
        var after = page.Token?.After;
        var times = page.Rows.TimesOf(page.Pipeline, after, progress.Skip <= int.MaxValue ? progress.Skip + progress.Limit + 1 : null);
        var partitions = set.Within(times);
        if (!blocks.IsReady(set, partitions, progress.Limit))
        {
            return false;
        }

        // Nothing is held while the caller reads: neither a session nor a turn.
        QueryPlace.Leave();
        var cancellation = page.Request.Context.RequestAborted;
        var response = page.Request.Context.Response;
        var buffer = new ArrayBufferWriter<byte>((int)Math.Min(SentBytes + FirstBytes, FirstBytes + progress.Limit * RowBytes));
        await using var json = new Utf8JsonWriter(buffer, AnswerJson.WriterOptions);
        var writer = new BlockWriter(set, page.Selected, page.Request.OmitsNulls);
        page.WriteHead(json);
        foreach (var partition in partitions)
        {
            var block = await blocks.GetAsync(set, partition, cancellation);
            var test = condition is null ? null : BlockTest.Of(condition, block);
            var (from, to) = block.Within(times);
            from = after is { } key ? Math.Max(from, block.After(key)) : from;
            writer.Begin(block, partition);
            while ((from = progress.Write(writer, json, buffer, block, test, from, to)) < to && !progress.IsFull)
            {
                if (!response.HasStarted)
                {
                    FeedStream.SetHeaders(page.Request, page.Format, page.Size);
                }

                await json.FlushAsync(cancellation);
                await response.Body.WriteAsync(buffer.WrittenMemory, cancellation);
                buffer.ResetWrittenCount();
            }

            if (progress.IsFull)
            {
                break;
            }
        }

        page.WriteTail(json, seal, progress.Wrote, progress.Next);
        if (!response.HasStarted)
        {
            FeedStream.SetHeaders(page.Request, page.Format, page.Size);
            response.ContentLength = buffer.WrittenCount;
        }

        await response.Body.WriteAsync(buffer.WrittenMemory, cancellation);
        return true;
    }

    /// <summary>The one condition of a pipeline that only keeps rows and leaves them in the order of their key; null for none.</summary>
    private static bool TryCondition(RowPipeline pipeline, GoldRowSet set, out RowExpression? condition)
    {
        condition = null;
        var columns = set.Columns.Where(c => c.Name != set.View.Key && c.Name != set.View.LoadedAt).ToDictionary(c => c.Name, c => c.Type, StringComparer.Ordinal);
        foreach (var step in pipeline.Steps)
        {
            switch (step)
            {
                case FilterRows filter when BlockTest.Takes(filter.Condition, columns):
                    condition = condition is null ? filter.Condition : RowExpression.And(condition, filter.Condition);
                    break;
                case OrderRows { Order: var order } when order.Length <= set.Key.Length
                    && order.Zip(set.Key).All(p => p.First is { Descending: false, Value: RowColumnValue column } && column.Name == p.Second.Name):
                    break;
                default:
                    return false;
            }
        }

        return true;
    }

    /// <summary>How far a page is.</summary>
    private sealed class Progress(long limit, long skip)
    {
        private ImmutableArray<object?> _last = [];

        /// <summary>The most rows to write.</summary>
        public long Limit => limit;

        /// <summary>How many rows are still to be passed over.</summary>
        public long Skip => skip;

        public long Wrote { get; private set; }

        /// <summary>Whether all rows of the page are written, and another follows.</summary>
        public bool IsFull { get; private set; }

        /// <summary>The key of the last row, if another follows.</summary>
        public ImmutableArray<object?>? Next => IsFull ? _last : null;

        /// <summary>Writes rows of a block until it is time to send them.</summary>
        /// <returns>The row to go on with.</returns>
        public int Write(BlockWriter writer, Utf8JsonWriter json, ArrayBufferWriter<byte> buffer, RowBlock block, BlockTest? test, int from, int to)
        {
            if (test is null)
            {
                var passed = (int)Math.Min(skip, Math.Max(0, to - from));
                (from, skip) = (from + passed, skip - passed);
            }

            for (var row = from; row < to && (row = test?.Next(row, to) ?? row) < to; row++)
            {
                if (skip > 0)
                {
                    skip--;
                    continue;
                }

                if (Wrote == limit)
                {
                    IsFull = true;
                    return row;
                }

                writer.Write(json, row);
                if (++Wrote == limit)
                {
                    _last = block.KeyOf(row);
                }

                if (json.BytesPending + buffer.WrittenCount > SentBytes)
                {
                    return row + 1;
                }
            }

            return to;
        }
    }
}
