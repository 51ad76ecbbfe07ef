using System.Text.Json;
using System.Text.Json.Serialization;

namespace Write.DataPlatform.Client;

/// <summary>A metric of a query: its name, with a modifier such as <c>visits:percentOfTotal</c> or without.</summary>
[JsonConverter(typeof(TextOrObject<Metrics>))]
public partial class Metrics : ITextOrObject
{
    /// <inheritdoc />
    public string? Text { get; set; }

    /// <inheritdoc />
    public object? Value { get; set; }

    /// <summary>A metric by its name.</summary>
    public static implicit operator Metrics(string name) => new() { Text = name };
}

/// <summary>A query's condition: a tree of filters, or a condition's text.</summary>
[JsonConverter(typeof(TextOrObject<Where>))]
public partial class Where : ITextOrObject
{
    /// <inheritdoc />
    public string? Text { get; set; }

    /// <inheritdoc />
    public object? Value { get; set; }

    /// <summary>A condition's text.</summary>
    public static implicit operator Where(string text) => new() { Text = text };

    /// <summary>A tree of filters.</summary>
    public static implicit operator Where(Filter filter) => new() { Value = filter };
}

/// <summary>What is written in JSON as a text or as an object, which OpenAPI's generators have no type for.</summary>
public interface ITextOrObject
{
    /// <summary>The text; null for an object.</summary>
    string? Text { get; set; }

    /// <summary>The object; null for a text.</summary>
    object? Value { get; set; }
}

/// <summary>Writes the one or the other.</summary>
internal sealed class TextOrObject<T> : JsonConverter<T> where T : class, ITextOrObject, new()
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String ? new T { Text = reader.GetString() } : new T { Value = JsonElement.ParseValue(ref reader) };

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        if (value.Text is { } text)
        {
            writer.WriteStringValue(text);
        }
        else
        {
            JsonSerializer.Serialize(writer, value.Value, options);
        }
    }
}
