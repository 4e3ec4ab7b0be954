using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crossnode.Cli.Output;

/// <summary>How records become lines of JSON: camelCase keys, one object a line, keys without a value left out.</summary>
internal static class JsonLines
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.Strict,
    };

    /// <summary>Writes an object as one line, without its end.</summary>
    public static string Write<T>(T value) => JsonSerializer.Serialize(value, Options);
}
