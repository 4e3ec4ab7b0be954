using System.Security.Cryptography;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.Integration.Tests.State;

/// <summary>Members of a run, all but the last of which serve the same tensors; the last one fetches.</summary>
internal sealed class StateCluster : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly string[] Names = ["wte", "h.0.bias", "empty", "h.0.weight"];

    public StateCluster(int holders, int elements, ITransport? transport = null, StateServerOptions? options = null)
    {
        transport ??= new TcpTransport();
        Cluster = new LocalCluster(transport, holders + 1);
        for (var holder = 0; holder < holders; holder++)
        {
            Memory.Add(Values(elements, seed: 1));
            Servers.Add(new StateServer(
                transport, (options ?? new StateServerOptions { ChunkBytes = 1 << 14 }) with { Logger = new QueueLogger(Cluster.Log) }));
            Cluster.Sessions[holder].StateServer = Servers[holder];
        }

        Fetcher = Newcomer.CreateStateFetcher();
    }

    public LocalCluster Cluster { get; }

    public List<StateServer> Servers { get; } = [];

    /// <summary>The live memory of each holder.</summary>
    public List<float[][]> Memory { get; } = [];

    public Crossnode.Collectives.Sessions.Session Newcomer => Cluster.Sessions[^1];

    public StatePeer NewcomerPeer => new(Newcomer.Self, 1000UL + Newcomer.Self.Value);

    public StateFetcher Fetcher { get; }

    public static IReadOnlyList<StateTensor> Tensors(float[][] memory) =>
        [.. memory.Select((values, index) => new StateTensor(Names[index], TensorBuffer.From(values)))];

    /// <summary>A large tensor, a small one that is no whole number of chunks, an empty one, a large one.</summary>
    public static float[][] Values(int elements, int seed)
    {
        var random = new Random(seed);
        float[][] values = [new float[elements / 2], new float[13], [], new float[elements - (elements / 2) - 13]];
        foreach (var tensor in values)
        {
            for (var index = 0; index < tensor.Length; index++)
            {
                tensor[index] = random.NextSingle();
            }
        }

        return values;
    }

    public static float[][] Zeros(int elements) =>
        [.. Values(elements, 0).Select(values => new float[values.Length])];

    public static string Sum(float[][] memory) => Convert.ToHexString(SHA256.HashData(
        [.. memory.SelectMany(values => System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray())]));

    public void OfferAll(long version, byte[]? blob = null)
    {
        for (var holder = 0; holder < Servers.Count; holder++)
        {
            Servers[holder].Offer(version, Tensors(Memory[holder]), blob ?? [1, 2, 3]);
        }
    }

    public FetchRequest Request(long version, float[][] target) => new()
    {
        Version = version,
        Holders = [.. Newcomer.Peers.Take(Servers.Count)],
        Targets = Tensors(target),
        View = Newcomer.View.Id,
        Deadline = Patience,
    };

    public void Dispose()
    {
        Fetcher.Dispose();
        Cluster.Dispose();
        Servers.ForEach(server => server.Dispose());
    }
}
