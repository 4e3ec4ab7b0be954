using Crossnode.Protocol.Wire;

namespace Crossnode.Simulation.Network;

/// <summary>A connection between two nodes, from the dial on.</summary>
internal sealed class Connection
{
    public Connection(long id, int dialler, int acceptor, Greeting greeting)
    {
        Id = id;
        Greeting = greeting;
        Ends = [new Socket(this, 0, dialler), new Socket(this, 1, acceptor)];
        Lanes = [new Lane(this, 0), new Lane(this, 1)];
    }

    /// <summary>Never used again; the coordinator knows control streams by it.</summary>
    public long Id { get; }

    public Greeting Greeting { get; }

    /// <summary>Whether it joins two members.</summary>
    public bool IsLink => Greeting.Purpose == StreamPurpose.Link;

    /// <summary>The dialler's end, and the other's.</summary>
    public Socket[] Ends { get; }

    public Lane[] Lanes { get; }

    public bool IsOver => Ends[0].IsClosed && Ends[1].IsClosed && Lanes[0].Count == 0 && Lanes[1].Count == 0;

    public bool Joins(int a, int b) =>
        (Ends[0].Node == a && Ends[1].Node == b) || (Ends[0].Node == b && Ends[1].Node == a);
}

/// <summary>One end of a connection.</summary>
internal sealed class Socket(Connection connection, int side, int node)
{
    public Connection Connection { get; } = connection;

    public int Node { get; } = node;

    /// <summary>What reads here; null until somebody does.</summary>
    public ISocketOwner? Owner { get; set; }

    public bool IsClosed { get; set; }

    public Lane Out => Connection.Lanes[side];

    public Lane In => Connection.Lanes[1 - side];
}

/// <summary>Whoever reads from a socket.</summary>
internal interface ISocketOwner
{
    /// <summary>Whether the packet can be taken now; asked again after <see cref="VirtualNetwork.Kick"/>.</summary>
    bool CanTake(in Packet packet);

    /// <summary>Takes a packet. End and Reset are the last ones; the socket is closed then.</summary>
    void Take(Socket socket, in Packet packet);

    /// <summary>There is room again to send.</summary>
    void HasRoom();
}
