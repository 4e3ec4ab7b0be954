using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Engine;

/// <summary>What the engine asks of whoever owns the links: sockets in production, a virtual network in the simulator.</summary>
public interface IEngineHost
{
    /// <summary>Sends on the control stream; dropped when there is none.</summary>
    void SendControl(ControlMessage message);

    /// <summary>Opens a control stream to the coordinator's address of that index; ends in <see cref="CollectiveEngine.ControlUp"/> or <see cref="CollectiveEngine.ControlDown"/>.</summary>
    void ConnectControl(int address);

    /// <summary>Closes the control stream.</summary>
    void CloseControl();

    /// <summary>Opens a link of the view to each neighbour; <see cref="Protocol.Views.View.Dials"/> says who dials.</summary>
    void OpenLinks(View view);

    /// <summary>Sends FROZEN as the last frame on every open link, then closes it; drops every half-moved payload at once.</summary>
    void FreezeLinks();

    /// <summary>Closes one link and drops its half-moved payloads at once.</summary>
    void CloseLink(int rank);

    /// <summary>The link has something new to send.</summary>
    void WantSend(int rank);

    /// <summary>The process is out of the run; every link and stream is to be closed before this returns.</summary>
    void Ended(string reason);

    /// <summary>Dials a process with a preamble of purpose Probe and sends a ProbeResult on the control stream.</summary>
    void Probe(Probe probe);

    /// <summary>The coordinator has something to say to whoever started this process.</summary>
    void Notice(string text);

    /// <summary>Something that people want to know.</summary>
    void Log(string text);
}
