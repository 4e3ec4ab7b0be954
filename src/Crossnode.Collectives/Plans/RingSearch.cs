using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Plans;

/// <summary>Finds an order of the members in which each has a link to the next, and the last to the first.</summary>
/// <remarks>
/// Depth first from rank 0, neighbours ascending, so that everyone finds the same ring. A branch is left as soon as no
/// neighbour of rank 0 is left to end at, or a member outside the path has fewer than two links to where the path can
/// still go; without that, a first member with two links among 33 would already cost 30! steps. The problem is NP-complete: after a bounded number of steps the
/// answer is that there is no ring, and all-reduce takes a tree.
/// </remarks>
internal sealed class RingSearch
{
    private const int StepLimit = 200_000;

    private readonly int _count;
    private readonly int[][] _neighbours;
    private readonly bool[] _closes;
    private readonly bool[] _onPath;
    private readonly int[] _open;
    private readonly int[] _path;
    private int _endsLeft;

    private RingSearch(LinkGraph graph)
    {
        _count = graph.Count;
        _neighbours = [.. Enumerable.Range(0, _count).Select(rank => graph.Neighbours(rank).ToArray())];
        _closes = [.. Enumerable.Range(0, _count).Select(rank => rank != 0 && graph.HasLink(rank, 0))];
        _onPath = new bool[_count];
        _open = [.. _neighbours.Select(static list => list.Length)];
        _path = new int[_count];
        _endsLeft = _neighbours[0].Length;
    }

    /// <summary>The ranks around the ring, from rank 0; null when none was found.</summary>
    public static int[]? Find(LinkGraph graph)
    {
        if (graph.IsComplete)
        {
            return [.. Enumerable.Range(0, graph.Count)];
        }

        return graph.Count < 3 ? null : new RingSearch(graph).Search();
    }

    private int[]? Search()
    {
        if (_open.Any(static links => links < 2))
        {
            return null;
        }

        // next[d] is the index of the neighbour of path[d] that is tried next.
        var next = new int[_count];
        var depth = 0;
        _onPath[0] = true;
        for (var step = 0; step < StepLimit; step++)
        {
            var end = _path[depth];
            if (next[depth] == _neighbours[end].Length)
            {
                if (depth == 0)
                {
                    return null;
                }

                Leave(depth--);
                continue;
            }

            var candidate = _neighbours[end][next[depth]++];
            if (_onPath[candidate])
            {
                continue;
            }

            var isAlive = Enter(++depth, candidate);
            next[depth] = 0;
            if (depth == _count - 1 && _closes[candidate])
            {
                return _path;
            }

            if (!isAlive)
            {
                Leave(depth--);
            }
        }

        return null;
    }

    /// <summary>Extends the path; false when a member outside it can no longer be passed through.</summary>
    private bool Enter(int depth, int rank)
    {
        var left = _path[depth - 1];
        _path[depth] = rank;
        _onPath[rank] = true;
        _endsLeft -= _closes[rank] ? 1 : 0;
        var isAlive = _endsLeft > 0;
        if (left != 0)
        {
            // The path's inside offers nothing any more; rank 0 stays open, because the ring closes there.
            foreach (var neighbour in _neighbours[left])
            {
                isAlive &= --_open[neighbour] >= 2 || _onPath[neighbour];
            }
        }

        return isAlive;
    }

    private void Leave(int depth)
    {
        _onPath[_path[depth]] = false;
        _endsLeft += _closes[_path[depth]] ? 1 : 0;
        var left = _path[depth - 1];
        if (left != 0)
        {
            foreach (var neighbour in _neighbours[left])
            {
                _open[neighbour]++;
            }
        }
    }
}
