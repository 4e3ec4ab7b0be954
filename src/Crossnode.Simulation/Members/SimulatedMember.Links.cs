using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol;
using Crossnode.Protocol.Views;
using Crossnode.Protocol.Wire;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Members;

/// <summary>Opening, accepting and closing links.</summary>
internal sealed partial class SimulatedMember
{
    private readonly List<DialledLink> _dialled = [];
    private readonly List<AcceptedLink> _accepted = [];
    private LinkEnd?[] _links = [];

    /// <summary>The open links; the index is the rank.</summary>
    public IReadOnlyList<LinkEnd?> Links => _links;

    /// <summary>Whether links wait for this member to install their view, or to be judged anew.</summary>
    public bool MustJudge { get; set; }

    public void OpenLinks(View view)
    {
        _cluster.Trace.Add(TraceKind.Links, _cluster.Now, Index, view.Id.Epoch, (long)view.Id.Nonce);
        _cluster.Log(Index, $"installs {view.Id}: {string.Join(", ", view.Members)}; {view.Links}");
        var previous = _links;
        _links = new LinkEnd?[view.Members.Count];
        foreach (var link in previous)
        {
            if (link is not null && !MayKeep(link, view))
            {
                link.Close();
            }
        }

        foreach (var dialled in _dialled)
        {
            Network.Close(dialled.Socket!);
        }

        _dialled.Clear();
        MustJudge = true;
        _cluster.Continuing.Add(this);
        BeginCalls();
        _cluster.Installed(this, view);
        var rank = view.RankOf(Id);
        for (var other = 0; other < view.Members.Count; other++)
        {
            if (other != rank && view.Links.HasLink(rank, other) && view.Dials(rank, other))
            {
                Dial(view, other);
            }
        }
    }

    public void FreezeLinks()
    {
        _cluster.Trace.Add(TraceKind.Freeze, _cluster.Now, Index);
        _cluster.Met(CoveragePoint.MemberFrozen);
        for (var rank = 0; rank < _links.Length; rank++)
        {
            if (_links[rank] is { } link)
            {
                _links[rank] = null;
                if (link.IsSending)
                {
                    _cluster.Met(CoveragePoint.FrozenWhileSendingPayload);
                }

                if (link.IsReceiving)
                {
                    _cluster.Met(CoveragePoint.FrozenWhileReceivingPayload);
                }

                link.Freeze(sayFrozen: Has(ProtocolRules.R18));
            }
        }

        MustJudge = true;
    }

    public void CloseLink(int rank)
    {
        _cluster.Trace.Add(TraceKind.CloseLink, _cluster.Now, Index, rank);
        _links[rank]?.Close();
        _links[rank] = null;
        for (var index = _dialled.Count - 1; index >= 0; index--)
        {
            if (_dialled[index].Rank == rank)
            {
                Network.Close(_dialled[index].Socket!);
                _dialled.RemoveAt(index);
            }
        }
    }

    public void WantSend(int rank)
    {
        if ((uint)rank < (uint)_links.Length && _links[rank] is { } link)
        {
            WantPump(link);
        }
    }

    public void WantPump(LinkEnd link)
    {
        if (!link.IsDirty && !link.Socket.IsClosed)
        {
            link.IsDirty = true;
            _cluster.Dirty.Enqueue(link);
        }
    }

    /// <summary>A payload is half there: a good moment to break something.</summary>
    public void InMidPayload(LinkEnd link) => _cluster.Happened(Trigger.Payload, Index, link.Socket.In.From);

    /// <summary>Moves what a link has to send, unless the process stands still.</summary>
    public void Pump(LinkEnd link)
    {
        link.IsDirty = false;
        if (!IsDead && !IsStopped)
        {
            link.Pump();
        }
    }

    /// <summary>The process runs again: everything that waited moves.</summary>
    public void Resume()
    {
        foreach (var link in _links)
        {
            if (link is not null)
            {
                WantPump(link);
            }
        }
    }

    public void LinkOver(LinkEnd link, string reason)
    {
        if (_links[link.Rank] != link)
        {
            return;
        }

        if (link.IsReceiving)
        {
            _cluster.Met(CoveragePoint.BrokenWhileReceivingPayload);
        }

        CloseLink(link.Rank);
        IsTouched = true;
        Engine.LinkDown(Time, link.Rank, reason);
    }

    /// <summary>The peer broke the protocol's rules, or so this engine thinks: with all rules on that is a bug.</summary>
    public void Broke(LinkEnd link, ProtocolException broken)
    {
        _cluster.Violate("protocol errors", $"member {Index}: {broken.Message}");
        LinkOver(link, broken.Message);
    }

