using Setting = Crossnode.Cli.Configuration.Setting<Crossnode.Cli.Benchmarks.BenchConfiguration>;

namespace Crossnode.Cli.Benchmarks;

/// <summary>What crossnode bench can be told; lists as they were typed, with commas in them.</summary>
internal sealed record BenchConfiguration
{
    public const string Own = "own";
    public const string System = "system";
    public const string Barrier = "barrier";
    public const string BestEffort = "best-effort";
    public const string Auto = "auto";
    public const string Tcp = "tcp";
    public const string SharedMemory = "shared-memory";
    public const string PinSmall = "small";
    public const string PinAll = "all";
    public const string PinNone = "none";
    public const string NoPeers = "none";
    public const string NoCodec = "none";

    public string Operation { get; init; } = "all-reduce";

    public IReadOnlyList<string> Sizes { get; init; } = ["4KiB,1MiB,64MiB,256MiB"];

    public IReadOnlyList<string> Worlds { get; init; } = ["2,4"];

    public IReadOnlyList<string> Links { get; init; } = [$"{Tcp},{SharedMemory}"];

    public IReadOnlyList<string> Codecs { get; init; } = [NoCodec];

    public IReadOnlyList<string> Algorithms { get; init; } = [Auto];

    public IReadOnlyList<string> Types { get; init; } = ["f32"];

    public IReadOnlyList<string> Commit { get; init; } = ["barrier"];

    public IReadOnlyList<string> CongestionControl { get; init; } = [Own];

    public bool InPlace { get; init; }

    public int Rounds { get; init; } = 7;

    public int Iterations { get; init; }

    public string Pin { get; init; } = PinSmall;

    public IReadOnlyList<string> Peers { get; init; } = [NoPeers];

    public string Csv { get; init; } = "";

    public string Figure { get; init; } = "";

    /// <summary>Whether sizes and worlds are the default ones, to which some rows of interest are added.</summary>
    public bool HasExtras { get; init; }

    /// <summary>The flags, in the order of the help.</summary>
    public static IReadOnlyList<Setting> Settings { get; } =
    [
        Setting.List("sizes", "bytes of the operation, such as 4096, 4KiB or 64MiB", "SIZES", c => c.Sizes, (c, v) => c with { Sizes = v }),
        Setting.List("worlds", "numbers of processes", "COUNTS", c => c.Worlds, (c, v) => c with { Worlds = v }),
        Setting.List("links", "what carries the bytes: tcp, shared-memory", "NAMES", c => c.Links, (c, v) => c with { Links = v }),
        Setting.List("codecs", "how elements of f32 travel in all-reduce and reduce-scatter: none, f16, bf16, int8, e3m0, sign", "NAMES", c => c.Codecs, (c, v) => c with { Codecs = v }),
        Setting.List("algorithms", "how data travels: auto, ring, halving-doubling, exchange, tree, direct", "NAMES", c => c.Algorithms, (c, v) => c with { Algorithms = v }),
        Setting.List("types", "element types: f16, bf16, f32, f64, or i8 to i64 and u8 to u64", "NAMES", c => c.Types, (c, v) => c with { Types = v }),
        Setting.List("commit", "when an operation counts as done: barrier, best-effort", "NAMES", c => c.Commit, (c, v) => c with { Commit = v }),
        Setting.List("congestionControl", "own, which the library sets on loopback, or system, which leaves the system's", "NAMES", c => c.CongestionControl, (c, v) => c with { CongestionControl = v }),
        Setting.Switch("inPlace", "measure in place as well", c => c.InPlace, (c, v) => c with { InPlace = v }),
        Setting.Whole("rounds", "in each round every program runs once, by turns", 1, 10_000, c => c.Rounds, (c, v) => c with { Rounds = v }),
        Setting.Whole("iterations", "operations in a round; 0 chooses by size", 0, 1_000_000, c => c.Iterations, (c, v) => c with { Iterations = v }),
        Setting.Choice("pin", "when rank r, the peers' too, stays on core r modulo cores: small (below 1 MiB with 2 processes), all or none", [PinSmall, PinAll, PinNone], c => c.Pin, (c, v) => c with { Pin = v }),
        Setting.List("peers", "programs to compare with: none, or mpi (Open MPI) and torch (torch.distributed over Gloo)", "NAMES", c => c.Peers, (c, v) => c with { Peers = v }),
        Setting.Text("csv", "write the rows there, with a row for each peer", "FILE", c => c.Csv, (c, v) => c with { Csv = v }),
        Setting.Text("figure", "draw bus bandwidth over size there: a name that ends with .svg or .png", "FILE", c => c.Figure, (c, v) => c with { Figure = v }),
    ];
}
