using Crossnode.Core;

namespace Crossnode.Simulation.Network;

/// <summary>The state of the network between nodes; the coordinators' machines are the last nodes.</summary>
/// <remarks>Faults overlap, so each state is counted.</remarks>
internal sealed class Conditions
{
    private readonly int[,] _blocked;
    private readonly int[,] _cut;
    private readonly long[,] _latency;
    private readonly long[,] _extra;
    private readonly int[] _stopped;
    private readonly bool[] _dead;
    private readonly bool[] _vanished;
    private readonly bool[] _closed;
    private readonly int _jitter;

    public Conditions(int nodes, int jitterPercent, long ticksPerByte)
    {
        Nodes = nodes;
        TicksPerByte = ticksPerByte;
        _jitter = jitterPercent;
        _blocked = new int[nodes, nodes];
        _cut = new int[nodes, nodes];
        _latency = new long[nodes, nodes];
        _extra = new long[nodes, nodes];
        _stopped = new int[nodes];
        _dead = new bool[nodes];
        _vanished = new bool[nodes];
        _closed = new bool[nodes];
    }

    public int Nodes { get; }

    /// <summary>The time that a byte takes on the line.</summary>
    public long TicksPerByte { get; }

    public void SetLatency(int from, int to, long ticks) => _latency[from, to] = ticks;

    public long BaseLatency(int from, int to) => _latency[from, to];

    public void Block(int from, int to, int by) => _blocked[from, to] += by;

    /// <summary>Cuts a pair in both directions: what is open breaks, dials are refused.</summary>
    public void Cut(int a, int b, int by)
    {
        _cut[a, b] += by;
        _cut[b, a] += by;
    }

    public void Delay(int from, int to, long by) => _extra[from, to] += by;

    public void Stop(int node, int by) => _stopped[node] += by;

    /// <summary>The process is gone: the system refuses dials.</summary>
    public void Kill(int node) => _dead[node] = true;

    /// <summary>A process runs there again.</summary>
    public void Revive(int node)
    {
        _dead[node] = false;
        _vanished[node] = false;
    }

    /// <summary>Nobody can dial this node; its own dials go through.</summary>
    public void ClosePort(int node) => _closed[node] = true;

    public bool IsPortClosed(int node) => _closed[node];

    /// <summary>The machine is gone: nothing is answered.</summary>
    public void Vanish(int node) => _vanished[node] = true;

    public bool IsStopped(int node) => _stopped[node] > 0;

    public bool IsBlocked(int from, int to) => _blocked[from, to] > 0;

    public bool IsCut(int from, int to) => _cut[from, to] > 0;

    public bool IsHeld(int from, int to) => _blocked[from, to] > 0 || _stopped[to] > 0;

    public bool IsLost(int from, int to) => _vanished[from] || _vanished[to];

    public bool Refuses(int from, int to) => _cut[from, to] > 0 || _dead[to] || _closed[to];

    /// <summary>Draws how long a packet takes; packets of different connections overtake each other.</summary>
    public long Latency(int from, int to, DeterministicRandom random)
    {
        var latency = _latency[from, to];
        return latency + (latency * random.NextInt32(_jitter + 1) / 100) + _extra[from, to];
    }
}
