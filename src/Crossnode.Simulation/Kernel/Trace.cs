using System.Buffers.Binary;
using System.IO.Hashing;

namespace Crossnode.Simulation.Kernel;

/// <summary>Kinds of entries of the trace.</summary>
internal enum TraceKind
{
    Packet,
    Control,
    Links,
    Freeze,
    CloseLink,
    Ended,
    Call,
    Outcome,
    Fault,
    RunAction,
    Stream,
}

/// <summary>Hashes all events and actions in order, so that two runs can be compared.</summary>
internal sealed class Trace
{
    private const int EntryBytes = 40;

    private readonly XxHash128 _hash = new();
    private readonly byte[] _buffer = new byte[EntryBytes * 100];
    private int _used;

    public void Add(TraceKind kind, long now, int who, long a = 0, long b = 0, long c = 0)
    {
        if (_used == _buffer.Length)
        {
            Flush();
        }

        var entry = _buffer.AsSpan(_used, EntryBytes);
        BinaryPrimitives.WriteInt32LittleEndian(entry, (int)kind);
        BinaryPrimitives.WriteInt32LittleEndian(entry[4..], who);
        BinaryPrimitives.WriteInt64LittleEndian(entry[8..], now);
        BinaryPrimitives.WriteInt64LittleEndian(entry[16..], a);
        BinaryPrimitives.WriteInt64LittleEndian(entry[24..], b);
        BinaryPrimitives.WriteInt64LittleEndian(entry[32..], c);
        _used += EntryBytes;
    }

    public UInt128 Finish()
    {
        Flush();
        return _hash.GetCurrentHashAsUInt128();
    }

    private void Flush()
    {
        _hash.Append(_buffer.AsSpan(0, _used));
        _used = 0;
    }
}
