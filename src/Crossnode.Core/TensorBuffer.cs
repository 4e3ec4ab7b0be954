using System.Buffers;
using System.Runtime.InteropServices;

namespace Crossnode.Core;

/// <summary>A run of elements in memory that a collective reads or writes: native memory by pointer, or managed memory.</summary>
/// <remarks>
/// The length is 64 bits, so a buffer may exceed 2 GiB when it is native. The caller keeps the memory alive, and does not
/// touch it, from the call until the call returns; no collective keeps a buffer longer than that.
/// </remarks>
public readonly unsafe struct TensorBuffer : IEquatable<TensorBuffer>
{
    private readonly void* _pointer;
    private readonly Memory<byte> _memory;
    private readonly bool _isManaged;

    private TensorBuffer(void* pointer, Memory<byte> memory, bool isManaged, ElementType type, long count)
    {
        _pointer = pointer;
        _memory = memory;
        _isManaged = isManaged;
        Type = type;
        Count = count;
    }

    /// <summary>The type of each element.</summary>
    public ElementType Type { get; }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>The size in bytes.</summary>
    public long ByteLength => Count * Type.Size();

    /// <summary>Describes native memory, which must hold <paramref name="count"/> elements and stay where it is.</summary>
    public static TensorBuffer FromPointer(void* pointer, ElementType type, long count)
    {
        Check(type, count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, long.MaxValue / type.Size());
        if (pointer is null && count > 0)
        {
            throw new ArgumentNullException(nameof(pointer), $"a buffer of {count} elements needs memory");
        }

        return new TensorBuffer(pointer, default, isManaged: false, type, count);
    }

    /// <summary>Describes managed bytes that hold whole elements of the type.</summary>
    public static TensorBuffer FromBytes(Memory<byte> bytes, ElementType type)
    {
        Check(type, 0);
        if (bytes.Length % type.Size() != 0)
        {
            throw new ArgumentException(
                $"{bytes.Length} bytes are no whole number of {type.Name()} elements of {type.Size()} bytes", nameof(bytes));
        }

        return new TensorBuffer(null, bytes, isManaged: true, type, bytes.Length / type.Size());
    }

    /// <summary>Describes an array of 32-bit floats.</summary>
    public static TensorBuffer From(Memory<float> values) => FromMemory(values, ElementType.Float32);

    /// <summary>Describes an array of 64-bit floats.</summary>
    public static TensorBuffer From(Memory<double> values) => FromMemory(values, ElementType.Float64);

    /// <summary>Describes an array of 16-bit floats.</summary>
    public static TensorBuffer From(Memory<Half> values) => FromMemory(values, ElementType.Float16);

    /// <summary>Fixes the memory in place and gives its address; dispose the handle when the address is no longer used.</summary>
    public PinnedBuffer Pin()
    {
        if (!_isManaged)
        {
            return new PinnedBuffer((byte*)_pointer, default);
        }

        var handle = _memory.Pin();
        return new PinnedBuffer((byte*)handle.Pointer, handle);
    }

    /// <inheritdoc />
    public bool Equals(TensorBuffer other) =>
        _pointer == other._pointer && _memory.Equals(other._memory) && _isManaged == other._isManaged
        && Type == other.Type && Count == other.Count;

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is TensorBuffer other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine((nint)_pointer, _memory, Type, Count);

    public static bool operator ==(TensorBuffer left, TensorBuffer right) => left.Equals(right);

    public static bool operator !=(TensorBuffer left, TensorBuffer right) => !left.Equals(right);

    private static TensorBuffer FromMemory<T>(Memory<T> values, ElementType type)
        where T : unmanaged
    {
        if (values.Length > Array.MaxLength / type.Size())
        {
            throw new ArgumentException(
                $"{values.Length} {type.Name()} are 2 GiB or more, which managed memory cannot describe: "
                + "use native memory and FromPointer",
                nameof(values));
        }

        return new(null, new CastMemory<T>(values).Memory, isManaged: true, type, values.Length);
    }

    private static void Check(ElementType type, long count)
    {
        if (!type.IsKnown())
        {
            throw new ArgumentOutOfRangeException(nameof(type), type, "use a type that has elements, such as f32");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(count);
    }

    private sealed class CastMemory<T>(Memory<T> values) : MemoryManager<byte>
        where T : unmanaged
    {
        public override Span<byte> GetSpan() => MemoryMarshal.AsBytes(values.Span);

        public override MemoryHandle Pin(int elementIndex = 0)
        {
            var handle = values.Pin();
            return new MemoryHandle((byte*)handle.Pointer + elementIndex, default, new Unpinner(handle));
        }

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class Unpinner(MemoryHandle handle) : IPinnable
    {
        private MemoryHandle _handle = handle;

        public MemoryHandle Pin(int elementIndex) => throw new NotSupportedException("already pinned");

        public void Unpin() => _handle.Dispose();
    }
}

/// <summary>A buffer that does not move until this is disposed.</summary>
public readonly unsafe struct PinnedBuffer : IDisposable, IEquatable<PinnedBuffer>
{
    private readonly MemoryHandle _handle;

    internal PinnedBuffer(byte* address, MemoryHandle handle)
    {
        Address = address;
        _handle = handle;
    }

    /// <summary>The first byte; null for an empty native buffer.</summary>
    public byte* Address { get; }

    /// <inheritdoc />
    public void Dispose() => _handle.Dispose();

    /// <inheritdoc />
    public bool Equals(PinnedBuffer other) => Address == other.Address;

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is PinnedBuffer other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode() => ((nint)Address).GetHashCode();

    public static bool operator ==(PinnedBuffer left, PinnedBuffer right) => left.Equals(right);

    public static bool operator !=(PinnedBuffer left, PinnedBuffer right) => !left.Equals(right);
}
