using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Crossnode.Collectives.Sessions;
using Crossnode.Collectives.State;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.Bench;

/// <summary>Fetches a state from holders over loopback sockets, and times the copy that a change of live memory costs.</summary>
internal static class StateBench
{
    private const int Tensors = 4;

    public static int Run(string[] args)
    {
        var bytes = new Option<long>("--bytes") { DefaultValueFactory = _ => 200L << 20, Description = "size of the state" };
        var holders = new Option<int>("--holders") { DefaultValueFactory = _ => 3, Description = "members that hold it" };
        var rate = new Option<long?>("--rate") { Description = "cap of each holder in bytes a second" };
        var rounds = new Option<int>("--rounds") { DefaultValueFactory = _ => 5, Description = "fetches" };
        var root = new RootCommand("State transfer.") { bytes, holders, rate, rounds };
        root.SetAction(parsed => Measure(
            parsed.GetValue(bytes), parsed.GetValue(holders), parsed.GetValue(rate), parsed.GetValue(rounds)));
        return root.Parse(args).Invoke();
    }

    private static int Measure(long bytes, int holders, long? rate, int rounds)
    {
        var transport = new TcpTransport();
        var run = RunId.Create(new SystemRandomSource());
        using var coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions { ExpectedMembers = holders + 1, Run = run }, transport, _ => { });
        var address = coordinator.Address;
        var sessions = Task.WhenAll(Enumerable.Range(0, holders + 1).Select(member => Task.Run(() => Session.Join(
            new SessionOptions { Run = run, Coordinator = address, Self = new MemberId((uint)member), Incarnation = 1 + (ulong)member },
            transport)))).Result;
        var memory = Memory(bytes / Tensors / sizeof(float), seed: 1);
        var servers = sessions.Take(holders)
            .Select(session => session.StateServer = new StateServer(transport, new StateServerOptions { RateBytesPerSecond = rate }))
            .ToList();
        using var fetcher = sessions[^1].CreateStateFetcher();
        var target = Memory(bytes / Tensors / sizeof(float), seed: 0);
        List<double> fetches = [];
        List<double> copies = [];
        List<double> ready = [];
        for (var round = 1; round <= rounds + 1; round++)
        {
            servers.ForEach(server => server.Offer(round, Named(memory), default));
            target.ForEach(Array.Clear);
            var start = Stopwatch.GetTimestamp();
            var fetched = fetcher.Run(new FetchRequest
            {
                Version = round, Holders = [.. sessions[^1].Peers], Targets = Named(target), View = sessions[^1].View.Id,
            });
            var took = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (fetched.BytesFetched != bytes || !memory.Zip(target).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)))
            {
                throw new InvalidOperationException("what was fetched is not what is held");
            }

            var (cold, warm) = Copy(transport, memory);

            // The first round compiles the code.
            if (round > 1)
            {
                fetches.Add(took);
                copies.Add(cold);
                ready.Add(warm);
            }
        }

        Print("fetch", bytes, fetches);
        Print("copy to new memory", bytes, copies);
        Print("copy to memory that was ready", bytes, ready);
        Parallel.ForEach(sessions, session => session.Dispose());
        servers.ForEach(server => server.Dispose());
        return 0;
    }

    private static (double Cold, double Warm) Copy(TcpTransport transport, List<float[]> memory)
    {
        using var server = new StateServer(transport);
        server.Offer(1, Named(memory), default);
        var cold = server.BeforeChange(keep: true);
        server.Drop(1);
        server.Offer(2, Named(memory), default);
        return (cold.Elapsed.TotalSeconds, server.BeforeChange(keep: true).Elapsed.TotalSeconds);
    }

    private static List<float[]> Memory(long count, int seed)
    {
        var random = new Random(seed);
        List<float[]> memory = [];
        for (var tensor = 0; tensor < Tensors; tensor++)
        {
            var values = GC.AllocateUninitializedArray<float>((int)count);
            for (var at = 0; at < values.Length; at++)
            {
                values[at] = random.NextSingle();
            }

            memory.Add(values);
        }

        return memory;
    }

    private static List<StateTensor> Named(List<float[]> memory) =>
        [.. memory.Select((values, index) => new StateTensor($"tensor {index}", TensorBuffer.From(values)))];

    private static void Print(string name, long bytes, List<double> times)
    {
        var sorted = times.Order().ToList();
        var median = sorted[sorted.Count / 2];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: median {median * 1e3:0.0} ms ({sorted[0] * 1e3:0.0}..{sorted[^1] * 1e3:0.0}), {bytes / median / 1e9:0.000} GB/s"));
    }
}
