using System.Globalization;
using Crossnode.Cli.Benchmarks.Operations;
using Crossnode.Cli.Benchmarks.Peers;
using Crossnode.Cli.Benchmarks.Processes;
using Crossnode.Cli.Configuration;
using Crossnode.Core;

namespace Crossnode.Cli.Benchmarks;

/// <summary>A way in which this library runs an operation; processes are started for each link and congestion control.</summary>
internal sealed record OwnVariant(string Link, string CongestionControl, string Codec, string Commit, string Algorithm = BenchConfiguration.Auto);

/// <summary>What is measured by turns: the variants of this library, and the peers that can do the same.</summary>
internal sealed record BenchCase(BenchOperation Operation, int World, long Bytes, ElementType Type, bool InPlace)
{
    private const int BuffersOfEach = 2;

    public required IReadOnlyList<OwnVariant> Variants { get; init; }

    public required IReadOnlyList<BenchPeer> Peers { get; init; }

    /// <summary>Operations in a round; fewer of a program that is slow, where they are not fixed.</summary>
    public required int Iterations { get; init; }

    /// <summary>Whether somebody chose their number.</summary>
    public required bool HasFixedIterations { get; init; }

    public required bool IsPinned { get; init; }

    /// <summary>What the buffers of all processes take together.</summary>
    public double MemoryBytes => (double)Bytes * BuffersOfEach * World
        * (Variants.DistinctBy(variant => (variant.Link, variant.CongestionControl)).Count() + Peers.Count);

    /// <summary>What people call it.</summary>
    public string Text =>
        $"{Operation.Name}{(Operation.HasBytes ? $" of {ByteSize.Text(Bytes)} {Type.Name()}" : "")}{(InPlace && Operation.HasTwoBuffers ? " in place" : "")}";
}

/// <summary>What a plan has to fit.</summary>
internal sealed record BenchMachine(int Cores, long MemoryBytes)
{
    /// <summary>This one.</summary>
    public static BenchMachine Here() => new(RankProcess.CoreCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
}

/// <summary>From flags to what is measured, in order.</summary>
internal static class BenchPlan
{
    /// <summary>From this size on, bandwidth is what is compared; below, time.</summary>
    public const long SmallestLarge = 1 << 20;

    // What one round moves at two processes: about a tenth of a second over loopback.
    private const long BytesInRound = 256L << 20;
    private const int MostIterations = 10_000;
    private const int FewestIterations = 1;

    private const int LargestWorld = 64;

    // The rows that a plain crossnode bench adds, because they answer what is asked next.
    private const int ExtraWorld = 2;
    private const long ExtraBytes = 64 << 20;

    private static readonly ElementType[] Types = [.. Enum.GetValues<ElementType>().Where(type => type.IsKnown())];

    /// <summary>Reads the flags.</summary>
    /// <exception cref="UsageException">A value is not what it must be.</exception>
    public static IReadOnlyList<BenchCase> Of(BenchConfiguration c, BenchMachine machine)
    {
        var operation = BenchOperation.Named(c.Operation);
        var worlds = Split(c.Worlds).Select(World).Distinct().ToList();
        var types = Known("--types", c.Types, [.. Types.Select(t => t.Name())]).Select(name => Types.First(t => t.Name() == name)).ToList();
        var sizes = operation.HasBytes ? Split(c.Sizes).Select(Size).Distinct().ToList() : [0];
        var links = Known("--links", c.Links, [BenchConfiguration.Tcp, BenchConfiguration.SharedMemory]);
        var codecs = Known("--codecs", c.Codecs, BenchCodecs.Names);
        var commits = Known("--commit", c.Commit, [BenchConfiguration.Barrier, BenchConfiguration.BestEffort]);
        var controls = Known("--congestion-control", c.CongestionControl, [BenchConfiguration.Own, BenchConfiguration.System]);
        var algorithms = Known("--algorithms", c.Algorithms, BenchAlgorithms.Names);
        var peers = BenchPeers.Named(Known("--peers", c.Peers, [BenchConfiguration.NoPeers, .. BenchPeers.Families]));
        RequireCodecs(codecs, operation, types);
        List<BenchCase> cases =
        [
            .. from world in worlds
               from type in types
               from bytes in sizes
               from inPlace in Placings(c, operation, world, bytes)
               select new BenchCase(operation, world, operation.HasBlocks ? Blocks(Whole(bytes, type), type, world) : Whole(bytes, type), type, inPlace)
               {
                   Variants =
                   [
                       .. from link in links
                          from control in link == BenchConfiguration.SharedMemory ? [BenchConfiguration.System]
                              : IsExtra(c, world, bytes) && !inPlace ? controls.Union([BenchConfiguration.System]) : controls
                          from codec in codecs
                          from commit in commits
                          from algorithm in algorithms
                          select new OwnVariant(link, control, codec, commit, algorithm),
                   ],
                   Peers = [.. peers.Where(peer => peer.Can(operation, type))],
                   Iterations = c.Iterations > 0 ? c.Iterations : IterationsFor(bytes, world),
                   HasFixedIterations = c.Iterations > 0,
                   IsPinned = c.Pin == BenchConfiguration.PinAll
                       || (c.Pin == BenchConfiguration.PinSmall && bytes < SmallestLarge && world == 2 && machine.Cores >= 2),
               },
        ];
        cases.ForEach(measured => RequireMemory(measured, machine.MemoryBytes));
        return cases;
    }

