using System.Text.Json;
using System.Text.Json.Serialization;
using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Training.Joining;

/// <summary>What an operation of the trainer's tag is for.</summary>
public enum OperationPurpose
{
    /// <summary>The beginning: members make their modules the same.</summary>
    Start,

    /// <summary>A training step.</summary>
    Step,

    /// <summary>No operation: members train by themselves, and the state stands still.</summary>
    Between,

    /// <summary>Anything else that happens in the loop's order: an evaluation, module buffers.</summary>
    Other,
}

/// <summary>What a level member tells newcomers about an operation that it is about to call.</summary>
/// <remarks>
/// One number of the trainer's tag is one place in the program, the same on all members. So whoever knows what the
/// operation is knows where the others are, and can take part in it.
/// </remarks>
public sealed record OperationDescription
{
    /// <summary>The version that this code writes.</summary>
    public const int CurrentFormat = 1;

    /// <summary>The version of this format.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>What the operation is for.</summary>
    public required OperationPurpose Purpose { get; init; }

    /// <summary>The next training step.</summary>
    public required long Step { get; init; }

    /// <summary>How many exchanges moved the shared state so far: the version to fetch.</summary>
    public required long Version { get; init; }

    /// <summary>A digest of the module's names, shapes and types, and of the strategy.</summary>
    public required string Model { get; init; }

    /// <summary>The parts of the operation; of a step, none.</summary>
    public IReadOnlyList<DescribedPart> Parts { get; init; } = [];

    /// <summary>The level participants.</summary>
    public IReadOnlyList<DescribedParticipant> Level { get; init; } = [];

    /// <summary>The learning rate of each parameter group in a step.</summary>
    public IReadOnlyList<double> LearningRates { get; init; } = [];

    /// <summary>States that the loop carries, by name: where the sampler stands.</summary>
    public IReadOnlyDictionary<string, byte[]> Carried { get; init; } = new Dictionary<string, byte[]>();

    /// <summary>The bytes that travel.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, DescriptionJson.Default.OperationDescription);

    /// <summary>Reads what another member sent.</summary>
    /// <exception cref="ProtocolException">It is no description, or of another version.</exception>
    public static OperationDescription Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var read = JsonSerializer.Deserialize(bytes, DescriptionJson.Default.OperationDescription);
            return read is { Format: CurrentFormat }
                ? read
                : throw new ProtocolException(
                    $"a member describes its operations in format {read?.Format}, this program reads {CurrentFormat}: use the same version of Crossnode everywhere");
        }
        catch (JsonException broken)
        {
            throw new ProtocolException($"a member's description of an operation cannot be read: {broken.Message}");
        }
    }

    /// <summary>The parts of a group.</summary>
    public static IReadOnlyList<DescribedPart> PartsOf(OperationGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return
        [
            .. group.Parts.Select(part => new DescribedPart(
                (byte)part.Kind, (byte)part.Source.Type, part.Source.Count, (byte)part.Reduce, part.Root.Value)),
        ];
    }
}

/// <summary>One part of a described operation; numbers as in frame headers.</summary>
public readonly record struct DescribedPart(byte Kind, byte Element, long Count, byte Reduce, uint Root);

/// <summary>A participant in a description.</summary>
public readonly record struct DescribedParticipant(uint Member, ulong Incarnation);

/// <summary>Reads and writes descriptions without reflection.</summary>
[JsonSerializable(typeof(OperationDescription))]
internal sealed partial class DescriptionJson : JsonSerializerContext;
