using System.Runtime.InteropServices;

namespace Crossnode.Collectives.Tests.Transfers;

/// <summary>Native bytes between two walls that notice when they are written.</summary>
internal sealed unsafe class GuardedMemory : IDisposable
{
    private const int Wall = 64;
    private const byte Brick = 0xA5;

    private readonly byte* _block;

    public GuardedMemory(long length)
    {
        Length = length;
        _block = (byte*)NativeMemory.Alloc((nuint)(length + (2 * Wall)));
        NativeMemory.Fill(_block, (nuint)(length + (2 * Wall)), Brick);
    }

    public long Length { get; }

    public byte* Address => _block + Wall;

    public Span<byte> Bytes => new(Address, (int)Length);

    public bool IsIntact =>
        !new Span<byte>(_block, Wall).ContainsAnyExcept(Brick) && !new Span<byte>(Address + Length, Wall).ContainsAnyExcept(Brick);

    public void Dispose() => NativeMemory.Free(_block);
}
