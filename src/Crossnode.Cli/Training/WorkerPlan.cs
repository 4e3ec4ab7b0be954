using System.Text.Json;
using System.Text.Json.Nodes;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Output;

namespace Crossnode.Cli.Training;

/// <summary>What a training worker reads from its standard input: this plan as the first line, the corpus file as the second.</summary>
/// <param name="Configuration">The effective configuration, the same for all.</param>
/// <param name="Checkpoint">Where the trained model goes.</param>
/// <param name="Place">Its part in the run, beyond what the environment says.</param>
internal sealed record WorkerPlan(TrainConfiguration Configuration, string Checkpoint, WorkerPlace Place)
{
    private const string CheckpointKey = "checkpoint";
    private const string ConfigurationKey = "configuration";
    private const string PlaceKey = "place";

    /// <summary>One line of JSON.</summary>
    public string ToLine() => new JsonObject
    {
        [CheckpointKey] = Checkpoint,
        [PlaceKey] = JsonSerializer.SerializeToNode(Place, JsonLines.Options),
        [ConfigurationKey] = JsonNode.Parse(ConfigurationFile.Write(Configuration, TrainSettings.All, indented: false)),
    }.ToJsonString();

    /// <summary>Reads the line of <see cref="ToLine"/>.</summary>
    /// <exception cref="UsageException">It is none: somebody other than crossnode train started this worker.</exception>
    public static WorkerPlan Parse(string? line)
    {
        try
        {
            if (line is not null && JsonNode.Parse(line) is JsonObject plan
                && (string?)plan[CheckpointKey] is { } checkpoint && plan[ConfigurationKey] is { } configuration
                && plan[PlaceKey].Deserialize<WorkerPlace>(JsonLines.Options) is { } place)
            {
                return new WorkerPlan(
                    ConfigurationFile.Parse(configuration.ToJsonString(), "the plan", new TrainConfiguration(), TrainSettings.All),
                    checkpoint,
                    place);
            }
        }
        catch (JsonException)
        {
            // Said below.
        }
        throw new UsageException("A training worker reads its plan from standard input: use crossnode train, which starts the workers itself.");
    }
}

/// <summary>What a worker is to do that is no part of the run's configuration.</summary>
internal sealed record WorkerPlace
{
    /// <summary>Whether the launcher hears notes from standard output, because no coordinator passes them on to it.</summary>
    public bool TellsLauncher { get; init; }

    /// <summary>How many workers make the first view, where this one comes with the first.</summary>
    public int Expected { get; init; }

    /// <summary>File with what the run is about; there from the moment on that the corpus is.</summary>
    public required string Charter { get; init; }

    /// <summary>The corpus file that this worker or another one of this machine makes of what members give; empty where the launcher makes it.</summary>
    public string FetchedCorpus { get; init; } = "";

    /// <summary>Whether a request to stop makes this worker leave alone; else all members stop together.</summary>
    public bool LeavesAlone { get; init; }

    /// <summary>Folder for the files from which the run can go on.</summary>
    public required string State { get; init; }

    /// <summary>Files to go on from, by worker number; empty for a run from the start.</summary>
    public IReadOnlyList<string> Resume { get; init; } = [];

    /// <summary>The step with which the run begins.</summary>
    public long FirstStep { get; init; }

    /// <summary>How often a worker that was put out of the run comes back as a newcomer.</summary>
    public int Returns { get; init; } = 1000;
}