    /// <summary>Operations in a round: so many that a round is long beside a clock's resolution, and short beside a person's patience.</summary>
    internal static int IterationsFor(long bytes, int world) =>
        (int)Math.Clamp(BytesInRound * 2 / world / Math.Max(1, bytes), FewestIterations, MostIterations);

    private static void RequireCodecs(List<string> codecs, BenchOperation operation, List<ElementType> types)
    {
        var other = types.Find(type => type != ElementType.Float32);
        if (codecs.Find(name => name != BenchConfiguration.NoCodec) is { } codec && (!operation.HasCodecs || other != ElementType.None))
        {
            var able = BenchOperation.All.Where(o => o.HasCodecs).Select(o => o.Name);
            throw new UsageException(
                $"--codecs {codec} is for {string.Join(" and ", able)} of f32, not for {operation.Name} of {(other == ElementType.None ? types[0] : other).Name()}: measure those with --codecs {BenchConfiguration.NoCodec}.");
        }
    }

    private static void RequireMemory(BenchCase measured, long available)
    {
        if (measured.MemoryBytes > available)
        {
            throw new UsageException(
                $"{measured.Text} with {measured.World} processes takes {ByteSize.Text((long)measured.MemoryBytes >> 20 << 20)} of memory in all programs that run by turns, and this machine has {ByteSize.Text(available >> 20 << 20)}: take smaller --sizes, fewer --worlds or fewer --peers.");
        }
    }

    private static IEnumerable<bool> Placings(BenchConfiguration c, BenchOperation operation, int world, long bytes) =>
        !operation.HasTwoBuffers ? [true]
        : c.InPlace || IsExtra(c, world, bytes) ? [false, true]
        : [false];

    private static bool IsExtra(BenchConfiguration c, int world, long bytes) =>
        c.HasExtras && world == ExtraWorld && bytes == ExtraBytes;

    private static long Whole(long bytes, ElementType type) => bytes % type.Size() == 0
        ? bytes
        : throw new UsageException($"--sizes {bytes} is no whole number of {type.Name()} elements of {type.Size()} bytes.");

    // Up, so that small sizes do not become nothing.
    private static long Blocks(long bytes, ElementType type, int world)
    {
        var unit = (long)type.Size() * world;
        return (bytes + unit - 1) / unit * unit;
    }

    private static long Size(string text) => ByteSize.TryParse(text, out var bytes) && bytes > 0
        ? bytes
        : throw new UsageException($"--sizes must be sizes above 0, such as 4096, 4KiB, 64MiB or 1GiB, separated by commas, not '{text}'.");

    private static int World(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var world) && world is >= 2 and <= LargestWorld
            ? world
            : throw new UsageException($"--worlds must be whole numbers from 2 to {LargestWorld}, separated by commas, not '{text}'.");

    private static List<string> Known(string flag, IReadOnlyList<string> texts, IReadOnlyList<string> names)
    {
        var given = Split(texts).Distinct().ToList();
        return given.Find(name => !names.Contains(name)) is { } unknown
            ? throw new UsageException(
                $"{flag} knows no '{unknown}'{Spelling.DidYouMean(unknown, names)} There {(names.Count == 1 ? "is" : "are")} {string.Join(", ", names)}.")
            : given;
    }

    private static IEnumerable<string> Split(IEnumerable<string> texts) =>
        texts.SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries));
}
