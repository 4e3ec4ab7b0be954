using System.Text.Json;
using System.Text.Json.Serialization;
using Crossnode.Core.Errors;

namespace Crossnode.TorchSharp.Joining;

/// <summary>What belongs to a version of the state and is no tensor.</summary>
/// <param name="Numbers">The optimiser's counters.</param>
/// <param name="Strategy">The strategy's small state.</param>
internal sealed record VersionBlob(byte[] Numbers, byte[] Strategy)
{
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, VersionBlobJson.Default.VersionBlob);

    public static VersionBlob Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, VersionBlobJson.Default.VersionBlob)
                ?? throw new ProtocolException("a member's state has no counters");
        }
        catch (JsonException broken)
        {
            throw new ProtocolException($"the counters of a member's state cannot be read: {broken.Message}");
        }
    }
}

/// <summary>Reads and writes blobs without reflection.</summary>
[JsonSerializable(typeof(VersionBlob))]
internal sealed partial class VersionBlobJson : JsonSerializerContext;
