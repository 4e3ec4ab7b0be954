using Crossnode.Core;
using Crossnode.Protocol;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Store;
using Crossnode.Protocol.Views;
using Crossnode.Simulation.Kernel;

namespace Crossnode.Simulation.Members;

/// <summary>The disk with the run's record: writing takes a while, may fail, and may be cut off by the writer's death.</summary>
internal sealed class SimulatedStore(Cluster cluster, DeterministicRandom random)
{
    private int _failing;
    private int _disk;
    private RunRecord? _copy;

    /// <summary>What is durable.</summary>
    public RunRecord? Record { get; private set; }

    /// <summary>Whether there was a view once, and there is none now.</summary>
    public bool IsLost => _copy?.View is not null && Record?.View is null;

    public void Fail(int by) => _failing += by;

    public void Lose()
    {
        _disk++;
        _copy = Record?.View is null ? _copy : Record;
        Record = null;
    }

    public void Restore() => Record = _copy ?? Record;

    /// <summary>Writes at once, under the next term: a coordinator does it before it serves anybody.</summary>
    public RunRecord Claim(RunRecord? record)
    {
        var claimed = (record ?? Record)?.Clone() ?? new RunRecord();
        claimed.Term = Math.Max(record?.Term ?? 0, (Record?.Term ?? 0) + 1);
        Record = claimed;
        return claimed;
    }

    public void Write(CoordinatorProcess writer, RunRecord record)
    {
        var takes = random.LogTicks(TimeSpan.FromMilliseconds(0.2), TimeSpan.FromMilliseconds(20));
        cluster.Queue.Add(cluster.Now + takes, DueKind.Written, writer.Node, new Writing(writer, record, _disk));
    }

    public void Check(CoordinatorProcess reader, ulong term)
    {
        if (Record?.Term > term)
        {
            cluster.Queue.Add(cluster.Now + TimeSpan.FromMilliseconds(1).Ticks, DueKind.Written, reader.Node, new Writing(reader, null, _disk));
        }
    }

    /// <summary>The write has had its time.</summary>
    public void Written(Writing writing)
    {
        var (writer, record, disk) = writing;
        if (disk != _disk)
        {
            return; // Lost with all the rest; its writer was killed.
        }

        if (record is null)
        {
            writer.Stored(new RunEvent(RunEventKind.StoreNewer, Term: Record?.Term ?? 0));
            return;
        }

        if (!writer.IsAlive)
        {
            // Whether it was in time, nobody knows.
            if (random.Percent(50) && Refusal(record) is null)
            {
                Record = record;
            }

            return;
        }

        if (_failing > 0)
        {
            if (random.Percent(50) && Refusal(record) is null)
            {
                Record = record;
                cluster.Met(CoveragePoint.StoreAmbiguous);
            }

            cluster.Met(CoveragePoint.StoreFailed);
            writer.Stored(new RunEvent(RunEventKind.StoreFailed, Text: "the disk failed"));
            return;
        }

        if (Refusal(record) is { } refusal)
        {
            writer.Stored(refusal);
            return;
        }

        Record = record;
        writer.Stored(new RunEvent(RunEventKind.Stored));
    }

    private RunEvent? Refusal(RunRecord record)
    {
        if ((cluster.Rules & ProtocolRules.R21) != 0 && Record?.Term > record.Term)
        {
            return new RunEvent(RunEventKind.StoreNewer, Term: Record.Term);
        }

        if (Record is null)
        {
            return new RunEvent(RunEventKind.StoreFailed, Text: "the record is gone");
        }

        var (stored, next) = (Record.View, record.View);
        return stored is not null && next is not null && stored.Id.ToId() != next.Id.ToId() && stored.Id.ToId() != next.Predecessor.ToId()
            ? new RunEvent(RunEventKind.StoreFailed, Text: "the store holds another view")
            : null;
    }

    /// <summary>One write under way; without a record only a look.</summary>
    public sealed record Writing(CoordinatorProcess Writer, RunRecord? Record, int Disk);
}
