using Amazon.Runtime;

namespace Write.DataPlatform.Gold.DynamoDb;

/// <summary>Counts what was sent during one call, the SDK's own retries among it, and how much of that may have been done without an answer.</summary>
internal sealed class DynamoDbAttempts
{
    private static readonly AsyncLocal<DynamoDbAttempts?> Current = new();

    private int _sent;
    private int _refused;

    /// <summary>Whether an attempt before the last, which was refused, may have been carried out all the same: its answer was lost, or no answer to be relied on.</summary>
    public bool MayHaveBeenDone => _sent == 0 || _sent > _refused;

    /// <summary>Counts from here to the end of the caller's method.</summary>
    public static DynamoDbAttempts Begin() => Current.Value = new DynamoDbAttempts();

    /// <summary>
    /// Makes a DynamoDB client's attempts countable. The SDK tries again once, which it needs to correct for a wrong clock; the store does the rest,
    /// for the SDK's own budget of retries is shared by all calls and empty just when a table is throttled.
    /// </summary>
    /// <param name="client">The settings of the client.</param>
    /// <param name="timeout">How long one attempt may take.</param>
    /// <param name="network">The network, for tests.</param>
    public static void Configure(ClientConfig client, TimeSpan timeout, HttpMessageHandler? network = null)
    {
        client.HttpClientFactory = new ClientFactory(timeout, network);
        client.MaxErrorRetry = 1;
    }

    private sealed class ClientFactory(TimeSpan timeout, HttpMessageHandler? network) : HttpClientFactory, IDisposable
    {
        private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(3);

        // So that a changed address is noticed.
        private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(5);

        private readonly HttpClient _client = new(new Counter(network ?? new SocketsHttpHandler
        {
            ConnectTimeout = ConnectTimeout, PooledConnectionLifetime = ConnectionLifetime, AllowAutoRedirect = false,
        }))
        {
            Timeout = timeout,
        };

        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => _client;

        public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;

        public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

        public void Dispose() => _client.Dispose();
    }

    private sealed class Counter(HttpMessageHandler network) : DelegatingHandler(network)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var attempts = Current.Value;
            if (attempts is not null)
            {
                Interlocked.Increment(ref attempts._sent);
            }

            var response = await base.SendAsync(request, cancellationToken);
            if (attempts is not null && (int)response.StatusCode is >= 400 and < 500)
            {
                Interlocked.Increment(ref attempts._refused);
            }

            return response;
        }
    }
}
