using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Runs;

/// <summary>R19: which links the next view has, from the reports of the one that ends.</summary>
internal static class LinkConditions
{
    /// <summary>The pairs of continuing members whose link is not simply up.</summary>
    /// <param name="view">The view that ends.</param>
    /// <param name="continuing">Members of the next one, ascending.</param>
    /// <param name="committed">Whether the view that ends committed something.</param>
    /// <param name="mayReturn">Whether links that were left out may return on probation.</param>
    public static List<LinkRecord> Next(View view, List<MemberSeat> continuing, bool committed, bool mayReturn)
    {
        var before = view.Record.Links.ToDictionary(
            link => (new MemberId(link.First), new MemberId(link.Second)), link => link.Condition);
        var links = new List<LinkRecord>();
        for (var first = 0; first < continuing.Count; first++)
        {
            for (var second = first + 1; second < continuing.Count; second++)
            {
                var (a, b) = (continuing[first], continuing[second]);
                var was = before.GetValueOrDefault((a.Id, b.Id), LinkCondition.LinkUp);
                var condition = Next(was, ReportOf(a, b), committed, mayReturn);
                if (condition != LinkCondition.LinkUp)
                {
                    links.Add(new LinkRecord { First = a.Id.Value, Second = b.Id.Value, Condition = condition });
                }
            }
        }

        return links;
    }

    private static LinkReport? ReportOf(MemberSeat a, MemberSeat b)
    {
        var one = a.Reports.GetValueOrDefault(b.Id);
        var two = b.Reports.GetValueOrDefault(a.Id);
        return two is { NeverOpened: true } ? two : one ?? two;
    }

    private static LinkCondition Next(LinkCondition was, LinkReport? report, bool committed, bool mayReturn)
    {
        if (was == LinkCondition.LinkOut)
        {
            return mayReturn ? LinkCondition.LinkProbation : LinkCondition.LinkOut;
        }

        if (report is null)
        {
            return committed ? LinkCondition.LinkUp : was;
        }

        var failsAgain = was == LinkCondition.LinkProbation && !committed;
        return report.NeverOpened || failsAgain ? LinkCondition.LinkOut : LinkCondition.LinkProbation;
    }
}
