using Crossnode.Core;
using Crossnode.Protocol.Control;

namespace Crossnode.Protocol.Runs;

/// <summary>What the coordinator knows of one member of the current view (or of the first view, while it forms).</summary>
internal sealed class MemberSeat(MemberId id, ulong incarnation, string endpoint)
{
    public MemberId Id { get; } = id;

    public ulong Incarnation { get; } = incarnation;

    public string Endpoint { get; set; } = endpoint;

    /// <summary>The member's one stream (R8); 0 when it has none.</summary>
    public long Stream { get; set; }

    public TimeSpan Heard { get; set; }

    public TimeSpan ClosedAt { get; set; }

    /// <summary>Another process of the same identity came: this one is dead (R9).</summary>
    public bool IsRestarted { get; set; }

    public bool IsLeaving { get; set; }

    /// <summary>Members whose links to this one are reported broken in the current view, by whom.</summary>
    public Dictionary<MemberId, LinkReport> Reports { get; } = [];

    public Answer? Answer { get; set; }

    public void StartView()
    {
        Reports.Clear();
        Answer = null;
    }
}
