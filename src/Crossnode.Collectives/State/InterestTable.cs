namespace Crossnode.Collectives.State;

/// <summary>Who still needs which version: a copy is kept as long as somebody does.</summary>
/// <remarks>A fetcher whose connections are gone counts for a while, so that it can come again. Pure, not thread-safe.</remarks>
internal sealed class InterestTable(TimeSpan linger)
{
    private readonly Dictionary<long, Dictionary<StatePeer, Interest>> _versions = [];
    private readonly HashSet<long> _kept = [];

    /// <summary>Whether somebody's time runs out without anything happening.</summary>
    public bool HasLingering => _versions.Values.Any(peers => peers.Values.Any(left => left is { Connections: 0, IsNamed: false, IsDone: false }));

    /// <summary>A connection of this peer asked for the version.</summary>
    public void Asked(long version, StatePeer peer)
    {
        var interest = Of(version, peer);
        interest.Connections++;
        interest.HasAsked = true;
        interest.IsDone = false;
    }

    /// <summary>Whether this peer ever asked for the version.</summary>
    public bool HasAsked(long version, StatePeer peer) =>
        _versions.TryGetValue(version, out var peers) && peers.TryGetValue(peer, out var interest) && interest.HasAsked;

    /// <summary>The version is kept for this peer, which may not have asked yet; not when it has all of it.</summary>
    public void KeepFor(long version, StatePeer peer)
    {
        var interest = Of(version, peer);
        interest.IsNamed = !interest.IsDone;
    }

    /// <summary>The peer needs no version any more.</summary>
    public void Release(StatePeer peer)
    {
        foreach (var peers in _versions.Values)
        {
            peers.Remove(peer);
        }
    }

    /// <summary>The version is kept until whoever comes is done with it.</summary>
    public void Keep(long version) => _kept.Add(version);

    /// <summary>The peer has all it wants of the version, or gave up.</summary>
    public void Done(long version, StatePeer peer)
    {
        if (_versions.TryGetValue(version, out var peers) && peers.TryGetValue(peer, out var interest))
        {
            _kept.Remove(version);
            (interest.IsDone, interest.IsNamed) = (true, false);
        }
    }

    /// <summary>A connection that had asked is gone. What is not here yet is asked for again.</summary>
    public void Lost(long version, StatePeer peer, TimeSpan now, bool exists)
    {
        if (_versions.TryGetValue(version, out var peers) && peers.TryGetValue(peer, out var interest)
            && --interest.Connections <= 0)
        {
            interest.Connections = 0;
            interest.LostAt = now;
            if (!exists && !interest.IsNamed)
            {
                peers.Remove(peer);
            }
        }
    }

    /// <summary>Forgets everybody who is not among these.</summary>
    public void Retain(IReadOnlySet<StatePeer> members)
    {
        foreach (var peers in _versions.Values)
        {
            foreach (var peer in peers.Keys)
            {
                if (!members.Contains(peer))
                {
                    peers.Remove(peer);
                }
            }
        }
    }

    /// <summary>The version is no longer here.</summary>
    public void Forget(long version)
    {
        _kept.Remove(version);
        _versions.Remove(version);
    }

    public bool IsWanted(long version, TimeSpan now)
    {
        if (_kept.Contains(version))
        {
            return true;
        }

        if (!_versions.TryGetValue(version, out var peers))
        {
            return false;
        }

        var isRemembered = false;
        foreach (var interest in peers.Values)
        {
            if (!interest.IsDone && (interest.IsNamed || interest.Connections > 0 || now - interest.LostAt < linger))
            {
                return true;
            }

            isRemembered |= interest.IsDone;
        }

        if (!isRemembered)
        {
            _versions.Remove(version);
        }

        return false;
    }

    private Interest Of(long version, StatePeer peer)
    {
        if (!_versions.TryGetValue(version, out var peers))
        {
            _versions.Add(version, peers = []);
        }

        if (!peers.TryGetValue(peer, out var interest))
        {
            peers.Add(peer, interest = new Interest());
        }

        return interest;
    }

    private sealed class Interest
    {
        public int Connections { get; set; }

        public bool IsNamed { get; set; }

        public bool HasAsked { get; set; }

        // Its connections may stay open for other versions.
        public bool IsDone { get; set; }

        public TimeSpan LostAt { get; set; }
    }
}
