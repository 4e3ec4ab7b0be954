using System.Globalization;
using System.Net;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Transport;

namespace Crossnode.Collectives.Launching;

/// <summary>What a launcher tells a worker process through environment variables.</summary>
/// <remarks>
/// Anything that sets the coordinator and the run is a launcher: a shell script, a job scheduler. The two that name the
/// launcher's process are for launchers on the worker's own machine; without them a worker outlives its launcher.
/// </remarks>
public sealed record LaunchEnvironment
{
    /// <summary>Where the coordinator listens: ADDRESS:PORT.</summary>
    public const string CoordinatorVariable = "CROSSNODE_COORDINATOR";

    /// <summary>The run: 32 hexadecimal digits.</summary>
    public const string RunVariable = "CROSSNODE_RUN";

    /// <summary>This worker's number, from 0; empty or missing: the coordinator gives one.</summary>
    public const string WorkerVariable = "CROSSNODE_WORKER";

    /// <summary>How many workers were started.</summary>
    public const string WorkersVariable = "CROSSNODE_WORKERS";

    /// <summary>The address that the worker listens on, without a port.</summary>
    public const string HostVariable = "CROSSNODE_HOST";

    /// <summary>The ports of which the worker listens on one: 5000, or 5000-5009.</summary>
    public const string PortsVariable = "CROSSNODE_PORTS";

    /// <summary>The address that other members are told instead: ADDRESS, or ADDRESS:PORT.</summary>
    public const string AdvertiseVariable = "CROSSNODE_ADVERTISE";

    /// <summary>1 lets the worker listen where other machines reach it.</summary>
    public const string InsecureVariable = "CROSSNODE_INSECURE";

    /// <summary>The launcher's process id.</summary>
    public const string LauncherVariable = "CROSSNODE_LAUNCHER_PID";

    /// <summary>When that process was started, in the form of <see cref="ProcessStamp.Started"/>.</summary>
    public const string LauncherStartedVariable = "CROSSNODE_LAUNCHER_STARTED";

    /// <summary>1 makes <see cref="CrossnodeRun.Join"/> write <see cref="JoinedLine"/> to standard output.</summary>
    public const string TellsJoinVariable = "CROSSNODE_TELLS_JOIN";

    /// <summary>The line that says that a process has joined; its launcher shows it to nobody.</summary>
    /// <remarks>It begins with a control character: what a program prints for people does not.</remarks>
    public const string JoinedLine = "\u001bjoined";

    /// <summary>The coordinator's address.</summary>
    public required IPEndPoint Coordinator { get; init; }

    /// <summary>The run to join.</summary>
    public required RunId Run { get; init; }

    /// <summary>Who this process is in the run.</summary>
    /// <value>Unassigned: the coordinator says it.</value>
    public MemberId Worker { get; init; } = MemberId.Unassigned;

    /// <summary>How many workers the launcher started.</summary>
    public required int Workers { get; init; }

    /// <summary>The address to listen on; null: the one from which the coordinator is reached.</summary>
    public IPAddress? Host { get; init; }

    /// <summary>The ports of which one is listened on.</summary>
    public PortRange Ports { get; init; }

    /// <summary>The address that others are told; null: the one listened on.</summary>
    public string? Advertise { get; init; }

    /// <summary>Whether an address that other machines reach is allowed, though nothing checks who comes.</summary>
    public bool Insecure { get; init; }

    /// <summary>Whether the launcher hears by standard output that this process has joined: it has no coordinator to hear it from.</summary>
    public bool TellsJoin { get; init; }

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
        var worker = MemberId.Unassigned;
        if (variable(WorkerVariable) is { Length: > 0 })
        {
            worker = new MemberId((uint)Number(variable, WorkerVariable, smallest: 0));
            if (worker.Value >= workers)
            {
                throw new InputException(
                    $"{WorkerVariable} is {worker.Value}, but {WorkersVariable} is {workers}: number the workers from 0 to {workers - 1}.");
            }
        }

        IPAddress? host = null;
        if (variable(HostVariable) is { Length: > 0 } hostText && !IPAddress.TryParse(hostText, out host))
        {
            throw Unusable(HostVariable, hostText, "an address as numbers, such as 192.0.2.7");
        }

        var ports = PortRange.Any;
        if (variable(PortsVariable) is { Length: > 0 } portsText && !PortRange.TryParse(portsText, out ports))
        {
            throw Unusable(PortsVariable, portsText, "a port or two with a dash, such as 5000-5009");
        }

        return new LaunchEnvironment
        {
            Coordinator = endpoint,
            Run = runId,
            Worker = worker,
            Workers = workers,
            Host = host,
            Ports = ports,
            Advertise = variable(AdvertiseVariable) is { Length: > 0 } advertise ? advertise : null,
            Insecure = variable(InsecureVariable) is "1" or "true",
            TellsJoin = variable(TellsJoinVariable) is "1" or "true",
            Launcher = string.IsNullOrEmpty(variable(LauncherVariable))
                ? null
                : new ProcessStamp(Number(variable, LauncherVariable, smallest: 1), variable(LauncherStartedVariable) ?? ""),
        };
    }

    /// <summary>Whether a launcher started this process.</summary>
    public static bool IsPresent => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(CoordinatorVariable));

    /// <summary>The address to listen on: as given, or the one from which the coordinator is reached.</summary>
    /// <exception cref="InputException">The coordinator's address cannot be reached from here.</exception>
    public string ListenHost() => (Host ?? LocalAddress.Towards(Coordinator.Address)).ToString();

    /// <summary>What a session needs of this.</summary>
    /// <exception cref="InputException">The coordinator's address cannot be reached from here.</exception>
    public SessionOptions ToSession(IRandomSource random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return new SessionOptions
        {
            Run = Run,
            Coordinator = Coordinator.ToString(),
            Self = Worker,
            Incarnation = random.NextUInt64(),
            Host = ListenHost(),
            Ports = Ports,
            Advertise = Advertise,
        };
    }

    /// <summary>The variables with the values that <see cref="Read()"/> understands.</summary>
    public IReadOnlyDictionary<string, string> ToVariables()
    {
        var variables = new Dictionary<string, string>
        {
            [CoordinatorVariable] = Coordinator.ToString(),
            [RunVariable] = Run.ToString(),
            [WorkerVariable] = Worker == MemberId.Unassigned ? "" : Worker.Value.ToString(CultureInfo.InvariantCulture),
            [WorkersVariable] = Workers.ToString(CultureInfo.InvariantCulture),
            [HostVariable] = Host?.ToString() ?? "",
            [PortsVariable] = Ports == PortRange.Any ? "" : Ports.ToString(),
            [AdvertiseVariable] = Advertise ?? "",
            [InsecureVariable] = Insecure ? "1" : "",
            [TellsJoinVariable] = TellsJoin ? "1" : "",
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
