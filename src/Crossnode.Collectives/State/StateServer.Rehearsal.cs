using Crossnode.Core;
using Crossnode.Protocol.State;
using Google.Protobuf;

namespace Crossnode.Collectives.State;

/// <summary>Serving once to nobody: code that runs for the first time is compiled first, and a step should not wait for that.</summary>
public sealed partial class StateServer
{
    private static void Rehearse()
    {
        var memory = new byte[StateVersion.Alignment];
        using var version = new StateVersion(
            1, [new StateTensor("rehearsal", TensorBuffer.FromBytes(memory, ElementType.Float32))], default, chunkBytes: memory.Length);
        version.TryHash(long.MaxValue);
        version.TryHash(long.MaxValue);
        var copy = new CopyMemory(version.CopyBytes);
        copy.Touch(TouchBytes);
        version.Copy(copy);
        version.TryPlace(0, 0, out var place);
        version.TryRead(place.Tensor, place.Offset, memory);
        StateMessage[] messages =
        [
            new() { Number = 1, Describe = new DescribeRequest { Sequence = 1 } },
            new() { Number = 1, AskManifest = new ManifestRequest { Version = 1 } },
            new() { Number = 1, AskChunk = new ChunkRequest { Version = 1, Chunk = 1 } },
            new() { Number = 1, Ended = new FetchEnded { Version = 1 } },
            new() { Number = 1, Description = new Description { Body = ByteString.CopyFrom(memory) } },
            new() { Number = 1, Manifest = version.Manifest!.ToRecord() },
        ];
        foreach (var message in messages)
        {
            var bytes = message.ToByteArray();
            StateMessage.Parser.ParseFrom(bytes, 0, bytes.Length);
        }
    }
}
