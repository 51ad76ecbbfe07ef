using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Tests.Security;

/// <summary>Makes JSON Web Tokens by hand, good and forged ones, and the key sets that go with them.</summary>
internal static class TokenMaker
{
    public const string Issuer = "https://login.example";
    public const string Audience = "write-data";

    public static string KeySet(params (string Id, RSA Key)[] keys) => new JsonObject
    {
        ["keys"] = new JsonArray([.. keys.Select(k => new JsonObject
        {
            ["kty"] = "RSA", ["use"] = "sig", ["kid"] = k.Id, ["n"] = Encode(k.Key.ExportParameters(false).Modulus!), ["e"] = Encode(k.Key.ExportParameters(false).Exponent!),
        })]),
    }.ToJsonString();

    public static JsonObject Claims(DateTimeOffset now, params (string Name, JsonNode? Value)[] claims)
    {
        var payload = new JsonObject
        {
            ["iss"] = Issuer, ["aud"] = Audience, ["sub"] = "somebody", ["nbf"] = now.AddMinutes(-1).ToUnixTimeSeconds(), ["exp"] = now.AddMinutes(10).ToUnixTimeSeconds(),
        };
        foreach (var (name, value) in claims)
        {
            payload[name] = value?.DeepClone();
        }

        return payload;
    }

    public static string Sign(RSA key, JsonObject payload, string kid = "one", string algorithm = "RS256") =>
        Make(new JsonObject { ["alg"] = algorithm, ["typ"] = "JWT", ["kid"] = kid }, payload, data => key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    public static string Make(JsonObject header, JsonObject payload, Func<byte[], byte[]> sign)
    {
        var signed = Encode(Encoding.UTF8.GetBytes(header.ToJsonString())) + "." + Encode(Encoding.UTF8.GetBytes(payload.ToJsonString()));
        return signed + "." + Encode(sign(Encoding.ASCII.GetBytes(signed)));
    }

    private static string Encode(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
