namespace Crossnode.Collectives.State;

/// <summary>Who is asked for which chunk.</summary>
public sealed partial class FetchPlan
{
    private readonly Dictionary<int, int> _wrongFrom = [];

    private void OnChunk(TimeSpan now, Holder holder, FetchEvent.ChunkCame came)
    {
        holder.HeardAt = now;
        if (!holder.Asked.Remove(came.Chunk, out var askedAt))
        {
            return;
        }

        if (!came.IsRight)
        {
            holder.Wrong++;
            _wrongFrom[came.Chunk] = holder.Index;
            Release(came.Chunk);
            if (holder.Wrong >= _options.MaxWrong)
            {
                LeaveAlone(holder, $"{holder.Wrong} of its chunks had a wrong hash");
            }

            return;
        }

        holder.Failures = 0;
        _usual = _usual == TimeSpan.Zero ? now - askedAt : (_usual * 0.9) + ((now - askedAt) * 0.1);
        if (!_isDone[came.Chunk])
        {
            _isDone[came.Chunk] = true;
            _free.Remove(came.Chunk);
            _chunksLeft--;
        }
    }

    private void Assign(TimeSpan now)
    {
        // One each in turn, so that a few chunks are spread over all.
        for (var isAny = true; isAny;)
        {
            isAny = false;
            foreach (var holder in _holders)
            {
                if (holder.Phase == Phase.Serving && holder.Asked.Count < _options.Depth && TryPick(now, holder, out var chunk))
                {
                    if (holder.Asked.Count == 0)
                    {
                        holder.HeardAt = now;
                    }

                    _free.Remove(chunk);
                    holder.Asked.Add(chunk, now);
                    _actions.Add(new FetchAction.AskChunk(holder.Index, chunk));
                    isAny = true;
                }
            }
        }
    }

    private bool TryPick(TimeSpan now, Holder holder, out int chunk)
    {
        var isAlone = _holders.Count(other => other.Phase != Phase.LeftAlone) == 1;
        foreach (var free in _free)
        {
            if (isAlone || _wrongFrom.GetValueOrDefault(free, -1) != holder.Index)
            {
                chunk = free;
                return true;
            }
        }

        chunk = -1;
        return _free.Count == 0 && holder.Asked.Count == 0 && TryTakeOver(now, holder, out chunk);
    }

    private bool TryTakeOver(TimeSpan now, Holder idle, out int chunk)
    {
        chunk = -1;
        var oldest = now - (_usual * 2) - SlowMargin;
        foreach (var holder in _holders)
        {
            foreach (var (asked, at) in holder.Asked)
            {
                if (holder != idle && at <= oldest && !_isDone[asked] && _wrongFrom.GetValueOrDefault(asked, -1) != idle.Index
                    && _holders.Count(other => other.Asked.ContainsKey(asked)) == 1)
                {
                    oldest = at;
                    chunk = asked;
                }
            }
        }

        return chunk >= 0;
    }

    private void GiveBack(Holder holder)
    {
        var chunks = holder.Asked.Keys.ToList();
        holder.Asked.Clear();
        chunks.ForEach(Release);
    }

    private void Release(int chunk)
    {
        if (!_isDone[chunk] && !Array.Exists(_holders, holder => holder.Asked.ContainsKey(chunk)))
        {
            _free.Add(chunk);
        }
    }
}
