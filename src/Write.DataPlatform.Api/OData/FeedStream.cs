using System.Globalization;
using System.IO.Pipelines;

namespace Write.DataPlatform.Api.OData;

/// <summary>Sends what a query writes.</summary>
internal static class FeedStream
{
    /// <summary>What is held back until it is sure that the query runs.</summary>
    private const int HeldBytes = 64 * 1024;

    /// <summary>
    /// Lets a query write while its answer is sent. The query never waits for the caller, for it holds one of few sessions; what a slow caller has not read is
    /// bounded by the page. Until the first bytes are sure a failure is a status, and after them it breaks the connection.
    /// </summary>
    public static async Task SendAsync(FeedRequest request, PayloadFormat format, long? pageSize, Func<PipeWriter, CancellationToken, Task> write)
    {
        var context = request.Context;
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var writing = WriteAsync();
        try
        {
            var first = await pipe.Reader.ReadAtLeastAsync(HeldBytes, context.RequestAborted);
            pipe.Reader.AdvanceTo(first.Buffer.Start);
            SetHeaders(request, format, pageSize);
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
    /// <summary>What the headers say of a payload.</summary>
    /// <param name="request">The request.</param>
    /// <param name="format">How the payload is written.</param>
    /// <param name="pageSize">The most rows of a page, if there are pages.</param>
    public static void SetHeaders(FeedRequest request, PayloadFormat format, long? pageSize)
    {
        var response = request.Context.Response;
        response.ContentType = format.ContentType;
        var applied = new List<string>();
        if (request.OmitsNulls)
        {
            applied.Add("omit-values=nulls");
        }

        if (request.MaxPageSize is not null && pageSize is { } size)
        {
            applied.Add("odata.maxpagesize=" + size.ToString(CultureInfo.InvariantCulture));
        }

        if (applied.Count > 0)
        {
            response.Headers["Preference-Applied"] = string.Join(", ", applied);
        }
    }
}
