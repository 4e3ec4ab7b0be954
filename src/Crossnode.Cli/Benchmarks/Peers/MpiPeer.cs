using System.Globalization;
using Crossnode.Cli.Benchmarks.Processes;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Benchmarks.Peers;

/// <summary>Open MPI with its defaults, over sockets or over shared memory.</summary>
internal sealed record MpiPeer : BenchPeer
{
    public const string Family = "mpi";

    private const string Packages = "openmpi-bin libopenmpi-dev gcc";
    private const string Source = "mpi_peer.c";
    private const string Program = "mpi_peer";

    private readonly string[] _transport;

    private MpiPeer(string name, params string[] transport)
        : base(name) => _transport = transport;

    /// <summary>Over TCP on loopback.</summary>
    public static MpiPeer OverTcp { get; } =
        new("mpi-tcp", "--mca", "pml", "ob1", "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "lo");

    /// <summary>What it chooses itself between processes of one machine: shared memory.</summary>
    public static MpiPeer OverSharedMemory { get; } = new("mpi-shm");

    /// <inheritdoc />
    protected override IReadOnlyList<string> Operations { get; } =
    [
        "all-reduce", "broadcast", "reduce", "reduce-scatter", "all-gather", "scatter", "gather", "all-to-all", "send-receive", "barrier",
    ];

    /// <inheritdoc />
    public override async Task PrepareAsync(PeerPrograms programs, string folder, TimeProvider time, CancellationToken cancellationToken)
    {
        var compiler = programs.Require("mpicc", Family, Packages);
        programs.Require("mpirun", Family, Packages);
        var program = Path.Combine(folder, Program);
        if (File.Exists(program))
        {
            return;
        }
        var source = await WriteSourceAsync(Source, folder, cancellationToken);
        if (await ShortProgram.FailureAsync(compiler, ["-O3", "-o", program, source], folder, time, cancellationToken) is { } failure)
        {
            throw PeerPrograms.Missing(failure.TrimEnd('.'), Family, Packages);
        }
    }

    /// <inheritdoc />
    public override ProcessSetPlan Plan(int world, PeerPrograms programs, string folder)
    {
        // mpirun hands standard input to rank 0 alone, and ranks that wait for another one spin: each gets a pipe of its own.
        var own = Directory.CreateDirectory(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Name}-{world}"))).FullName;
        var pipes = new CommandPipes(own, world);
        return new ProcessSetPlan(
            Name,
            world,
            [
                new WorkerCommand(
                    programs.Require("mpirun", Family, Packages),
                    [
                        "--allow-run-as-root", "--oversubscribe", "-np", world.ToString(CultureInfo.InvariantCulture),
                        .. _transport, Path.Combine(folder, Program), own,
                    ]),
            ])
        {
            // Where it keeps its session, so that nothing is left when it is killed.
            Variables = new Dictionary<string, string> { ["TMPDIR"] = own },
            Tell = pipes.Write,
            Release = pipes.Dispose,
        };
    }
}
