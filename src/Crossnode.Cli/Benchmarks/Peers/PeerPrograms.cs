namespace Crossnode.Cli.Benchmarks.Peers;

/// <summary>Finds programs of others, and says which packages bring those that are missing.</summary>
/// <param name="path">Folders to look in, as PATH has them.</param>
internal sealed class PeerPrograms(string? path)
{
    /// <summary>The full path of a program; null where there is none.</summary>
    public string? Find(string program) => All(program).FirstOrDefault();

    /// <summary>The full paths of all programs of this name, in order.</summary>
    public IEnumerable<string> All(string program) =>
        from folder in (path ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        let file = Path.Combine(folder, program)
        where File.Exists(file)
        select file;

    /// <summary>The full path of a program that must be there.</summary>
    /// <exception cref="UsageException">It is not.</exception>
    public string Require(string program, string peer, string packages) =>
        Find(program) ?? throw Missing($"there is no {program} in the PATH", peer, packages);

    /// <summary>What to say when something is missing.</summary>
    public static UsageException Missing(string what, string peer, string packages) =>
        new($"--peers {peer} cannot run here, because {what}: apt-get install {packages}, or leave {peer} out of --peers.");
}
