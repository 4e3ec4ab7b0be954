using Crossnode.Core;
using Crossnode.Protocol.Control;

namespace Crossnode.Protocol.Views;

/// <summary>One link of the chain of views: who is a member, over which links, and what of the past is settled.</summary>
/// <remarks>Immutable: any change of members or links makes a new view with a new id.</remarks>
public sealed class View
{
    /// <summary>The most members of a view.</summary>
    public const int MaxMembers = 1 << 13;

    private readonly Dictionary<MemberId, int> _ranks = [];

    /// <summary>Reads a record as it came from the coordinator.</summary>
    /// <exception cref="Core.Errors.ProtocolException">There is no member or far too many, members are not ascending, a link names
    /// no two members, or the links do not join all.</exception>
    public View(ViewRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        Record = record;
        Id = record.Id.ToId();
        Predecessor = record.Predecessor.ToId();
        if (record.Members.Count is 0 or > MaxMembers)
        {
            throw new Core.Errors.ProtocolException($"{Id} has {record.Members.Count} members (1 to {MaxMembers} are possible)");
        }

        var members = new MemberId[record.Members.Count];
        for (var rank = 0; rank < members.Length; rank++)
        {
            members[rank] = new MemberId(record.Members[rank].Id);
            if (rank > 0 && members[rank] <= members[rank - 1])
            {
                throw new Core.Errors.ProtocolException($"{Id} lists its members out of order");
            }

            _ranks.Add(members[rank], rank);
        }

        Members = members;
        Incarnations = [.. record.Members.Select(member => member.Incarnation)];
        Links = ReadLinks(record, _ranks, members.Length);
        if (!Links.IsConnected)
        {
            throw new Core.Errors.ProtocolException($"{Id} has links that do not join all its members ({Links})");
        }

        Barrier = new BarrierPlan(Links);
    }

    /// <summary>The record that travels.</summary>
    public ViewRecord Record { get; }

    /// <summary>This view's id.</summary>
    public ViewId Id { get; }

    /// <summary>The only view from which this one may be installed (R4).</summary>
    public ViewId Predecessor { get; }

    /// <summary>The members; the index is the rank.</summary>
    public IReadOnlyList<MemberId> Members { get; }

    /// <summary>The pairs of ranks that have a link.</summary>
    public LinkGraph Links { get; }

    /// <summary>How tokens travel in this view.</summary>
    public BarrierPlan Barrier { get; }

    /// <summary>The processes that are the members; the index is the rank.</summary>
    public IReadOnlyList<ulong> Incarnations { get; }

    /// <summary>Whether one rank dials the other: who joined later does, among those that came together the higher one.</summary>
    public bool Dials(int rank, int other)
    {
        var joined = Record.Members[rank].Joined.CompareTo(Record.Members[other].Joined);
        return joined != 0 ? joined > 0 : rank > other;
    }

    /// <summary>The rank of a member, or -1.</summary>
    public int RankOf(MemberId member) => _ranks.GetValueOrDefault(member, -1);

    /// <summary>Whether this very process is in the view.</summary>
    public bool Contains(MemberId member, ulong incarnation)
    {
        var rank = RankOf(member);
        return rank >= 0 && Record.Members[rank].Incarnation == incarnation;
    }

    private static LinkGraph ReadLinks(ViewRecord record, Dictionary<MemberId, int> ranks, int count)
    {
        var links = LinkGraph.Complete(count);
        foreach (var link in record.Links)
        {
            if (!ranks.TryGetValue(new MemberId(link.First), out var first)
                || !ranks.TryGetValue(new MemberId(link.Second), out var second)
                || first == second)
            {
                throw new Core.Errors.ProtocolException(
                    $"{record.Id.ToId()} has a link {link.First}-{link.Second} but not two such members");
            }

            if (link.Condition == LinkCondition.LinkOut)
            {
                links = links.Without(first, second);
            }
        }

        return links;
    }
}

/// <summary>Conversions between ids and their records.</summary>
public static class ViewIds
{
    /// <summary>The id in a record; no record means no view.</summary>
    public static ViewId ToId(this ViewIdRecord? record) =>
        record is null ? ViewId.None : new ViewId(record.Epoch, record.Nonce);

    /// <summary>The record of an id.</summary>
    public static ViewIdRecord ToRecord(this ViewId id) => new() { Epoch = id.Epoch, Nonce = id.Nonce };
}
