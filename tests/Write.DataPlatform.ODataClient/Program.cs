using System.Globalization;
using System.Xml;
using Microsoft.OData;
using Microsoft.OData.Edm;
using Microsoft.OData.Edm.Csdl;

namespace Write.DataPlatform.ODataClient;

/// <summary>
/// Reads a feed as Power Query does, with its headers: the service document, the model, a set page by page, and an error.
/// Prints a line for each: what was read and a few figures of it.
/// </summary>
internal static class Program
{
    private const string Accept =
        "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7";

    private static readonly HttpClient Http = new();

    /// <param name="args">The feed's root, a set, the column to add up, and <c>strict</c> or <c>lenient</c>.</param>
    private static async Task<int> Main(string[] args)
    {
        var (root, set, column, isStrict) = (args[0].TrimEnd('/'), args[1], args[2], args[3] == "strict");
        var model = await ReadModelAsync(root + "/$metadata");
        Console.WriteLine($"model {string.Join(',', model.EntityContainer.EntitySets().Select(s => s.Name))}");

        using (var response = await SendAsync(root))
        using (var reader = new ODataMessageReader(await Response.OfAsync(response), Settings(root, isStrict), model))
        {
            Console.WriteLine($"document {string.Join(',', reader.ReadServiceDocument().EntitySets.Select(s => s.Name))}");
        }

        var entitySet = model.EntityContainer.FindEntitySet(set);
        var (rows, pages, nulls, sum) = (0L, 0, 0L, 0m);
        for (var next = new Uri($"{root}/{set}"); next is not null; pages++)
        {
            using var response = await SendAsync(next.AbsoluteUri);
            using var message = new ODataMessageReader(await Response.OfAsync(response), Settings(root, isStrict), model);
            var reader = message.CreateODataResourceSetReader(entitySet, entitySet.EntityType());
            next = null;
            while (reader.Read())
            {
                if (reader is { State: ODataReaderState.ResourceEnd, Item: ODataResource row })
                {
                    rows++;
                    nulls += row.Properties.Count(p => p.Value is null);
                    sum += row.Properties.First(p => p.Name == column).Value is { } value ? Convert.ToDecimal(value, CultureInfo.InvariantCulture) : 0;
                    if (row.Properties.Count() != entitySet.EntityType().StructuralProperties().Count())
                    {
                        throw new InvalidOperationException("A row lacks a column.");
                    }
                }
                else if (reader is { State: ODataReaderState.ResourceSetEnd, Item: ODataResourceSet page })
                {
                    next = page.NextPageLink;
                }
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"rows {rows} {pages} {nulls} {sum}"));

        using (var response = await SendAsync($"{root}/{set}?$filter=nope%20eq%201"))
        using (var reader = new ODataMessageReader(await Response.OfAsync(response), Settings(root, isStrict), model))
        {
            var error = reader.ReadError();
            Console.WriteLine($"error {(int)response.StatusCode} {error.ErrorCode} {error.Message.Length > 0}");
        }

        return 0;
    }

    private static async Task<IEdmModel> ReadModelAsync(string address)
    {
        using var response = await SendAsync(address);
        using var xml = XmlReader.Create(await response.Content.ReadAsStreamAsync());
        return CsdlReader.TryParse(xml, out var model, out var errors) ? model : throw new InvalidOperationException(string.Join('\n', errors));
    }

    private static ODataMessageReaderSettings Settings(string root, bool isStrict) => new()
    {
        BaseUri = new Uri(root + "/"),
        Validations = isStrict ? ValidationKinds.All : ValidationKinds.None,
        ShouldIncludeAnnotation = _ => true,
        MessageQuotas = { MaxReceivedMessageSize = long.MaxValue },
    };

    private static Task<HttpResponseMessage> SendAsync(string address)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.TryAddWithoutValidation("Accept", Accept);
        request.Headers.TryAddWithoutValidation("OData-MaxVersion", "4.0");
        request.Headers.TryAddWithoutValidation("MaxDataServiceVersion", "3.0");
        request.Headers.TryAddWithoutValidation("Prefer", "odata.maxpagesize=3000");
        return Http.SendAsync(request);
    }

    private sealed class Response(HttpResponseMessage response, Stream body) : IODataResponseMessage
    {
        public IEnumerable<KeyValuePair<string, string>> Headers =>
            response.Headers.Concat(response.Content.Headers).Select(h => KeyValuePair.Create(h.Key, string.Join(',', h.Value)));

        public int StatusCode
        {
            get => (int)response.StatusCode;
            set => throw new NotSupportedException();
        }

        public static async Task<Response> OfAsync(HttpResponseMessage response) => new(response, await response.Content.ReadAsStreamAsync());

        public string? GetHeader(string headerName) => Headers.FirstOrDefault(h => h.Key.Equals(headerName, StringComparison.OrdinalIgnoreCase)).Value;

        public void SetHeader(string headerName, string headerValue) => throw new NotSupportedException();

        public Stream GetStream() => body;
    }
}
