using Crossnode.Protocol.Control;
using Crossnode.Protocol.Wire;
using Crossnode.Simulation.Network;

namespace Crossnode.Simulation.Members;

/// <summary>A process that was started again under the number of a killed one. The run must refuse it (R9).</summary>
internal sealed class Newcomer(Cluster cluster, int index) : ISocketOwner
{
    private Socket? _socket;

    public void Connect()
    {
        var member = cluster.Members[index];
        var greeting = new Greeting(member.Id, member.Incarnation + 1, default, StreamPurpose.Control);
        _socket = cluster.Network.Dial(
            index, cluster.CoordinatorNode, greeting, this, cluster.Coordinator.AcceptStream(member.Id));
    }

    public bool CanTake(in Packet packet) => true;

    public void HasRoom()
    {
    }

    public void Take(Socket socket, in Packet packet)
    {
        if (packet.Kind == PacketKind.Reply)
        {
            var hello = new Hello { Incarnation = cluster.Members[index].Incarnation + 1, Endpoint = $"member-{index}:2" };
            cluster.Network.Send(_socket!, new Packet { Kind = PacketKind.Control, Body = new ControlMessage { Hello = hello } });
        }
        else if (packet.Kind == PacketKind.Control)
        {
            cluster.Log(index, "(started again) gets", packet.Message);
            switch (packet.Message.BodyCase)
            {
                case ControlMessage.BodyOneofCase.Evicted:
                    cluster.Met(CoveragePoint.NewcomerRefused);
                    break;
                case ControlMessage.BodyOneofCase.Heartbeat or ControlMessage.BodyOneofCase.Probe:
                    break;
                default:
                    cluster.Violate("newcomers are refused", $"member {index}, started again, got {packet.Message.BodyCase}");
                    break;
            }
        }
    }
}
