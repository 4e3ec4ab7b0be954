using Crossnode.Protocol.State;
using Crossnode.Protocol.Wire;
using Google.Protobuf;

namespace Crossnode.Collectives.State;

/// <summary>The serving thread: answers requests, a piece for each connection in turn.</summary>
public sealed partial class StateServer
{
    private const int MaxConnections = 1024;
    private const int MaxConnectionsOfOne = 8;

    // They name themselves, and are nobody's members: they must not take the members' places.
    private const int MaxGuests = 64;

    // Between two pieces, so that descriptions do not wait for the hashing of a large state.
    private const long HashBudgetBytes = 2 << 20;

    private static readonly TimeSpan IdleWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LingerCheck = TimeSpan.FromSeconds(1);

    private readonly List<ServedConnection> _connections = [];
    private readonly TokenBucket? _bucket;
    private int _turn;
    private int _waitsForTokens;

    private void Serve()
    {
        try
        {
            Rehearse();
            while (Turn())
            {
            }
        }
        catch (Exception bug)
        {
            // Serving stops, training goes on: fetchers see closed connections and ask others.
            Log($"serving broke: {bug}");
            lock (_gate)
            {
                _stopping = true;
            }
        }

        foreach (var connection in _connections)
        {
            connection.Dispose();
        }

        lock (_gate)
        {
            _arrivals.ForEach(arrival => arrival.Frames.Dispose());
            _arrivals.Clear();
        }
    }

    private bool Turn()
    {
        bool lingers;
        var prepares = PrepareSpare();
        lock (_gate)
        {
            if (_stopping)
            {
                return false;
            }

            TakeArrivals();
            Sweep();
            lingers = _interests.HasLingering || _spare is not null;
        }

        var moved = ReceiveAll();
        moved |= Resolve();
        _waitsForTokens = 0;
        moved |= SendAll();
        if (!moved && !prepares)
        {
            Wait(lingers);
        }

        return true;
    }

    private void Wait(bool lingers)
    {
        foreach (var connection in _connections)
        {
            _poller.Watch(connection.Stream.Frames.Connection, read: true, write: connection.Stream.Frames.HasPending);
        }

        var timeout = lingers ? LingerCheck : IdleWait;
        if (_waitsForTokens > 0)
        {
            var tokens = _bucket!.Until(Now, _waitsForTokens);
            timeout = tokens < timeout ? tokens : timeout;
        }

        _poller.Wait(timeout);
    }

    // With the lock held.
    private void TakeArrivals()
    {
        foreach (var (frames, peer, isGuest) in _arrivals)
        {
            if (isGuest && _connections.Count(open => open.IsGuest) >= MaxGuests)
            {
                Log($"closed a connection of {peer}, which is not in the view: {MaxGuests} of that kind are open");
                frames.Dispose();
                continue;
            }

            if (_connections.Count >= MaxConnections || _connections.Count(open => open.Peer == peer) >= MaxConnectionsOfOne)
            {
                Log($"closed a connection of {peer}: it has {MaxConnectionsOfOne} already, or all together {MaxConnections}");
                frames.Dispose();
                continue;
            }

            _connections.Add(new ServedConnection(frames, peer, isGuest, Asked, Ended));
        }

        _arrivals.Clear();
        if (_members is { } members)
        {
            for (var index = _connections.Count - 1; index >= 0; index--)
            {
                if (members.Contains(_connections[index].Peer))
                {
                    _connections[index].Admit();
                }
                else if (!_connections[index].IsGuest)
                {
                    Close(index, "it is not in the view");
                }
            }
        }

        _fetchers = _connections.Count;
    }

    // Ends copies that nobody needs. With the lock held.
    private void Sweep()
    {
        var now = Now;
        List<StateVersion>? unwanted = null;
        foreach (var version in _versions.Values)
        {
            if (!_interests.IsWanted(version.Number, now) && version.IsCopied && version != _live)
            {
                (unwanted ??= []).Add(version);
            }
        }

        unwanted?.ForEach(End);
    }

    private bool ReceiveAll()
    {
        var moved = false;
        for (var index = _connections.Count - 1; index >= 0; index--)
        {
            var connection = _connections[index];
            if (!connection.Receive(out var got))
            {
                lock (_gate)
                {
                    Close(index, connection.Stream.Failure);
                }

                got = true;
            }

            moved |= got;
        }

        return moved;
    }

    private bool Resolve()
    {
        var moved = false;
        StateVersion? toHash = null;
        lock (_gate)
        {
            foreach (var connection in _connections)
            {
                for (var index = 0; index < connection.Descriptions.Count; index++)
                {
                    if (TryDescribe(connection, connection.Descriptions[index]))
                    {
                        connection.Descriptions.RemoveAt(index--);
                        moved = true;
                    }
                }

                for (var index = 0; index < connection.Manifests.Count; index++)
                {
                    if (TryGiveManifest(connection, connection.Manifests[index], ref toHash))
                    {
                        connection.Manifests.RemoveAt(index--);
                        moved = true;
                    }
                }
            }
        }

        // When it is over meanwhile, the next turn refuses it.
        toHash?.TryHash(HashBudgetBytes);
        return moved | toHash is not null;
    }

