using System.Text.Json;
using System.Text.Json.Serialization;
using Crossnode.Cli.Output;

namespace Crossnode.Cli.Training;

/// <summary>What a training worker tells its launcher, as the body of a note.</summary>
internal sealed record WorkerNote
{
    /// <summary>The topic of these notes.</summary>
    public const string Topic = "train";

    /// <summary>What the worker does now, or has done.</summary>
    public required NoteKind Kind { get; init; }

    /// <summary>The step that it is about, from 0.</summary>
    public long Step { get; init; }

    /// <summary>The mean loss over all members, or on held-out text.</summary>
    public double? Loss { get; init; }

    /// <summary>The worker's own mean loss.</summary>
    public double? OwnLoss { get; init; }

    /// <summary>The learning rate of the step.</summary>
    public double? LearningRate { get; init; }

    /// <summary>The length of the averaged gradient before clipping.</summary>
    public double? GradientNorm { get; init; }

    /// <summary>Bytes of text that this worker learned from in the step.</summary>
    public long Bytes { get; init; }

    /// <summary>Bytes of text that all learned from in the step.</summary>
    public long TotalBytes { get; init; }

    /// <summary>How long the worker's step took.</summary>
    public double Seconds { get; init; }

    /// <summary>How much of that it waited for the others and for their bytes.</summary>
    public double ExchangeSeconds { get; init; }

    /// <summary>The epoch of the view in which the step was committed.</summary>
    public long View { get; init; }

    /// <summary>The members that took part.</summary>
    public IReadOnlyList<uint>? Members { get; init; }

    /// <summary>In how many views the step was tried.</summary>
    public int Attempts { get; init; }

    /// <summary>Bytes of encoded elements sent so far.</summary>
    public long PayloadBytesSent { get; init; }

    /// <summary>Bytes sent so far, all told.</summary>
    public long WireBytesSent { get; init; }

    /// <summary>Bytes received from other members so far.</summary>
    public long BytesReceived { get; init; }

    /// <summary>Bytes of the run's state or data that are here, while a newcomer fetches it.</summary>
    public long BytesFetched { get; init; }

    /// <summary>Bytes of it in all.</summary>
    public long BytesToFetch { get; init; }

    /// <summary>The members from which it came.</summary>
    public IReadOnlyList<uint>? From { get; init; }

    /// <summary>A sentence for people.</summary>
    public string? Text { get; init; }

    /// <summary>The digest of the trained model.</summary>
    public string? StateHash { get; init; }

    /// <summary>The text that the trained model wrote, in Base64: it may be cut within a character.</summary>
    public string? Sample { get; init; }

    /// <summary>Writes the note's body.</summary>
    public string ToJson() => JsonLines.Write(this);

    /// <summary>Reads a note's body; null when it is none.</summary>
    public static WorkerNote? Parse(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<WorkerNote>(json, JsonLines.Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Kinds of <see cref="WorkerNote"/>.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<NoteKind>))]
internal enum NoteKind
{
    /// <summary>The worker has reached the coordinator; the text says where it listens.</summary>
    Joining,

    /// <summary>It is outside the run yet, and fetches the run's data.</summary>
    FetchingData,

    /// <summary>The run's data are in the launcher's folder, and are what the run's description says.</summary>
    DataHere,

    /// <summary>It is a newcomer, and fetches the run's state.</summary>
    Fetching,

    /// <summary>A newcomer's state is that of the others: from now on it takes weight.</summary>
    Level,

    /// <summary>A view was installed.</summary>
    View,

    /// <summary>Something that people should read.</summary>
    Notice,

    /// <summary>The worker waits for the coordinator, as the text says; without one it does so no longer.</summary>
    Waiting,

    /// <summary>The model is made, and equal on all.</summary>
    Ready,

    /// <summary>The worker's gradients are ready; it waits for the others.</summary>
    Averaging,

    /// <summary>A step is done.</summary>
    Step,

    /// <summary>The worker measures on held-out text.</summary>
    Evaluating,

    /// <summary>That is done.</summary>
    Evaluated,

    /// <summary>The checkpoint is written, and the sample made, by this worker.</summary>
    Saved,

    /// <summary>All steps are done; the worker leaves.</summary>
    Final,

    /// <summary>The worker leaves before the last step, because it was asked to.</summary>
    Stopped,
}
