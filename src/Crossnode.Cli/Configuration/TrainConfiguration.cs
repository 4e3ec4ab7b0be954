using Crossnode.Cli.Training;

namespace Crossnode.Cli.Configuration;

/// <summary>Everything that decides what crossnode train does; what each value means is said in <see cref="TrainSettings"/>.</summary>
internal sealed record TrainConfiguration
{
    public int Workers { get; init; } = 4;

    public IReadOnlyList<string> Data { get; init; } = [];

    public string Out { get; init; } = "";

    public int Seed { get; init; } = 1;

    public int Steps { get; init; } = 1300;

    public int MicroBatch { get; init; } = 16;

    public int MicroBatchesPerStep { get; init; } = 4;

    public int Layers { get; init; } = 2;

    public int Heads { get; init; } = 4;

    public int Width { get; init; } = 128;

    public int Context { get; init; } = 64;

    public double LearningRate { get; init; } = 6e-3;

    public double FinalLearningRate { get; init; } = 1.2e-4;

    public int WarmupSteps { get; init; } = 150;

    public double WeightDecay { get; init; } = 0.1;

    public double Beta1 { get; init; } = 0.9;

    public double Beta2 { get; init; } = 0.95;

    public double ClipNorm { get; init; } = 1;

    public string Strategy { get; init; } = StrategyChoice.DataParallel;

    public int SyncEvery { get; init; } = 20;

    public int SynchronousSteps { get; init; } = 260;

    public double LocalRateCap { get; init; } = 0.5;

    public double OuterLearningRate { get; init; } = 0.7;

    public double OuterMomentum { get; init; } = 0.8;

    public int EvaluateEvery { get; init; } = 200;

    public int EvaluateBytes { get; init; } = 32 * 1024;

    public int SampleBytes { get; init; } = 1000;

    public string Prompt { get; init; } = "";

    public double Temperature { get; init; } = 0.7;

    public int Threads { get; init; } = 1;

    public double EvictAfterSeconds { get; init; } = 10;

    public int CheckpointEvery { get; init; }

    public string Resume { get; init; } = "";

    public int Restarts { get; init; }

    public double StateRate { get; init; }

    public string Coordinator { get; init; } = "";

    public string Run { get; init; } = "";

    public string Listen { get; init; } = "";

    public string Advertise { get; init; } = "";

    public string Interface { get; init; } = "";

    public bool Insecure { get; init; }
}
