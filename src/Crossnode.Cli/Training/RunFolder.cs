using System.Globalization;

namespace Crossnode.Cli.Training;

/// <summary>The folder into which one training run writes.</summary>
internal sealed class RunFolder
{
    private RunFolder(string path) => Path = path;

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Everything that was measured, a line of JSON each.</summary>
    public string Metrics => System.IO.Path.Combine(Path, "metrics.jsonl");

    /// <summary>The trained model.</summary>
    public string Checkpoint => System.IO.Path.Combine(Path, "model.safetensors");

    /// <summary>What the trained model wrote.</summary>
    public string Sample => System.IO.Path.Combine(Path, "sample.txt");

    /// <summary>The loss figure, without .svg or .png.</summary>
    public string Figure => System.IO.Path.Combine(Path, "loss");

    /// <summary>The corpus for the workers; removed at the end.</summary>
    public string Corpus => System.IO.Path.Combine(Path, "corpus.bin");

    /// <summary>Files from which the run can go on.</summary>
    public string State => System.IO.Path.Combine(Path, StateFolder.Name);

    /// <summary>What the run is about, for the workers; removed at the end.</summary>
    public string Charter => System.IO.Path.Combine(Path, "charter.json");

    /// <summary>Creates a folder for a new run.</summary>
    /// <exception cref="UsageException">It holds a run already, or cannot be created.</exception>
    public static RunFolder Create(string wanted, TimeProvider time)
    {
        try
        {
            var path = wanted.Length > 0 ? wanted : Unused(System.IO.Path.Combine(
                "runs", time.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)));
            var folder = new RunFolder(path);
            Directory.CreateDirectory(path);
            if (File.Exists(folder.Metrics))
            {
                throw new UsageException($"The folder {path} holds a run already, which stays as it is: name another one with --out.");
            }
            // A folder that is there already may still not take files.
            File.Create(folder.Metrics).Dispose();
            return folder;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            var why = exception is UnauthorizedAccessException ? "this user may not write there"
                : File.Exists(wanted) ? "a file has that name"
                : "the system does not allow files or folders there";
            throw new UsageException($"Results cannot be written to {(wanted.Length > 0 ? wanted : "runs")}: {why}; name another folder with --out.");
        }
    }

    /// <summary>Removes a corpus that an earlier run may have left, before one is fetched: it would be taken for that.</summary>
    /// <exception cref="UsageException">One cannot be removed.</exception>
    public void ClearCorpus()
    {
        try
        {
            DeleteCorpus();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"What an earlier run left in {Path} cannot be removed: {exception.Message} Name another folder with --out.");
        }
    }

    /// <summary>Removes what was only for the workers.</summary>
    public void RemoveCorpus()
    {
        try
        {
            DeleteCorpus();
            File.Delete(Charter);
        }
        catch (IOException)
        {
            // On Windows a worker that is just ending may still hold it.
        }
    }

    /// <summary>Removes what a run that did not begin has left, so that its name can be used again.</summary>
    public void Discard()
    {
        RemoveCorpus();
        File.Delete(Metrics);
        if (!Directory.EnumerateFileSystemEntries(Path).Any())
        {
            Directory.Delete(Path);
        }
    }

    // With its lock, and what workers that were killed have written of it.
    private void DeleteCorpus()
    {
        foreach (var file in Directory.GetFiles(Path, System.IO.Path.GetFileName(Corpus) + "*"))
        {
            File.Delete(file);
        }
    }

    // Two runs may start in the same second.
    private static string Unused(string path) =>
        Enumerable.Range(1, 1000).Select(i => i == 1 ? path : $"{path}-{i}").First(p => !Directory.Exists(p));
}
