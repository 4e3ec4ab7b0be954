using System.CommandLine;
using System.Globalization;
using Crossnode.Bench;

// Interleaved all-reduces of Crossnode and torch.distributed (Gloo) between processes of this machine; prints medians and
// the ratio of each round. Example: dotnet run -c Release --project bench/Crossnode.Bench -- --bytes 67108864 --peer gloo
if (args is ["worker", ..])
{
    return Worker.Run(args[1..]);
}

// State transfer: dotnet run -c Release --project bench/Crossnode.Bench -- state --holders 3 --rate 50000000
if (args is ["state", ..])
{
    return StateBench.Run(args[1..]);
}

var bytes = new Option<long>("--bytes") { DefaultValueFactory = _ => 64L << 20, Description = "size of the buffer of 32-bit floats" };
var world = new Option<int>("--world") { DefaultValueFactory = _ => 2, Description = "number of processes" };
var rounds = new Option<int>("--rounds") { DefaultValueFactory = _ => 7, Description = "interleaved rounds" };
var iterations = new Option<int>("--iterations") { DefaultValueFactory = _ => 9, Description = "operations a round" };
var inPlace = new Option<bool>("--in-place") { Description = "reduce in place" };
var peer = new Option<string>("--peer") { DefaultValueFactory = _ => "none", Description = "none, or gloo (needs Debian's python3-torch)" };
peer.AcceptOnlyFromAmong("none", "gloo");
var root = new RootCommand("All-reduce beside torch.distributed over Gloo.") { bytes, world, rounds, iterations, inPlace, peer };
root.SetAction(parsed => Compare(
    parsed.GetValue(bytes) / sizeof(float),
    parsed.GetValue(world),
    parsed.GetValue(rounds),
    parsed.GetValue(iterations),
    parsed.GetValue(inPlace),
    parsed.GetValue(peer) == "gloo"));
return root.Parse(args).Invoke();

static int Compare(long count, int world, int rounds, int iterations, bool inPlace, bool withGloo)
{
    using var ours = Peers.Crossnode(world, count, iterations, inPlace);
    using var gloo = withGloo ? Peers.Gloo(world, count, iterations) : null;
    ours.Round(); // Warm-up: compiles the kernels.
    ours.Round();
    gloo?.Round();
    var oursTimes = new List<double>();
    var glooTimes = new List<double>();
    for (var round = 0; round < rounds; round++)
    {
        oursTimes.Add(ours.Round());
        if (gloo is not null)
        {
            glooTimes.Add(gloo.Round());
        }
    }

    var busBytes = 2.0 * (world - 1) / world * count * sizeof(float);
    Print("crossnode", oursTimes, busBytes);
    Console.WriteLine($"crossnode: {ours.Allocated} managed bytes allocated by the caller in one operation");
    if (gloo is not null)
    {
        Print("gloo", glooTimes, busBytes);
        var ratios = oursTimes.Zip(glooTimes, (mine, theirs) => theirs / mine).Order().ToList();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"speed ratio crossnode/gloo by round: median {ratios[ratios.Count / 2]:0.00} ({ratios[0]:0.00}..{ratios[^1]:0.00})"));
    }

    return 0;
}

static void Print(string name, List<double> times, double busBytes)
{
    var sorted = times.Order().ToList();
    var median = sorted[sorted.Count / 2];
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{name}: median {median * 1e6:0.0} us ({sorted[0] * 1e6:0.0}..{sorted[^1] * 1e6:0.0}), bus {busBytes / median / 1e9:0.00} GB/s"));
}
