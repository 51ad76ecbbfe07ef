namespace Write.DataPlatform.Aws;

/// <summary>The fixed facts of one AWS service of the JSON 1.1 protocol, as its service model states them.</summary>
/// <param name="ServiceId">Its name in settings, such as <c>AWS_ENDPOINT_URL_ATHENA</c>.</param>
/// <param name="EndpointPrefix">The first part of its host names; also what requests are signed for.</param>
/// <param name="TargetPrefix">What stands before the operation in <c>X-Amz-Target</c>.</param>
/// <param name="ApiVersion">The version of its interface.</param>
internal sealed record AwsJsonService(string ServiceId, string EndpointPrefix, string TargetPrefix, string ApiVersion);