    private bool TryDescribe(ServedConnection connection, DescribeAsked asked)
    {
        switch (_descriptions.Find(asked.Sequence, asked.KnowsProvisional, out var body, out var isProvisional))
        {
            case DescriptionBook.Answer.NotYet:
                return false;
            case DescriptionBook.Answer.Gone:
                connection.Refuse(asked.Number, $"operation {asked.Sequence} is not described here (the newest is {_descriptions.Newest})");
                return true;
            default:
                connection.Answer(new StateMessage
                {
                    Number = asked.Number,
                    Description = new Description { Body = UnsafeByteOperations.UnsafeWrap(body), Provisional = isProvisional },
                });
                return true;
        }
    }

    private bool TryGiveManifest(ServedConnection connection, (ulong Number, long Version) asked, ref StateVersion? toHash)
    {
        if (Find(asked.Version) is not { } version)
        {
            if (asked.Version > _newest)
            {
                return false;
            }

            if (connection.Interests.Remove(asked.Version))
            {
                _interests.Done(asked.Version, connection.Peer);
            }

            connection.Refuse(asked.Number, Gone(asked.Version));
            return true;
        }

        if (version.Manifest is not { } manifest)
        {
            toHash = version;
            return false;
        }

        connection.Answer(new StateMessage { Number = asked.Number, Manifest = manifest.ToRecord() });
        return true;
    }

    // Each connection in turn sends one piece, until none can.
    private bool SendAll()
    {
        var moved = false;
        var count = _connections.Count;
        for (var step = 0; step < count; step++)
        {
            var index = (_turn + step) % count;
            if (!Send(_connections[index], out var sent))
            {
                lock (_gate)
                {
                    Close(index, _connections[index].Stream.Failure);
                }

                return true;
            }

            if (sent && _waitsForTokens > 0)
            {
                // What is left of the tokens is the next one's.
                _turn = (index + 1) % count;
            }

            moved |= sent;
        }

        return moved;
    }

    private bool Send(ServedConnection connection, out bool moved)
    {
        moved = false;
        while (true)
        {
            if (connection.Stream.Frames.HasPending)
            {
                var alive = connection.Stream.Flush(out var flushed);
                moved |= flushed;
                if (!alive || connection.Stream.Frames.HasPending)
                {
                    return alive;
                }
            }

            if (connection.HasAnswers)
            {
                var bytes = connection.QueueAnswer();
                if (bytes > FrameHeader.MaxDataLength / 1024)
                {
                    _bucket?.Charge(Now, bytes);
                }
            }
            else if (connection.Chunks.Count == 0 || !TryQueuePiece(connection, out var isPiece))
            {
                return true;
            }
            else if (isPiece)
            {
                var alive = connection.Stream.Flush(out _);
                moved = true;
                return alive;
            }
        }
    }

    // False when there are no tokens.
    private bool TryQueuePiece(ServedConnection connection, out bool isPiece)
    {
        var wanted = connection.Chunks.Peek();
        isPiece = false;
        StateVersion? version;
        lock (_gate)
        {
            version = Find(wanted.Version);
        }

        if (version is null || !version.TryPlace(wanted.Tensor, wanted.Chunk, out var place))
        {
            RefuseChunk(connection, version is null ? Gone(wanted.Version) : $"there is no chunk {wanted.Chunk} of tensor {wanted.Tensor}");
            return true;
        }

        var length = Math.Min(place.Length - connection.Sent, _bucket?.SliceBytes ?? ServedConnection.MaxPieceBytes);
        if (_bucket is not null && !_bucket.TryTake(Now, length + FrameHeader.Size))
        {
            _waitsForTokens = Math.Max(_waitsForTokens, length + FrameHeader.Size);
            return false;
        }

        if (!version.TryRead(place.Tensor, place.Offset + connection.Sent, connection.Piece(length)))
        {
            RefuseChunk(connection, Gone(wanted.Version));
            return true;
        }

        connection.QueuePiece(wanted.Number, connection.Sent, length);
        connection.Sent += length;
        isPiece = true;
        if (connection.Sent == place.Length)
        {
            connection.Sent = 0;
            connection.Chunks.Dequeue();
        }

        lock (_gate)
        {
            _served += length;
            _servedTo[connection.Peer] = _servedTo.GetValueOrDefault(connection.Peer) + length;
        }

        return true;
    }

    private static void RefuseChunk(ServedConnection connection, string reason)
    {
        var wanted = connection.Chunks.Dequeue();
        connection.Sent = 0;
        connection.Refuse(wanted.Number, reason);
    }

    private string Gone(long version) => $"version {version} is no longer here (the newest is {_newest})";

    private void Asked(ServedConnection connection, long version)
    {
        if (version == PublishedVersion)
        {
            return; // Nobody has to want it.
        }

        lock (_gate)
        {
            if (!connection.Interests.Contains(version))
            {
                connection.Interests.Add(version);
                _interests.Asked(version, connection.Peer);
                if (_copiesWhenAsked && _live is { } live && live.Number == version)
                {
                    BeginCopy(live);
                }
            }
        }
    }

    private void Ended(ServedConnection connection, long version)
    {
        lock (_gate)
        {
            connection.Interests.Remove(version);
            _interests.Done(version, connection.Peer);
        }
    }

    // With the lock held.
    private void Close(int index, string? why)
    {
        var connection = _connections[index];
        _connections.RemoveAt(index);
        _poller.Unwatch(connection.Stream.Frames.Connection);
        foreach (var version in connection.Interests)
        {
            _interests.Lost(version, connection.Peer, Now, _versions.ContainsKey(version));
        }

        Log($"the state connection of {connection.Peer} is over: {why}");
        connection.Dispose();
        _fetchers = _connections.Count;
    }

    private void Log(string text)
    {
        if (_options.Logger is { } logger)
        {
            StateLog.Message(logger, text);
        }
    }
}
