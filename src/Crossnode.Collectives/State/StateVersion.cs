using System.IO.Hashing;
using Crossnode.Core;

namespace Crossnode.Collectives.State;

/// <summary>One version on a holder: first the live memory, later a copy of it, until nobody needs it.</summary>
/// <remarks>The serving thread reads it a piece at a time under a lock, so that whoever is about to change the live memory waits for
/// one piece at most.</remarks>
internal sealed unsafe class StateVersion : IDisposable
{
    /// <summary>Where tensors begin in a copy: at multiples of so many bytes.</summary>
    public const int Alignment = 64;

    private readonly Lock _memory = new();
    private readonly IReadOnlyList<StateTensor> _live;
    private readonly ReadOnlyMemory<byte> _blob;
    private readonly int _chunkBytes;
    private readonly long[] _copyOffsets;
    private readonly UInt128[][] _hashes;
    private CopyMemory? _copy;
    private bool _isOver;
    private int _hashTensor;
    private int _hashChunk;

    public StateVersion(long number, IReadOnlyList<StateTensor> live, ReadOnlyMemory<byte> blob, int chunkBytes)
    {
        Number = number;
        _live = live;
        _blob = blob;
        _chunkBytes = chunkBytes;
        _copyOffsets = new long[live.Count];
        _hashes = new UInt128[live.Count][];
        for (var tensor = 0; tensor < live.Count; tensor++)
        {
            _copyOffsets[tensor] = CopyBytes;
            _hashes[tensor] = new UInt128[StateManifest.ChunksOf(live[tensor].Buffer.ByteLength, chunkBytes)];
            CopyBytes += Aligned(live[tensor].Buffer.ByteLength);
        }
    }

    public long Number { get; }

    /// <summary>What a copy takes.</summary>
    public long CopyBytes { get; }

    public bool IsCopied => _copy is not null;

    /// <summary>Once all is hashed.</summary>
    public StateManifest? Manifest { get; private set; }

    /// <summary>What a copy of these would take.</summary>
    public static long CopyBytesOf(IReadOnlyList<StateTensor> live) => live.Sum(tensor => Aligned(tensor.Buffer.ByteLength));

    /// <summary>Copies the live memory and goes on from the copy. The live memory must not change meanwhile.</summary>
    public void Copy(CopyMemory target)
    {
        for (var tensor = 0; tensor < _live.Count; tensor++)
        {
            using var pinned = _live[tensor].Buffer.Pin();
            var bytes = _live[tensor].Buffer.ByteLength;
            Buffer.MemoryCopy(pinned.Address, target.Address + _copyOffsets[tensor], bytes, bytes);
        }

        target.Filled();
        lock (_memory)
        {
            if (!_isOver)
            {
                _copy = target;
                return;
            }
        }

        target.Dispose();
    }

    /// <summary>Whether a chunk exists; then its place.</summary>
    public bool TryPlace(uint tensor, uint chunk, out ChunkPlace place)
    {
        place = default;
        if (tensor >= (uint)_live.Count || chunk >= (uint)_hashes[tensor].Length)
        {
            return false;
        }

        var offset = (long)chunk * _chunkBytes;
        place = new ChunkPlace((int)tensor, (int)chunk, offset, (int)Math.Min(_chunkBytes, _live[(int)tensor].Buffer.ByteLength - offset));
        return true;
    }

    /// <summary>Copies a piece out. False when the version is over.</summary>
    public bool TryRead(int tensor, long offset, Span<byte> target)
    {
        lock (_memory)
        {
            if (_isOver)
            {
                return false;
            }

            if (_copy is not null)
            {
                new ReadOnlySpan<byte>(_copy.Address + _copyOffsets[tensor] + offset, target.Length).CopyTo(target);
                return true;
            }

            using var pinned = _live[tensor].Buffer.Pin();
            new ReadOnlySpan<byte>(pinned.Address + offset, target.Length).CopyTo(target);
            return true;
        }
    }

    /// <summary>Hashes up to so many bytes more. False when the version is over; the manifest is there once all is hashed.</summary>
    public bool TryHash(long budgetBytes)
    {
        while (Manifest is null && budgetBytes > 0)
        {
            while (_hashTensor < _live.Count && _hashChunk == _hashes[_hashTensor].Length)
            {
                _hashTensor++;
                _hashChunk = 0;
            }

            if (_hashTensor == _live.Count)
            {
                Manifest = new StateManifest(Number, _chunkBytes, Tensors(), _blob);
                return true;
            }

            if (!TryHashChunk(out var bytes))
            {
                return false;
            }

            budgetBytes -= bytes;
        }

        return true;
    }

    /// <summary>Nothing is read any more. Gives the copy's memory back for the next one.</summary>
    public CopyMemory? End()
    {
        lock (_memory)
        {
            _isOver = true;
            var copy = _copy;
            _copy = null;
            return copy;
        }
    }

    public void Dispose() => End()?.Dispose();

    private static long Aligned(long bytes) => (bytes + Alignment - 1) & -Alignment;

    private bool TryHashChunk(out int bytes)
    {
        // The lock is let go between pieces, whatever the size of chunks.
        const int PieceBytes = 1 << 20;
        TryPlace((uint)_hashTensor, (uint)_hashChunk, out var place);
        bytes = place.Length;
        var hash = new XxHash128();
        for (var done = 0; done < place.Length;)
        {
            var piece = Math.Min(PieceBytes, place.Length - done);
            lock (_memory)
            {
                if (_isOver)
                {
                    return false;
                }

                using var pinned = _copy is null ? _live[place.Tensor].Buffer.Pin() : default;
                var address = _copy is null ? pinned.Address : _copy.Address + _copyOffsets[place.Tensor];
                hash.Append(new ReadOnlySpan<byte>(address + place.Offset + done, piece));
            }

            done += piece;
        }

        _hashes[_hashTensor][_hashChunk++] = hash.GetCurrentHashAsUInt128();
        return true;
    }

    private TensorManifest[] Tensors()
    {
        var tensors = new TensorManifest[_live.Count];
        for (var tensor = 0; tensor < tensors.Length; tensor++)
        {
            var buffer = _live[tensor].Buffer;
            tensors[tensor] = new TensorManifest(_live[tensor].Name, buffer.Type, buffer.Count, _hashes[tensor]);
        }

        return tensors;
    }
}
