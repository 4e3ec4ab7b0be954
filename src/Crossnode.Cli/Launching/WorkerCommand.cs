using System.ComponentModel;
using System.Diagnostics;

namespace Crossnode.Cli.Launching;

/// <summary>The program that workers run.</summary>
/// <param name="Program">A path, or a name to look for in the PATH.</param>
/// <param name="Arguments">As the program gets them.</param>
/// <param name="KeepInput">Whether the launcher writes to the workers' standard input; else it is empty.</param>
internal sealed record WorkerCommand(string Program, IReadOnlyList<string> Arguments, bool KeepInput = false)
{
    /// <summary>This program itself, with other arguments.</summary>
    public static WorkerCommand Self(params string[] arguments)
    {
        var process = Environment.ProcessPath
            ?? throw new InvalidOperationException("The system does not tell which program this process runs.");
        var assembly = typeof(WorkerCommand).Assembly.Location;
        var isHost = Path.GetFileNameWithoutExtension(process).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        return new WorkerCommand(process, isHost ? [assembly, .. arguments] : arguments, KeepInput: true);
    }

    /// <summary>Starts the program.</summary>
    /// <exception cref="UsageException">There is no such program, or it may not be run.</exception>
    public Process Start(IReadOnlyDictionary<string, string> variables)
    {
        var start = new ProcessStartInfo(Program, Arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }
        // Several workers share this machine's cores: without this each starts a thread a core.
        start.Environment.TryAdd("OMP_NUM_THREADS", "1");
        try
        {
            var process = Process.Start(start)!;
            if (!KeepInput)
            {
                process.StandardInput.Close();
            }
            return process;
        }
        catch (Win32Exception exception)
        {
            const int NoSuchFile = 2, NotAllowed = 13;
            throw new UsageException(exception.NativeErrorCode switch
            {
                NoSuchFile => $"There is no program '{Program}', neither as a path nor in the PATH: check how it is spelt.",
                NotAllowed => $"'{Program}' may not be run: give it execute permission, or name the program that runs it, as in crossnode run -- dotnet app.dll.",
                _ => $"'{Program}' cannot be started: {exception.Message}.",
            });
        }
    }
}
