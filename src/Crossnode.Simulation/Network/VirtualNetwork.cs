using Crossnode.Core;
using Crossnode.Simulation.Kernel;

namespace Crossnode.Simulation.Network;

/// <summary>All connections, and the time that bytes take on them.</summary>
/// <remarks>As TCP does it: in order on each connection, nothing lost but by a break; a partition only holds bytes up.</remarks>
internal sealed class VirtualNetwork(EventQueue queue, Conditions conditions, DeterministicRandom random)
{
    private readonly List<Connection> _connections = [];
    private long _nextId = 1;

    public BytePool Pool { get; } = new();

    public Conditions Conditions { get; } = conditions;

    public long Now { get; set; }

    /// <summary>Connections that are not over.</summary>
    public IReadOnlyList<Connection> Connections => _connections;

    /// <summary>Starts a connection; the preamble travels with it. Its end is an End or Reset, or no answer at all.</summary>
    public Socket Dial(int from, int to, Greeting greeting, ISocketOwner owner, ISocketOwner? acceptor)
    {
        Sweep();
        var connection = new Connection(_nextId++, from, to, greeting);
        _connections.Add(connection);
        var socket = connection.Ends[0];
        socket.Owner = owner;
        connection.Ends[1].Owner = acceptor;
        // A round trip for the connection itself.
        connection.Lanes[0].LastArrival = Now + (2 * Conditions.Latency(from, to, random));
        Send(socket, new Packet { Kind = PacketKind.Preamble, Body = greeting });
        return socket;
    }

    /// <summary>Sends a packet; one to an end that is closed goes nowhere.</summary>
    public void Send(Socket from, Packet packet)
    {
        var lane = from.Out;
        if (lane.Receiver.IsClosed)
        {
            Pool.Return(packet.Bytes);
            return;
        }

        var departed = Math.Max(Now, lane.LineFreeAt) + (packet.Cost * Conditions.TicksPerByte);
        lane.LineFreeAt = departed;
        packet.Arrival = Math.Max(lane.LastArrival, departed + Conditions.Latency(lane.From, lane.To, random));
        lane.LastArrival = packet.Arrival;
        lane.Add(packet);
        if (!lane.IsScheduled && !lane.IsStalled)
        {
            Schedule(lane, lane.Head.Arrival);
        }
    }

    /// <summary>Closes in order: what was sent still arrives, what comes is dropped.</summary>
    public void Close(Socket socket) => Shut(socket, PacketKind.End);

    /// <summary>Breaks off at one end, as a dying process does; what was sent may or may not arrive.</summary>
    public void Abort(Socket socket)
    {
        if (!socket.IsClosed)
        {
            socket.Out.KeepFirst(random.NextInt32(socket.Out.Count + 1), Pool);
            Shut(socket, PacketKind.Reset);
        }
    }

    /// <summary>Breaks a connection in the network: each end gets some of what was sent to it, then a reset.</summary>
    public void Break(Connection connection)
    {
        foreach (var lane in connection.Lanes)
        {
            if (!lane.Receiver.IsClosed)
            {
                lane.KeepFirst(random.NextInt32(lane.Count + 1), Pool);
                Send(lane.Sender, new Packet { Kind = PacketKind.Reset });
            }
        }
    }

    /// <summary>Breaks a connection as where a router forgets it: one end hears of it at once, the other only much later.</summary>
    public void BreakAt(Connection connection, int node, long laterBy)
    {
        foreach (var lane in connection.Lanes)
        {
            if (lane.Receiver.IsClosed)
            {
                continue;
            }

            lane.KeepFirst(lane.To == node ? random.NextInt32(lane.Count + 1) : 0, Pool);
            if (lane.To != node)
            {
                lane.LastArrival = Math.Max(lane.LastArrival, Now) + laterBy;
            }

            Send(lane.Sender, new Packet { Kind = PacketKind.Reset });
        }
    }

    /// <summary>Looks at a stalled lane again: something that held it up is over.</summary>
    public void Kick(Lane lane)
    {
        if (lane.IsStalled)
        {
            lane.IsStalled = false;
            if (lane.Count > 0 && !lane.IsScheduled)
            {
                Schedule(lane, Math.Max(Now, lane.Head.Arrival));
            }
        }
    }

    /// <summary>Looks at all lanes of a node again, or of all nodes when it is negative.</summary>
    public void KickAll(int node, long after = 0)
    {
        foreach (var connection in _connections)
        {
            foreach (var lane in connection.Lanes)
            {
                if (lane.IsStalled && (node < 0 || lane.From == node || lane.To == node))
                {
                    lane.IsStalled = false;
                    // Whoever was cut off sends again after a while of its own.
                    Schedule(lane, Now + (after > 0 ? random.NextInt64(after) : 0));
                }
            }
        }
    }

    /// <summary>Packets of this lane arrive.</summary>
    public void Arrive(Lane lane)
    {
        lane.IsScheduled = false;
        while (lane.Count > 0 && lane.Head.Arrival <= Now && !lane.IsScheduled)
        {
            if (Conditions.IsLost(lane.From, lane.To))
            {
                lane.KeepFirst(0, Pool);
                return;
            }

            if (Conditions.IsHeld(lane.From, lane.To) || lane.Receiver.Owner is { } owner && !owner.CanTake(lane.Head))
            {
                lane.IsStalled = true;
                return;
            }

            Deliver(lane, lane.Take());
        }

        if (lane.Count > 0 && !lane.IsScheduled)
        {
            Schedule(lane, Math.Max(Now, lane.Head.Arrival));
        }
    }

    private void Deliver(Lane lane, in Packet packet)
    {
        var socket = lane.Receiver;
        if (packet.Kind is PacketKind.End or PacketKind.Reset)
        {
            socket.IsClosed = true;
            lane.KeepFirst(0, Pool);
        }

        if (packet.Kind == PacketKind.Preamble && Conditions.Refuses(lane.From, lane.To))
        {
            Shut(socket, PacketKind.Reset);
            return;
        }

        socket.Owner?.Take(socket, packet);
        Pool.Return(packet.Bytes);
        if (!lane.Sender.IsClosed)
        {
            lane.Sender.Owner?.HasRoom();
        }
    }

    private void Shut(Socket socket, PacketKind last)
    {
        if (socket.IsClosed)
        {
            return;
        }

        socket.IsClosed = true;
        socket.In.KeepFirst(0, Pool);
        Send(socket, new Packet { Kind = last });
    }

    private void Schedule(Lane lane, long at)
    {
        lane.IsScheduled = true;
        queue.Add(at, DueKind.Arrival, lane.From, lane);
    }

    private void Sweep()
    {
        if (_connections.Count > 64)
        {
            _connections.RemoveAll(static connection => connection.IsOver);
        }
    }
}
