using System.Globalization;
using System.Text.RegularExpressions;
using Crossnode.Core.Errors;
using Crossnode.Training.Files;

namespace Crossnode.Cli.Training;

/// <summary>The files from which a training run goes on: one for each worker of this machine and each step that was saved.</summary>
/// <remarks>With local steps the workers' states differ, so each writes its own. A step counts when all of
/// this machine's workers that took part in it have saved it.</remarks>
internal sealed partial class StateFolder(string path)
{
    /// <summary>What the run is about, as its charter says.</summary>
    public const string CharterKey = "train.charter";

    /// <summary>The paths that --data named, as JSON.</summary>
    public const string DataKey = "train.data";

    private const string MembersKey = "train.members";

    /// <summary>The folder's name within a run's folder.</summary>
    public const string Name = "state";

    /// <summary>What a worker's file says besides its state.</summary>
    public static Dictionary<string, string> Texts(string charter, string data, IEnumerable<uint> members) => new()
    {
        [CharterKey] = charter,
        [DataKey] = data,
        [MembersKey] = string.Join(' ', members),
    };

    /// <summary>The file of a member and a step; the folder is made if it is not there.</summary>
    /// <exception cref="InputException">It cannot be made.</exception>
    public string PathFor(long step, uint member)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"The folder {path} for the run's state cannot be made: {exception.Message}", exception);
        }
        return Path.Combine(path, string.Create(CultureInfo.InvariantCulture, $"step-{step:00000000}-worker-{member}.safetensors"));
    }

    /// <summary>Removes a member's files that are older than the newest step which all workers of this machine have saved.</summary>
    /// <remarks>With local steps one may be several savings ahead of another.</remarks>
    public void Prune(uint member)
    {
        var files = Files().ToList();
        var here = files.Select(file => file.Member).Distinct().Count();
        var complete = files.GroupBy(file => file.Step).Where(set => set.Count() == here).Select(set => set.Key).DefaultIfEmpty(0).Max();
        foreach (var old in files.Where(file => file.Member == member && file.Step < complete))
        {
            File.Delete(old.Path);
        }
    }

    /// <summary>Finds the newest step that can be gone on from.</summary>
    /// <returns>The step, and the files of its members in the order of their numbers.</returns>
    /// <exception cref="UsageException">There is none.</exception>
    /// <exception cref="InputException">A file cannot be read, or is damaged.</exception>
    public static (long Step, IReadOnlyList<string> Files) Find(string folder)
    {
        var state = new StateFolder(Path.Combine(folder, Name));
        if (!Directory.Exists(state.Root))
        {
            throw new UsageException(
                $"--resume {folder}: there is no folder '{Name}' in it: name the folder of a run that was stopped with Ctrl-C, or had --checkpoint-every.");
        }
        // Members of other machines wrote there, and join again.
        var here = state.Files().Select(file => file.Member.ToString(CultureInfo.InvariantCulture)).ToHashSet();
        var incomplete = "";
        foreach (var set in state.Files().GroupBy(file => file.Step).OrderByDescending(set => set.Key))
        {
            var files = set.OrderBy(file => file.Member).ToList();
            var members = StateFile.Open(files[0].Path).Metadata.GetValueOrDefault(MembersKey, "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var missing = members.Where(here.Contains).Except(files.Select(file => file.Member.ToString(CultureInfo.InvariantCulture))).ToList();
            if (missing.Count == 0)
            {
                // The first is whole; the others are read by workers, of which none is to start without the others.
                foreach (var file in files.Skip(1))
                {
                    StateFile.Open(file.Path);
                }
                return (set.Key, [.. files.Select(file => file.Path)]);
            }
            incomplete = $" (step {set.Key} lacks the file of worker {string.Join(" and ", missing)})";
        }
        throw new UsageException($"--resume {folder}: it holds no step that all its workers have saved{incomplete}: use another run.");
    }

    private string Root => path;

    private IEnumerable<(long Step, uint Member, string Path)> Files() =>
        from file in Directory.EnumerateFiles(path)
        let match = FileName().Match(Path.GetFileName(file))
        where match.Success
        select (long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), uint.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture), file);

    [GeneratedRegex(@"^step-(\d{1,18})-worker-(\d{1,9})\.safetensors$")]
    private static partial Regex FileName();
}
