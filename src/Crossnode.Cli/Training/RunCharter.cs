using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Crossnode.Cli.Configuration;
using Crossnode.Core.Errors;
using Crossnode.Models.Text;

namespace Crossnode.Cli.Training;

/// <summary>What a training run is about, as its coordinator tells those that join: the shared configuration, and the data.</summary>
/// <param name="Configuration">What all machines share.</param>
/// <param name="Data">What the run learns from.</param>
/// <param name="FirstStep">The step with which this run begins: later than 0 where it goes on from a checkpoint.</param>
internal sealed record RunCharter(TrainConfiguration Configuration, DataManifest Data, long FirstStep = 0)
{
    private const int CurrentFormat = 1;
    private const string Program = "crossnode train";

    /// <summary>The bytes that travel: JSON.</summary>
    public byte[] ToBytes() => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["format"] = CurrentFormat,
        ["program"] = Program,
        ["version"] = ProgramVersion.Text,
        ["firstStep"] = FirstStep,
        ["configuration"] = JsonNode.Parse(ConfigurationFile.Write(Configuration, TrainSettings.OfTheRun, indented: false)),
        ["data"] = Data.ToJson(),
    }.ToJsonString());

    /// <summary>Reads the charter of a run that is to be joined.</summary>
    /// <param name="bytes">As its coordinator sent it.</param>
    /// <param name="own">What this machine decides for itself.</param>
    /// <exception cref="InputException">It is another program's, of another version, or damaged.</exception>
    public static RunCharter Parse(ReadOnlySpan<byte> bytes, TrainConfiguration own)
    {
        try
        {
            var json = JsonNode.Parse(Encoding.UTF8.GetString(bytes));
            if ((string?)json!["program"] != Program)
            {
                throw new InputException(
                    "that run is not one of crossnode train: start its program with crossnode run --coordinator HOST:PORT --run ID -- PROGRAM");
            }
            if ((int?)json["format"] != CurrentFormat)
            {
                throw new InputException(
                    $"that run was started by crossnode {(string?)json["version"]}, whose description of a run this one, {ProgramVersion.Text}, cannot read: use the same version everywhere");
            }
            return new RunCharter(
                ConfigurationFile.Parse(json["configuration"]!.ToJsonString(), "the run's configuration", own, TrainSettings.OfTheRun),
                DataManifest.Parse(json["data"]),
                (long)json["firstStep"]!);
        }
        catch (Exception other) when (other is JsonException or InvalidOperationException or NullReferenceException or UsageException)
        {
            throw new InputException(
                $"the coordinator's description of the run cannot be read: {other.Message} Use the same version of crossnode everywhere.", other);
        }
    }
}
