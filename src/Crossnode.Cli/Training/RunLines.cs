using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Crossnode.Cli.Training;

// The lines of metrics.jsonl, which are those of standard output with --json. Keys are documented in docs/reference/cli.md.

/// <summary>First: what is run.</summary>
internal sealed record StartLine(string Kind, int Format, string Program, string Protocol, string Run, JsonNode? Configuration)
{
    public const int CurrentFormat = 1;
}

/// <summary>What is learned, and what count models make of the held-out part.</summary>
internal sealed record CorpusLine(string Kind, long TrainingBytes, long HeldOutBytes, int TrainingDocuments, int HeldOutDocuments, int Duplicates);

/// <summary>What count models reach on the held-out part, by their bytes of context, in nats per byte.</summary>
internal sealed record CountModelLine(string Kind, double OneByte, double TwoBytes, double ThreeBytes, double FourBytes);

/// <summary>A view was announced.</summary>
internal sealed record ViewLine(string Kind, long View, IReadOnlyList<int> Members, string Reason, double Seconds);

/// <summary>A worker's process ended before the run did.</summary>
internal sealed record WorkerLostLine(string Kind, int Worker, int ProcessId, int ExitCode, string Reason, double Seconds);

/// <summary>A newcomer holds the run's state, and takes weight from the next step on.</summary>
internal sealed record LevelLine(string Kind, int Worker, long Step, string StateHash, double Seconds);

/// <summary>A step was committed.</summary>
internal sealed record StepLine(
    string Kind, long Step, double Loss, double? LearningRate, double? GradientNorm, double BytesPerSecond,
    long View, IReadOnlyList<uint> Members, int Attempts, double Seconds);

/// <summary>The loss on held-out text after so many steps.</summary>
internal sealed record EvaluationLine(string Kind, long Steps, double HeldOutLoss, double Seconds);

/// <summary>What the trained model wrote.</summary>
internal sealed record SampleLine(string Kind, string Text, double KnownWordShare);

/// <summary>Last: what came of it.</summary>
internal sealed record SummaryLine(
    string Kind,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? HeldOutLoss,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? ThreeByteModelLoss,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? FourByteModelLoss,
    long Steps,
    double WallSeconds,
    int Views, IReadOnlyList<SummaryMember> Members);

/// <summary>A member of the last view.</summary>
internal sealed record SummaryMember(int Id, long PayloadBytesSent, long WireBytesSent,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? StateHash);

/// <summary>How many held-out lines there are, and how many of them are also learned.</summary>
internal sealed record HeldOutLinesLine(string Kind, int Lines, int Repeated);
