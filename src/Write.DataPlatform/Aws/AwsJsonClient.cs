using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Amazon.Runtime;
using Amazon.Runtime.Credentials.Internal;
using Amazon.Runtime.Endpoints;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Auth;
using Amazon.Runtime.Internal.Transform;
using Amazon.Runtime.Internal.Util;

namespace Write.DataPlatform.Aws;

/// <summary>A client of one AWS service of the JSON 1.1 protocol: sign, send, decode, typed error. Credentials, endpoints, retries and clock skew are the SDK's.</summary>
/// <remarks>
/// The SDK's base constructor runs the overrides below, so they read nothing but <see cref="AmazonServiceClient.Config"/>. The SDK also tries again after a reset
/// connection and after an answer that is no JSON: an operation that must not happen twice needs a token of its own.
/// </remarks>
internal abstract class AwsJsonClient : AmazonServiceClient
{
    /// <summary>The name of the activities, one a call with all its tries.</summary>
    public const string ActivitySourceName = "Write.DataPlatform.Aws";

    private static readonly ActivitySource Activities = new(ActivitySourceName);

    protected AwsJsonClient(AWSCredentials credentials, AwsJsonConfig config)
        : base(credentials, config)
    {
    }

    protected override IServiceMetadata ServiceMetadata => new Metadata(((AwsJsonConfig)Config).Service.ServiceId);

    protected override void CustomizeRuntimePipeline(RuntimePipeline pipeline)
    {
        pipeline.RemoveHandler<EndpointResolver>();
        pipeline.AddHandlerAfter<Marshaller>(new Resolver());
        pipeline.AddHandlerAfter<Marshaller>(new Signing());
    }

    /// <exception cref="AmazonServiceException">The service refused or failed; of the type that the operation's errors name.</exception>
    /// <exception cref="AmazonClientException">The service was not reached, or its answer cannot be read.</exception>
    protected async Task<TResponse> CallAsync<TRequest, TResponse>(
        Operation<TRequest, TResponse> operation, TRequest request, CancellationToken cancellationToken)
        where TRequest : AmazonWebServiceRequest
        where TResponse : AmazonWebServiceResponse, new()
    {
        var service = ((AwsJsonConfig)Config).Service;
        using var activity = Activities.StartActivity(service.ServiceId + "." + operation.Name, ActivityKind.Client);
        activity?.SetTag("rpc.system", "aws-api").SetTag("rpc.service", service.ServiceId).SetTag("rpc.method", operation.Name);
        try
        {
            var response = await InvokeAsync<TResponse>(request, operation.Options, cancellationToken);
            activity?.SetTag("aws.request_id", response.ResponseMetadata?.RequestId);
            return response;
        }
        catch (Exception exception)
        {
            var refused = exception as AmazonServiceException;
            activity?.SetTag("aws.request_id", refused?.RequestId).SetTag("error.type", refused?.ErrorCode ?? exception.GetType().Name);
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            throw;
        }
    }

    /// <summary>One operation; made once, for all threads.</summary>
    protected sealed class Operation<TRequest, TResponse>
        where TRequest : AmazonWebServiceRequest
        where TResponse : AmazonWebServiceResponse, new()
    {
        /// <param name="service">The service.</param>
        /// <param name="name">The operation's name.</param>
        /// <param name="request">How requests are written.</param>
        /// <param name="response">How responses are read.</param>
        /// <param name="errors">The typed exception of an error and its body (undefined if that is no JSON).</param>
        public Operation(
            AwsJsonService service, string name, JsonTypeInfo<TRequest> request, JsonTypeInfo<TResponse> response, Func<ErrorResponse, JsonElement, AmazonServiceException> errors)
        {
            Name = name;
            Options = new InvokeOptions { RequestMarshaller = new RequestMarshaller<TRequest>(service, name, request), ResponseUnmarshaller = new ResponseReader<TResponse>(response, errors) };
        }

        internal string Name { get; }

        internal InvokeOptions Options { get; }
    }

    private sealed class Metadata(string serviceId) : IServiceMetadata
    {
        public string ServiceId => serviceId;

        public IDictionary<string, string> OperationNameMapping { get; } = new Dictionary<string, string>();
    }

    private sealed class Resolver : BaseEndpointResolver
    {
        protected override EndpointParameters MapEndpointsParameters(IRequestContext requestContext) =>
            AwsJsonConfig.Parameters(requestContext.ClientConfig, requestContext.Request?.AlternateEndpoint?.SystemName);

        protected override void ServiceSpecificHandler(IExecutionContext executionContext, EndpointParameters parameters) =>
            InjectHostPrefix(executionContext.RequestContext);
    }

    private sealed class Signing : BaseAuthResolverHandler
    {
        protected override List<IAuthSchemeOption> ResolveAuthOptions(IExecutionContext executionContext) => [new AuthSchemeOption { SchemeId = "aws.auth#sigv4" }];
    }

    private sealed class RequestMarshaller<T>(AwsJsonService service, string name, JsonTypeInfo<T> type) : IMarshaller<IRequest, AmazonWebServiceRequest>
        where T : AmazonWebServiceRequest
    {
        public IRequest Marshall(AmazonWebServiceRequest input)
        {
            var request = new DefaultRequest(input, service.ServiceId) { HttpMethod = "POST", ResourcePath = "/", Content = JsonSerializer.SerializeToUtf8Bytes((T)input, type) };
            request.Headers["X-Amz-Target"] = service.TargetPrefix + "." + name;
            request.Headers["Content-Type"] = "application/x-amz-json-1.1";
            request.Headers["X-Amz-Api-Version"] = service.ApiVersion;
            return request;
        }
    }

    private sealed class ResponseReader<T>(JsonTypeInfo<T> type, Func<ErrorResponse, JsonElement, AmazonServiceException> errors) : JsonResponseUnmarshaller
        where T : AmazonWebServiceResponse, new()
    {
        public override AmazonWebServiceResponse Unmarshall(JsonUnmarshallerContext input)
        {
            // Its length is 0 where the answer has none and also where it comes in chunks.
            using var body = new MemoryStream();
            input.Stream.CopyTo(body);
            return body.Length == 0 ? new T() : JsonSerializer.Deserialize(body.GetBuffer().AsSpan(0, (int)body.Length), type) ?? new T();
        }

        public override AmazonServiceException UnmarshallException(JsonUnmarshallerContext input, Exception innerException, HttpStatusCode statusCode)
        {
            var reader = new StreamingUtf8JsonReader(input.Stream);
            var error = JsonErrorResponseUnmarshaller.GetInstance().Unmarshall(input, ref reader);
            error.InnerException = innerException;
            error.StatusCode = statusCode;
            JsonElement body = default;
            try
            {
                using var document = JsonDocument.Parse(input.GetResponseBodyBytes());
                body = document.RootElement.Clone();
            }
            catch (JsonException)
            {
            }

            return errors(error, body);
        }
    }
}
