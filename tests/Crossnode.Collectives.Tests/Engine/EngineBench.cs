using Crossnode.Collectives.Engine;
using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Members;
using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Tests.Engine;

/// <summary>One engine on a table: member 0 of a view, every link open; frames by hand.</summary>
internal sealed class EngineBench : IEngineHost, IDisposable
{
    public EngineBench(int members)
    {
        var options = new MemberOptions { Self = new MemberId(0), Incarnation = 1, Endpoint = "here:1" };
        Engine = new CollectiveEngine(options, new EngineOptions(), this);
        var record = new ViewRecord { Id = new ViewId(1, 1).ToRecord(), Predecessor = ViewId.None.ToRecord() };
        for (uint member = 0; member < members; member++)
        {
            record.Members.Add(new MemberRecord { Id = member, Incarnation = 1, Endpoint = $"there:{member + 1}" });
        }

        Engine.ControlUp(Now);
        Engine.Control(Now, new ControlMessage { NewView = new NewView { View = record } });
        for (var rank = 1; rank < members; rank++)
        {
            Engine.LinkUp(Now, rank);
        }
    }

    public static TimeSpan Now => TimeSpan.FromSeconds(1);

    public CollectiveEngine Engine { get; }

    /// <summary>What went to the coordinator.</summary>
    public List<ControlMessage> Sent { get; } = [];

    public EngineOperation Submit(OperationGroup group) => Engine.Submit(Now, group, new OperationOptions());

    public void SendControl(ControlMessage message) => Sent.Add(message);

    public void ConnectControl(int address)
    {
    }

    public void CloseControl()
    {
    }

    public void OpenLinks(View view)
    {
    }

    public void FreezeLinks()
    {
    }

    public void CloseLink(int rank)
    {
    }

    public void WantSend(int rank)
    {
    }

    public void Ended(string reason)
    {
    }

    public void Probe(Probe probe)
    {
    }

    public void Notice(string text)
    {
    }

    public void Log(string text)
    {
    }

    public void Dispose() => Engine.Dispose();
}
