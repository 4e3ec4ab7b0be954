using System.Globalization;
using System.Net;
using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Launching;

/// <summary>What a launcher tells a worker process through environment variables.</summary>
/// <remarks>
/// Anything that sets these five variables is a launcher: a shell script, a job scheduler. The two that name the launcher's
/// process are for launchers on the worker's own machine; without them a worker outlives its launcher.
/// </remarks>
public sealed record LaunchEnvironment
{
    /// <summary>Where the coordinator listens: ADDRESS:PORT.</summary>
    public const string CoordinatorVariable = "CROSSNODE_COORDINATOR";

    /// <summary>The run: 32 hexadecimal digits.</summary>
    public const string RunVariable = "CROSSNODE_RUN";

    /// <summary>This worker's number, from 0.</summary>
    public const string WorkerVariable = "CROSSNODE_WORKER";

    /// <summary>How many workers were started.</summary>
    public const string WorkersVariable = "CROSSNODE_WORKERS";

    /// <summary>The launcher's process id.</summary>
    public const string LauncherVariable = "CROSSNODE_LAUNCHER_PID";

    /// <summary>When that process was started, in the form of <see cref="ProcessStamp.Started"/>.</summary>
    public const string LauncherStartedVariable = "CROSSNODE_LAUNCHER_STARTED";

    /// <summary>The coordinator's address.</summary>
    public required IPEndPoint Coordinator { get; init; }

    /// <summary>The run to join.</summary>
    public required RunId Run { get; init; }

    /// <summary>Who this process is in the run.</summary>
    public required MemberId Worker { get; init; }

    /// <summary>How many workers the launcher started.</summary>
    public required int Workers { get; init; }

    /// <summary>The process without which the worker has no reason to go on; null when there is none.</summary>
    public ProcessStamp? Launcher { get; init; }

    /// <summary>Reads the variables of this process.</summary>
    /// <exception cref="InputException">One is missing, or is not what it should be.</exception>
    public static LaunchEnvironment Read() => Read(Environment.GetEnvironmentVariable);

    /// <summary>Reads the variables from a given source.</summary>
    /// <exception cref="InputException">One is missing, or is not what it should be.</exception>
    public static LaunchEnvironment Read(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        var coordinator = Required(variable, CoordinatorVariable);
        if (!Endpoints.TryParse(coordinator, out var endpoint))
        {
            throw Unusable(CoordinatorVariable, coordinator, "an address with a port, such as 127.0.0.1:5000");
        }
        var run = Required(variable, RunVariable);
        if (!RunId.TryParse(run, out var runId))
        {
            throw Unusable(RunVariable, run, "32 hexadecimal digits");
        }
        var workers = Number(variable, WorkersVariable, smallest: 1);
        var worker = Number(variable, WorkerVariable, smallest: 0);
        if (worker >= workers)
        {
            throw new InputException($"{WorkerVariable} is {worker}, but {WorkersVariable} is {workers}: number the workers from 0 to {workers - 1}.");
        }
        return new LaunchEnvironment
        {
            Coordinator = endpoint,
            Run = runId,
            Worker = new MemberId((uint)worker),
            Workers = workers,
            Launcher = string.IsNullOrEmpty(variable(LauncherVariable))
                ? null
                : new ProcessStamp(Number(variable, LauncherVariable, smallest: 1), variable(LauncherStartedVariable) ?? ""),
        };
    }

    /// <summary>Whether a launcher started this process.</summary>
    public static bool IsPresent => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(CoordinatorVariable));

    /// <summary>The variables with the values that <see cref="Read()"/> understands.</summary>
    public IReadOnlyDictionary<string, string> ToVariables()
    {
        var variables = new Dictionary<string, string>
        {
            [CoordinatorVariable] = Coordinator.ToString(),
            [RunVariable] = Run.ToString(),
            [WorkerVariable] = Worker.Value.ToString(CultureInfo.InvariantCulture),
            [WorkersVariable] = Workers.ToString(CultureInfo.InvariantCulture),
        };
        if (Launcher is { } launcher)
        {
            variables[LauncherVariable] = launcher.Id.ToString(CultureInfo.InvariantCulture);
            variables[LauncherStartedVariable] = launcher.Started;
        }
        return variables;
    }

    private static string Required(Func<string, string?> variable, string name) =>
        variable(name) is { Length: > 0 } value
            ? value
            : throw new InputException($"{name} is not set, so this process does not know which run to join: start it with crossnode run --workers N -- PROGRAM.");

    private static int Number(Func<string, string?> variable, string name, int smallest)
    {
        var text = Required(variable, name);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= smallest
            ? number
            : throw Unusable(name, text, $"a whole number of at least {smallest}");
    }

    private static InputException Unusable(string name, string value, string wanted) =>
        new($"{name} is '{value}', but must be {wanted}.");
}
