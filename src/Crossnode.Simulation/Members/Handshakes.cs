using Crossnode.Core;
using Crossnode.Protocol.Wire;
using Crossnode.Simulation.Network;

namespace Crossnode.Simulation.Members;

/// <summary>A link that this member dialled, until the other side has said whether it takes it.</summary>
internal sealed class DialledLink(SimulatedMember member, int rank, ViewId view) : ISocketOwner
{
    public int Rank { get; } = rank;

    public ViewId View { get; } = view;

    public Socket? Socket { get; set; }

    public bool CanTake(in Packet packet) => true;

    public void HasRoom()
    {
    }

    public void Take(Socket socket, in Packet packet)
    {
        if (packet.Kind == PacketKind.Reply)
        {
            member.Dialled(this, packet.Status);
        }
        else
        {
            member.DialFailed(this);
        }
    }
}

/// <summary>A link that was dialled from elsewhere, until this member is in its view.</summary>
internal sealed class AcceptedLink(SimulatedMember member) : ISocketOwner
{
    public Greeting? Greeting { get; private set; }

    public Socket? Socket { get; private set; }

    // A preamble was read; nothing after it is, until the link's view is installed (R7).
    public bool CanTake(in Packet packet) => Greeting is null;

    public void HasRoom()
    {
    }

    public void Take(Socket socket, in Packet packet)
    {
        if (packet.Kind != PacketKind.Preamble)
        {
            return;
        }

        Socket = socket;
        Greeting = packet.Greeting;
        member.Accepted(this);
    }
}

/// <summary>A control stream at the member's end.</summary>
internal sealed class ControlEnd(SimulatedMember member) : ISocketOwner
{
    public Socket? Socket { get; set; }

    public bool IsOpen { get; set; }

    public bool CanTake(in Packet packet) => true;

    public void HasRoom()
    {
    }

    public void Take(Socket socket, in Packet packet) => member.TakeControl(this, packet);
}
