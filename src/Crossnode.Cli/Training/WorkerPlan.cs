using Crossnode.Cli.Configuration;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Crossnode.Cli.Training;

/// <summary>What a training worker reads from its standard input: this plan as the first line, the corpus file as the second.</summary>
/// <param name="Configuration">The effective configuration, the same for all.</param>
/// <param name="Checkpoint">Where the worker that writes for all puts the trained model.</param>
internal sealed record WorkerPlan(TrainConfiguration Configuration, string Checkpoint)
{
    private const string CheckpointKey = "checkpoint";
    private const string ConfigurationKey = "configuration";

    /// <summary>One line of JSON.</summary>
    public string ToLine() => new JsonObject
    {
        [CheckpointKey] = Checkpoint,
        [ConfigurationKey] = JsonNode.Parse(ConfigurationFile.Write(Configuration, TrainSettings.All, indented: false)),
    }.ToJsonString();

    /// <summary>Reads the line of <see cref="ToLine"/>.</summary>
    /// <exception cref="UsageException">It is none: somebody other than crossnode train started this worker.</exception>
    public static WorkerPlan Parse(string? line)
    {
        try
        {
            if (line is not null && JsonNode.Parse(line) is JsonObject plan
                && (string?)plan[CheckpointKey] is { } checkpoint && plan[ConfigurationKey] is { } configuration)
            {
                return new WorkerPlan(
                    ConfigurationFile.Parse(configuration.ToJsonString(), "the plan", new TrainConfiguration(), TrainSettings.All),
                    checkpoint);
            }
        }
        catch (JsonException)
        {
            // Said below.
        }
        throw new UsageException("A training worker reads its plan from standard input: use crossnode train, which starts the workers itself.");
    }
}
