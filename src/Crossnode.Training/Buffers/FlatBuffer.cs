using System.Runtime.InteropServices;
using Crossnode.Core;

namespace Crossnode.Training.Buffers;

/// <summary>One tensor's place in a flat buffer.</summary>
/// <param name="Name">The tensor's name, as error texts and checkpoints use it.</param>
/// <param name="Offset">Its first element.</param>
/// <param name="Count">Its number of elements.</param>
public readonly record struct FlatSegment(string Name, long Offset, long Count);

/// <summary>Native memory that holds many tensors of one element type, one behind the other.</summary>
/// <remarks>
/// Strategies read and write it as one run of numbers, and find tensors in it by <see cref="Segments"/> (fragments of
/// streaming methods are runs of segments). Memory that this class allocated starts at a multiple of 64 bytes, is zero,
/// and is freed by <see cref="Dispose"/>; memory of somebody else must outlive the buffer.
/// </remarks>
public sealed unsafe class FlatBuffer : IDisposable
{
    private const nuint Alignment = 64;

    private readonly bool _isOwner;
    private void* _pointer;

    /// <summary>Describes memory of somebody else.</summary>
    public FlatBuffer(void* pointer, ElementType type, IReadOnlyList<FlatSegment> segments)
        : this(pointer, type, segments, isOwner: false)
    {
    }

    private FlatBuffer(void* pointer, ElementType type, IReadOnlyList<FlatSegment> segments, bool isOwner)
    {
        ArgumentNullException.ThrowIfNull(segments);
        Type = type;
        Segments = segments;
        Count = Length(segments);
        if (pointer is null && Count > 0)
        {
            throw new ArgumentNullException(nameof(pointer), $"a buffer of {Count} elements needs memory");
        }

        _pointer = pointer;
        _isOwner = isOwner;
        if (!isOwner)
        {
            GC.SuppressFinalize(this);
        }
    }

    /// <summary>Frees memory that nobody disposed.</summary>
    ~FlatBuffer() => Free();

    /// <summary>The type of each element.</summary>
    public ElementType Type { get; }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>The size in bytes.</summary>
    public long ByteLength => Count * Type.Size();

    /// <summary>The tensors, in order, without gaps.</summary>
    public IReadOnlyList<FlatSegment> Segments { get; }

    /// <summary>The first element.</summary>
    /// <exception cref="ObjectDisposedException">The memory was freed.</exception>
    public void* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null && Count > 0, this);
            return _pointer;
        }
    }

    /// <summary>Allocates zeros for these segments.</summary>
    public static FlatBuffer Allocate(ElementType type, IReadOnlyList<FlatSegment> segments)
    {
        ArgumentNullException.ThrowIfNull(segments);
        var bytes = (nuint)checked(Length(segments) * type.Size());
        var pointer = NativeMemory.AlignedAlloc(Math.Max(bytes, 1), Alignment);
        NativeMemory.Clear(pointer, bytes);
        return new FlatBuffer(pointer, type, segments, isOwner: true);
    }

    /// <summary>Allocates zeros of another buffer's type and segments.</summary>
    public static FlatBuffer AllocateLike(FlatBuffer other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Allocate(other.Type, other.Segments);
    }

    /// <summary>Lays tensors out one behind the other.</summary>
    public static IReadOnlyList<FlatSegment> Layout(IEnumerable<(string Name, long Count)> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var segments = new List<FlatSegment>();
        var offset = 0L;
        foreach (var (name, count) in tensors)
        {
            segments.Add(new FlatSegment(name, offset, count));
            offset = checked(offset + count);
        }

        return segments;
    }

    /// <summary>The whole buffer, as collectives take it.</summary>
    public TensorBuffer AsTensorBuffer() => TensorBuffer.FromPointer(Pointer, Type, Count);

    /// <summary>A part of the buffer, as collectives take it.</summary>
    public TensorBuffer Slice(long offset, long count)
    {
        if (offset < 0 || count < 0 || offset > Count - count)
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset), $"elements {offset} to {offset + count} lie outside a buffer of {Count}");
        }

        return TensorBuffer.FromPointer((byte*)Pointer + (offset * Type.Size()), Type, count);
    }

    /// <summary>The elements of a buffer that a span can hold.</summary>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> has not the size of an element.</exception>
    public Span<T> AsSpan<T>()
        where T : unmanaged
    {
        if (sizeof(T) != Type.Size())
        {
            throw new ArgumentException($"{typeof(T).Name} is no element of a buffer of {Type.Name()}");
        }

        return new Span<T>(Pointer, checked((int)Count));
    }

    /// <summary>Copies another buffer of the same type and count into this one.</summary>
    public void CopyFrom(FlatBuffer source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Type != Type || source.Count != Count)
        {
            throw new ArgumentException(
                $"cannot copy {source.Count} {source.Type.Name()} into {Count} {Type.Name()}", nameof(source));
        }

        Buffer.MemoryCopy(source.Pointer, Pointer, ByteLength, ByteLength);
    }

    /// <summary>Frees the memory if this class allocated it; no operation may still use it.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private static long Length(IReadOnlyList<FlatSegment> segments)
    {
        var end = 0L;
        foreach (var segment in segments)
        {
            if (segment.Offset != end || segment.Count < 0)
            {
                throw new ArgumentException(
                    $"segment '{segment.Name}' starts at {segment.Offset}, but the one before ends at {end}", nameof(segments));
            }

            end = checked(end + segment.Count);
        }

        return end;
    }

    private void Free()
    {
        if (_isOwner && _pointer is not null)
        {
            NativeMemory.AlignedFree(_pointer);
        }

        _pointer = null;
    }
}
