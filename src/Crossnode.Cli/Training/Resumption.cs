using System.Text;
using System.Text.Json;
using Crossnode.Cli.Configuration;
using Crossnode.Training.Files;

namespace Crossnode.Cli.Training;

/// <summary>A run that is to go on from its files.</summary>
/// <param name="Folder">The run's folder, as it was named.</param>
/// <param name="Step">The next step.</param>
/// <param name="Files">The workers' files, in the order of their numbers.</param>
/// <param name="Charter">What the run was about.</param>
/// <param name="Data">What --data named then.</param>
internal sealed record Resumption(string Folder, long Step, IReadOnlyList<string> Files, byte[] Charter, IReadOnlyList<string> Data)
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
        return new Resumption(folder, step, files, Encoding.UTF8.GetBytes(charter), JsonSerializer.Deserialize<string[]>(data) ?? []);
    }

    /// <summary>The configuration of the run, with what a machine decides for itself as it is here; as many workers as before.</summary>
    public TrainConfiguration Base(TrainConfiguration here)
    {
        var run = RunCharter.Parse(Charter, here).Configuration;
        return run with { Workers = Files.Count, Data = here.Data.Count > 0 ? here.Data : Data };
    }

    /// <summary>Refuses a configuration with which the run cannot go on.</summary>
    /// <exception cref="UsageException">It is of another model or strategy, or leaves no step to take.</exception>
    public void Check(TrainConfiguration here)
    {
        var then = RunCharter.Parse(Charter, here).Configuration;
        foreach (var setting in TrainSettings.All.Where(setting => TrainSettings.OfTheModel.Contains(setting.Key)))
        {
            var (before, now) = (setting.Read(then).ToJsonString().Trim('"'), setting.Read(here).ToJsonString().Trim('"'));
            if (before != now)
            {
                throw new UsageException(
                    $"--resume {Folder}: {setting.Flag} is {before} in the checkpoint and {now} here: leave it as it was, or begin a run of its own.");
            }
        }
        if (Step >= here.Steps)
        {
            throw new UsageException(Step > here.Steps
                ? $"--resume {Folder}: the checkpoint is at step {Step}, beyond --steps {here.Steps}: give more steps than that."
                : $"--resume {Folder}: the checkpoint is at step {Step}, the last of --steps {here.Steps}: give more steps than that.");
        }
    }

    /// <summary>The first difference between the run's data and those that are here; null when they are the same.</summary>
    public string? DataDifference(RunCharter here) => RunCharter.Parse(Charter, here.Configuration).Data.FirstDifference(here.Data);
}
