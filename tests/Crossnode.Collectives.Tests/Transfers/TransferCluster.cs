using Crossnode.Collectives.Plans;
using Crossnode.Collectives.Transfers;
using Crossnode.Core;

namespace Crossnode.Collectives.Tests.Transfers;

/// <summary>All members of a transfer in one thread, with links that hold a few slices and a seeded order of events.</summary>
/// <remarks>
/// A slice's bytes leave memory when its sending begins; that it was sent may be noticed later, even after the receiver
/// has answered. A slice arrives in two halves, with other events between.
/// </remarks>
internal sealed unsafe class TransferCluster : IDisposable
{
    private const int LinkCapacity = 3;

    private readonly DeterministicRandom _random;
    private readonly List<Link> _links = [];
    private readonly GuardedMemory[] _sources;
    private readonly GuardedMemory[] _targets;
    private readonly List<byte[]> _original;

    public TransferCluster(TransferCase test)
    {
        _random = new DeterministicRandom(test.Seed);
        _original = [.. test.Contents()];
        _sources = [.. _original.Select(static bytes => new GuardedMemory(bytes.Length))];
        _targets = [.. _original.Select(static bytes => new GuardedMemory(bytes.Length))];
        var transfers = new Transfer[test.Plan.WorldSize];
        for (var rank = 0; rank < transfers.Length; rank++)
        {
            _original[rank].CopyTo(_sources[rank].Bytes);
            transfers[rank] = TransferFactory.Create(
                test.Memory(rank, _sources[rank].Address, _targets[rank].Address),
                test.Plan, rank, test.Weights[rank], test.ChunkBytes);
        }

        Transfers = transfers;
        Connect();
    }

    public IReadOnlyList<Transfer> Transfers { get; }

    /// <summary>What each member sent, in order.</summary>
    public ILookup<int, (int To, Slice Slice)> Traffic => _links
        .SelectMany(static link => link.Log.Select(slice => (link.From, Item: (link.To, slice))))
        .ToLookup(static entry => entry.From, static entry => entry.Item);

    public ReadOnlySpan<byte> Target(int rank) => _targets[rank].Bytes;

    /// <summary>Runs until nothing can happen any more; throws unless everybody has finished.</summary>
    public void Run()
    {
        var active = new List<Link>(_links);
        while (active.Count > 0)
        {
            var start = _random.NextInt32(active.Count);
            var moved = false;
            for (var i = 0; i < active.Count && !moved; i++)
            {
                moved = Step(active[(start + i) % active.Count]);
            }

            if (!moved)
            {
                break;
            }

            if (_random.NextInt32(64) == 0)
            {
                active.RemoveAll(link => link.IsIdle && Transfers[link.From].AllSent);
            }
        }

        Assert.All(Transfers, static transfer => Assert.True(transfer.AllSent));
        Assert.All(Transfers, static transfer => Assert.True(transfer.IsDataComplete));
        Assert.All(_links, static link => Assert.True(link.IsIdle));
        Assert.All(_targets.Concat(_sources), static memory => Assert.True(memory.IsIntact));
    }

    public void AssertSourcesUntouched()
    {
        for (var rank = 0; rank < _sources.Length; rank++)
        {
            Assert.Equal(_original[rank], _sources[rank].Bytes.ToArray());
        }
    }

    public void Dispose()
    {
        foreach (var transfer in Transfers)
        {
            transfer.Dispose();
        }

        foreach (var memory in _sources.Concat(_targets))
        {
            memory.Dispose();
        }
    }

    private void Connect()
    {
        for (var rank = 0; rank < Transfers.Count; rank++)
        {
            for (var target = 0; target < Transfers[rank].Targets.Count; target++)
            {
                var to = Transfers[rank].Targets[target];
                _links.Add(new Link(rank, target, to, Transfers[to].Sources.ToList().IndexOf(rank)));
                Assert.True(_links[^1].SourceIndex >= 0);
            }
        }

        Assert.Equal(Transfers.Sum(static transfer => transfer.Sources.Count), _links.Count);
    }

    private bool Step(Link link)
    {
        var first = _random.NextInt32(3);
        for (var i = 0; i < 3; i++)
        {
            var moved = ((first + i) % 3) switch
            {
                0 => BeginSend(link),
                1 => EndSend(link),
                _ => Receive(link),
            };
            if (moved)
            {
                return true;
            }
        }

        return false;
    }

    private bool BeginSend(Link link)
    {
        if (link.IsSending || link.Queue.Count == LinkCapacity
            || !Transfers[link.From].TryGetSend(link.TargetIndex, out var slice, out var payload))
        {
            return false;
        }

        Assert.True(Transfers[link.From].TryGetSend(link.TargetIndex, out var again, out var samePayload));
        Assert.Equal(slice, again);
        Assert.True(payload == samePayload);
        link.Queue.Enqueue((slice, new ReadOnlySpan<byte>(payload, slice.Length).ToArray()));
        link.Log.Add(slice);
        link.IsSending = true;
        return true;
    }

    private bool EndSend(Link link)
    {
        if (!link.IsSending)
        {
            return false;
        }

        Transfers[link.From].Sent(link.TargetIndex);
        link.IsSending = false;
        return true;
    }

    private bool Receive(Link link)
    {
        if (!link.Queue.TryPeek(out var frame))
        {
            return false;
        }

        var receiver = Transfers[link.To];
        var half = frame.Slice.Length / 2;
        if (!link.IsHalfReceived)
        {
            link.Landing = receiver.Expect(link.SourceIndex, frame.Slice);
            frame.Bytes.AsSpan(0, half).CopyTo(new Span<byte>(link.Landing, half));
            link.IsHalfReceived = true;
            return true;
        }

        var rest = frame.Slice.Length - half;
        frame.Bytes.AsSpan(half).CopyTo(new Span<byte>(link.Landing + half, rest));
        link.IsHalfReceived = false;
        link.Queue.Dequeue();
        receiver.Received(link.SourceIndex, frame.Slice);
        return true;
    }

    private sealed class Link(int from, int targetIndex, int to, int sourceIndex)
    {
        public int From { get; } = from;

        public int TargetIndex { get; } = targetIndex;

        public int To { get; } = to;

        public int SourceIndex { get; } = sourceIndex;

        public Queue<(Slice Slice, byte[] Bytes)> Queue { get; } = [];

        public List<Slice> Log { get; } = [];

        public bool IsSending { get; set; }

        public bool IsHalfReceived { get; set; }

        public byte* Landing { get; set; }

        public bool IsIdle => !IsSending && Queue.Count == 0;
    }
}
