using Crossnode.Core;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Views;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Members;

/// <summary>All that serves the run: two machines on which coordinators may run, their store, and somebody who looks after them.</summary>
internal sealed class SimulatedCoordinator
{
    /// <summary>How many machines there are.</summary>
    public const int Nodes = 2;

    private static readonly long LookAfterEvery = TimeSpan.FromMilliseconds(500).Ticks;

    private readonly Cluster _cluster;
    private readonly CoordinatorProcess?[] _processes = new CoordinatorProcess?[Nodes];
    private int _started;
    private long _lookAfterAt;

    public SimulatedCoordinator(Cluster cluster)
    {
        _cluster = cluster;
        Store = new SimulatedStore(cluster, new DeterministicRandom((ulong)cluster.Schedule.Seed ^ 0xA0761D6478BD642F));
        _cluster.Conditions.Kill(cluster.CoordinatorNode + 1);
        _processes[0] = Acting = new CoordinatorProcess(cluster, this, cluster.CoordinatorNode, _started++, reconstructs: false);
    }

    public SimulatedStore Store { get; }

    /// <summary>The one that was started last.</summary>
    public CoordinatorProcess Acting { get; private set; }

    public bool HasFinished { get; set; }

    /// <summary>All views that were announced, in order.</summary>
    public List<View> Announced { get; } = [];

    /// <summary>Views that were forgotten: the record was lost, and nobody alive had them when it was made again.</summary>
    public HashSet<ViewId> Forgotten { get; } = [];

    /// <summary>What stopped processes have yet to hear from the store.</summary>
    public List<(CoordinatorProcess Process, RunEvent Happened)> Late { get; } = [];

    /// <summary>Whether one serves the run, all members are with it, and no change of the view is under way.</summary>
    public bool IsSettled => Acting is { IsAlive: true, Machine.IsWhole: true, Machine.Phase: not (RunPhase.Preparing or RunPhase.Storing) };

    public CoordinatorProcess? At(int node) => _processes[node - _cluster.CoordinatorNode] is { IsAlive: true } process ? process : null;

    public void Tick()
    {
        for (var index = Late.Count - 1; index >= 0; index--)
        {
            var (process, happened) = Late[index];
            if (!process.IsStopped)
            {
                Late.RemoveAt(index);
                process.Stored(happened);
            }
        }

        foreach (var process in _processes)
        {
            process?.Tick();
        }

        if (_cluster.Now >= _lookAfterAt)
        {
            _lookAfterAt = _cluster.Now + LookAfterEvery;
            LookAfter();
        }
    }

    /// <summary>The end of a control stream that a member is about to open.</summary>
    public CoordinatorStream AcceptStream(int node, MemberId member, int index) => new(this, node, member, index);

    /// <summary>Starts a coordinator, there or on the other machine if one runs there. When the record is lost it makes it again.</summary>
    public void Start(int node)
    {
        node = At(node) is null ? node : OtherThan(node);
        if (Store.IsLost && !HasView())
        {
            Store.Restore(); // Nobody could tell: people have to find a copy.
        }

        _cluster.Conditions.Revive(node);
        _cluster.Log(node, Store.IsLost ? "is started without the record" : "is started again");
        _cluster.Met(CoveragePoint.CoordinatorRestarted);
        _processes[node - _cluster.CoordinatorNode] = Acting = new CoordinatorProcess(_cluster, this, node, _started++, Store.IsLost);
    }

    /// <summary>Kills all: whoever makes a record again has to know that no other coordinator lives.</summary>
    public void KillAll(bool silently)
    {
        foreach (var process in _processes)
        {
            if (process is { IsAlive: true })
            {
                process.Kill(silently);
            }
        }
    }

    public int OtherThan(int node) => node == _cluster.CoordinatorNode ? node + 1 : _cluster.CoordinatorNode;

    /// <summary>A coordinator says that it announces a view; one that was stopped meanwhile may be the second to say so.</summary>
    public void Announce(View view)
    {
        if (!Announced.Exists(announced => announced.Id == view.Id))
        {
            Announced.Add(view);
            _cluster.Announced(view);
        }
    }

    /// <summary>A coordinator goes on with a view; the one before may have died between storing and announcing it.</summary>
    public void TookUp(View view)
    {
        if (!Announced.Exists(announced => announced.Id == view.Id))
        {
            _cluster.Met(CoveragePoint.RestartedBetweenStoredAndAnnounced);
            Announce(view);
        }
    }

    /// <summary>The record was made again from a view.</summary>
    public void Rebuilt(View view)
    {
        _cluster.TookUp(view);
        Forgotten.UnionWith(Announced.Select(static announced => announced.Id).Where(id => id.Epoch > view.Id.Epoch));
        Announced.RemoveAll(announced => announced.Id.Epoch > view.Id.Epoch);
    }

    // Whether anybody could tell of a view.
    private bool HasView() => Array.Exists(_cluster.Members, static member => member.IsAlive && member.WasMember);

    // What people do when the record is lost: say who is dead, or find a copy when nobody holds a view any more.
    private void LookAfter()
    {
        if (!Acting.IsAlive || !Acting.IsReconstructing)
        {
            return;
        }

        if (!HasView())
        {
            var node = Acting.Node;
            Acting.Kill(silently: false);
            Start(node);
            return;
        }

        foreach (var member in Acting.Awaited)
        {
            if (!_cluster.Process(member.Incarnation).IsAlive)
            {
                _cluster.Met(CoveragePoint.DeclaredDead);
                Acting.Declare(new MemberId(member.Id));
            }
        }
    }
}
