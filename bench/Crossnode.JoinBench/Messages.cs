using System.Text.Json;

namespace Crossnode.JoinBench;

/// <summary>How members train.</summary>
internal enum Method
{
    /// <summary>Gradients are averaged in every step.</summary>
    DataParallel,

    /// <summary>Members take local steps between averagings.</summary>
    DiLoCo,
}

/// <summary>One member's part in one run, as the launcher tells it.</summary>
internal sealed record Assignment
{
    /// <summary>What crossnode run would put into the environment.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    public Method Method { get; init; }

    /// <summary>The local optimiser: AdamW, or SGD (with momentum when every step averages).</summary>
    public bool AdamW { get; init; }

    /// <summary>Elements of the model, over so many tensors of one size.</summary>
    public long Elements { get; init; } = 24_000;

    public int Tensors { get; init; } = 6;

    public int SyncEvery { get; init; } = 10;

    public double LearningRate { get; init; } = 1.0 / 64;

    /// <summary>The cap of what each holder serves.</summary>
    public long? StateBytesPerSecond { get; init; }

    /// <summary>Stands for the time that a gradient takes.</summary>
    public double ComputeMilliseconds { get; init; } = 2;

    /// <summary>Whether each step and each operation is recorded.</summary>
    public bool Traces { get; init; }

    /// <summary>Where the parameters go in the end; null: nowhere.</summary>
    public string? Parameters { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this);

    public static Assignment Parse(string json) => JsonSerializer.Deserialize<Assignment>(json)!;
}

/// <summary>An exchange as a member saw it.</summary>
/// <param name="Step">The step.</param>
/// <param name="Members">The level members after it.</param>
/// <param name="Contributors">How many values were averaged.</param>
internal sealed record Exchange(long Step, IReadOnlyList<uint> Members, int Contributors);

/// <summary>One training step on the machine's clock, in seconds.</summary>
/// <param name="Step">Its number.</param>
/// <param name="Began">When the gradient was begun.</param>
/// <param name="Called">When the trainer was called.</param>
/// <param name="Ended">When it returned.</param>
internal sealed record StepTrace(long Step, double Began, double Called, double Ended);

/// <summary>One operation on the machine's clock, in seconds.</summary>
internal sealed record OperationTrace(long Sequence, double Called, double Ended, int Attempts, int Parts);

/// <summary>A copy of the state for newcomers.</summary>
internal sealed record CopyTrace(double At, double Seconds);

/// <summary>A line of the session's log, or a note of the bench; with the processor time used so far.</summary>
internal sealed record LogTrace(double At, double Processor, string Text);

/// <summary>What a member says at the end.</summary>
internal sealed record Report
{
    public required uint Self { get; init; }

    public required string Hash { get; init; }

    public required bool Left { get; init; }

    public required IReadOnlyList<Exchange> Exchanges { get; init; }

    public IReadOnlyList<StepTrace> Steps { get; init; } = [];

    public IReadOnlyList<OperationTrace> Operations { get; init; } = [];

    public IReadOnlyList<LogTrace> Log { get; init; } = [];

    /// <summary>Copies of the state: when a step that made one ended, and what it took.</summary>
    public IReadOnlyList<CopyTrace> CopyTimes { get; init; } = [];

    /// <summary>How often all members' hashes were compared, each time equal.</summary>
    public int Comparisons { get; init; }
}
