using Crossnode.Collectives.Engine;
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
    private readonly ScratchPool _pool = new();
    private readonly List<Link> _links = [];
    private readonly GuardedMemory[] _sources;
    private readonly GuardedMemory[] _targets;
    private readonly List<byte[]> _original;

    public TransferCluster(TransferCase test, IEnumerable<byte[]>? contents = null)
    {
        _random = new DeterministicRandom(test.Seed);
        _original = [.. contents ?? test.Contents()];
        _sources = [.. _original.Select(static bytes => new GuardedMemory(bytes.Length))];
        _targets = [.. _original.Select((_, rank) => new GuardedMemory(test.Sizes(rank).Target * test.Type.Size()))];
        var transfers = new Transfer[test.Plan.WorldSize];
        for (var rank = 0; rank < transfers.Length; rank++)
        {
            _original[rank].CopyTo(_sources[rank].Bytes);
            transfers[rank] = TransferFactory.Create(
                test.Memory(rank, _sources[rank].Address, _targets[rank].Address),
                test.BookOf(rank), test.Way, test.Weights[rank], test.ChunkBytes, _pool);
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

    /// <summary>Starts the same transfers with other contents; false when some of them cannot be.</summary>
    public bool TryRestart(TransferCase test, IReadOnlyList<byte[]> contents)
    {
        for (var rank = 0; rank < Transfers.Count; rank++)
        {
            contents[rank].CopyTo(_sources[rank].Bytes);
            _original[rank] = contents[rank];
            if (!Transfers[rank].TryRestart(test.Memory(rank, _sources[rank].Address, _targets[rank].Address), test.Weights[rank]))
            {
                return false;
            }
        }

        _links.ForEach(static link => link.Log.Clear());
        return true;
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

        _pool.Dispose();
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
        var sender = Transfers[link.From];
        if (link.Sending.Count == LinkCapacity || link.Queue.Count == LinkCapacity
            || !sender.TryGetSend(link.TargetIndex, out var slice, out var payload))
        {
            return false;
        }

        Assert.True(sender.TryGetSend(link.TargetIndex, out var again, out var samePayload));
        Assert.Equal(slice, again);
        Assert.True(payload == samePayload);
        link.Queue.Add(new Frame(slice, new ReadOnlySpan<byte>(payload, slice.Length).ToArray()));
        link.Log.Add(slice);
        sender.Take(link.TargetIndex);
        link.Sending.Add(slice);
        return true;
    }

    private bool EndSend(Link link)
    {
        if (link.Sending.Count == 0)
        {
            return false;
        }

        var at = _random.NextInt32(link.Sending.Count);
        Transfers[link.From].Sent(link.TargetIndex, link.Sending[at]);
        link.Sending.RemoveAt(at);
        return true;
    }

    // Any of the frames under way goes on: a link of several stripes.
    private bool Receive(Link link)
    {
        if (link.Queue.Count == 0)
        {
            return false;
        }

        var receiver = Transfers[link.To];
        var frame = link.Queue[_random.NextInt32(link.Queue.Count)];
        var half = frame.Slice.Length / 2;
        if (!frame.IsHalfReceived)
        {
            frame.Landing = receiver.Expect(link.SourceIndex, frame.Slice);
            frame.Bytes.AsSpan(0, half).CopyTo(new Span<byte>(frame.Landing, half));
            frame.IsHalfReceived = true;
            return true;
        }

        var rest = frame.Slice.Length - half;
        frame.Bytes.AsSpan(half).CopyTo(new Span<byte>(frame.Landing + half, rest));
        link.Queue.Remove(frame);
        receiver.Received(link.SourceIndex, frame.Slice);
        return true;
    }

    private sealed class Frame(Slice slice, byte[] bytes)
    {
        public Slice Slice { get; } = slice;

        public byte[] Bytes { get; } = bytes;

        public bool IsHalfReceived { get; set; }

        public byte* Landing { get; set; }
    }

    private sealed class Link(int from, int targetIndex, int to, int sourceIndex)
    {
        public int From { get; } = from;

        public int TargetIndex { get; } = targetIndex;

        public int To { get; } = to;

        public int SourceIndex { get; } = sourceIndex;

        public List<Frame> Queue { get; } = [];

        public List<Slice> Sending { get; } = [];

        public List<Slice> Log { get; } = [];

        public bool IsIdle => Sending.Count == 0 && Queue.Count == 0;
    }
}