    public void Dialled(DialledLink dialled, PreambleStatus status)
    {
        if (!_dialled.Remove(dialled))
        {
            return;
        }

        IsTouched = true;
        switch (status)
        {
            case PreambleStatus.Ok when Engine.IsFrozen:
                new LinkEnd(this, dialled.Socket!, dialled.Rank).Freeze(sayFrozen: Has(ProtocolRules.R18));
                break;
            case PreambleStatus.Ok:
                OpenLink(dialled.Rank, new LinkEnd(this, dialled.Socket!, dialled.Rank));
                break;
            case PreambleStatus.OldView:
                Network.Close(dialled.Socket!);
                _cluster.Met(CoveragePoint.LinkRefusedAsOld);
                Engine.LinkFrozen(Time, dialled.Rank);
                break;
            default:
                Network.Close(dialled.Socket!);
                Fail(dialled, $"refused ({status})");
                break;
        }
    }

    public void DialFailed(DialledLink dialled)
    {
        if (_dialled.Remove(dialled))
        {
            Fail(dialled, "could not be opened");
        }
    }

    public void Accepted(AcceptedLink accepted)
    {
        _accepted.Add(accepted);
        MustJudge = true;
        _cluster.Judge(this);
    }

    /// <summary>Takes, refuses or goes on parking the links that others dialled.</summary>
    public void JudgeAccepted()
    {
        MustJudge = false;
        for (var index = 0; index < _accepted.Count;)
        {
            var accepted = _accepted[index];
            if (Judge(accepted.Greeting!, out var rank) is not { } status)
            {
                _cluster.Met(CoveragePoint.LinkParked);
                index++;
                continue;
            }

            _accepted.RemoveAt(index);
            Network.Send(accepted.Socket!, new Crossnode.Simulation.Network.Packet
            {
                Kind = Crossnode.Simulation.Network.PacketKind.Reply, Status = status,
            });
            if (status == PreambleStatus.Ok && rank >= 0)
            {
                OpenLink(rank, new LinkEnd(this, accepted.Socket!, rank));
            }
            else
            {
                Network.Close(accepted.Socket!);
            }
        }
    }

    private void OpenLink(int rank, LinkEnd link)
    {
        IsTouched = true;
        _links[rank]?.Close();
        _links[rank] = link;
        link.Socket.Owner = link;
        Network.Kick(link.Socket.In);
        Engine.LinkUp(Time, rank);
    }

    private void Fail(DialledLink dialled, string reason)
    {
        if (dialled.View == Engine.View?.Id)
        {
            IsTouched = true;
            Engine.LinkDown(Time, dialled.Rank, reason);
        }
    }

    private void Dial(View view, int rank)
    {
        var dialled = new DialledLink(this, rank, view.Id);
        var acceptor = _cluster.Process(view.Incarnations[rank]);
        var greeting = new Network.Greeting(Id, Incarnation, view.Id, StreamPurpose.Link);
        dialled.Socket = Network.Dial(Index, acceptor.Index, greeting, dialled, new AcceptedLink(acceptor));
        _dialled.Add(dialled);
    }

    // R7: a link of a newer view waits unread; of an older one it is refused.
    private PreambleStatus? Judge(Network.Greeting theirs, out int rank)
    {
        rank = -1;
        if (theirs.Purpose == StreamPurpose.Probe)
        {
            return PreambleStatus.Ok;
        }

        var view = Engine.View;
        if (view is null)
        {
            return null;
        }

        if (Has(ProtocolRules.R7))
        {
            if (theirs.View.Epoch > view.Id.Epoch)
            {
                return null;
            }

            if (theirs.View != view.Id || Engine.IsFrozen)
            {
                return PreambleStatus.OldView;
            }
        }

        rank = view.RankOf(theirs.Member);
        var isFree = rank >= 0 && (_links[rank] is null || !Has(ProtocolRules.R7));
        return view.Contains(theirs.Member, theirs.Incarnation) && view.Dials(rank, Engine.Rank) && isFree
            ? PreambleStatus.Ok
            : PreambleStatus.Refused;
    }

    // Without R7 a link that came too early is not told from one of the view that is being installed.
    private bool MayKeep(LinkEnd link, View view)
    {
        if (Has(ProtocolRules.R7) || link.Socket.Connection.Greeting.View != view.Id || link.Socket.IsClosed)
        {
            return false;
        }

        var peer = link.Socket.Connection.Ends[0].Node == Index ? link.Socket.Connection.Ends[1].Node : link.Socket.Connection.Ends[0].Node;
        var rank = view.RankOf(_cluster.Members[peer].Id);
        if (rank < 0)
        {
            return false;
        }

        link.Detach();
        link.Rank = rank;
        _links[rank] = link;
        return true;
    }
}
