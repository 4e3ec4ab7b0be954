using System.Text;
using System.Text.Json;
using Crossnode.Cli.Configuration;
using Crossnode.Training.Files;

namespace Crossnode.Cli.Training;

/// <summary>A run that is to go on from its files.</summary>
/// <param name="Step">The next step.</param>
/// <param name="Files">The workers' files, in the order of their numbers.</param>
/// <param name="Charter">What the run was about.</param>
/// <param name="Data">What --data named then.</param>
internal sealed record Resumption(long Step, IReadOnlyList<string> Files, byte[] Charter, IReadOnlyList<string> Data)
{
    /// <summary>Reads the newest complete step of a run's folder.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    /// <exception cref="Core.Errors.InputException">A file is damaged, or of another program or version.</exception>
    public static Resumption Of(string folder)
    {
        var (step, files) = StateFolder.Find(folder);
        var texts = StateFile.Open(files[0]).Metadata;
        if (texts.GetValueOrDefault(StateFolder.CharterKey) is not { } charter || texts.GetValueOrDefault(StateFolder.DataKey) is not { } data)
        {
            throw new UsageException($"--resume {folder}: {files[0]} is no file of crossnode train: resume it with the program that wrote it.");
        }
        return new Resumption(step, files, Encoding.UTF8.GetBytes(charter), JsonSerializer.Deserialize<string[]>(data) ?? []);
    }

    /// <summary>The configuration of the run, with what a machine decides for itself as it is here; as many workers as before.</summary>
    public TrainConfiguration Base(TrainConfiguration here)
    {
        var run = RunCharter.Parse(Charter, here).Configuration;
        return run with { Workers = Files.Count, Data = here.Data.Count > 0 ? here.Data : Data };
    }

    /// <summary>The first difference between the run's data and those that are here; null when they are the same.</summary>
    public string? DataDifference(RunCharter here) => RunCharter.Parse(Charter, here.Configuration).Data.FirstDifference(here.Data);
}
