using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;
using Crossnode.Protocol.Wire;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Network;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Members;

/// <summary>Dials that show whether another process can be reached, as <c>Session</c> makes them.</summary>
internal sealed partial class SimulatedMember
{
    private readonly List<ProbeEnd> _probes = [];

    public void Probe(Probe probe)
    {
        var acceptor = _cluster.Process(probe.Incarnation);
        var end = new ProbeEnd(this, probe);
        var greeting = new Greeting(Id, Incarnation, Engine.View?.Id ?? default, StreamPurpose.Probe);
        end.Socket = Network.Dial(Index, acceptor.Index, greeting, end, new AcceptedLink(acceptor));
        _probes.Add(end);
        _cluster.Queue.Add(_cluster.Now + Timings.DialTimeout.Ticks, DueKind.ProbeTimeout, Index, end);
    }

    public void Probed(ProbeEnd end, bool reached)
    {
        if (!_probes.Remove(end))
        {
            return;
        }

        Network.Close(end.Socket!);
        if (!reached)
        {
            _cluster.Met(CoveragePoint.ProbeInVain);
        }

        SendControl(new ControlMessage
        {
            ProbeResult = new ProbeResult { Member = end.Probe.Member, Incarnation = end.Probe.Incarnation, Reached = reached },
        });
    }
}

/// <summary>A probe, until its answer.</summary>
internal sealed class ProbeEnd(SimulatedMember member, Probe probe) : ISocketOwner
{
    public Probe Probe { get; } = probe;

    public Socket? Socket { get; set; }

    public bool CanTake(in Packet packet) => true;

    public void HasRoom()
    {
    }

    public void Take(Socket socket, in Packet packet) =>
        member.Probed(this, packet.Kind == PacketKind.Reply && packet.Status == PreambleStatus.Ok);
}
