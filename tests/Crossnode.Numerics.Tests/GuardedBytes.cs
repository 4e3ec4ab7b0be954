namespace Crossnode.Numerics.Tests;

/// <summary>A copy of bytes at some place within a cache line, between bytes that nobody may write.</summary>
internal sealed class GuardedBytes
{
    private const int Guard = 64;
    private const byte GuardByte = 0xA5;
    private readonly int _length;

    public GuardedBytes(byte[] content, int offset)
    {
        Start = Guard + offset;
        _length = content.Length;
        All = new byte[Start + content.Length + Guard];
        Array.Fill(All, GuardByte);
        content.CopyTo(All, Start);
    }

    /// <summary>The bytes with their guards.</summary>
    public byte[] All { get; }

    /// <summary>Where the content starts.</summary>
    public int Start { get; }

    /// <summary>The content as it is now; fails when something was written outside it.</summary>
    public byte[] Content()
    {
        Assert.False(All.AsSpan(0, Start).ContainsAnyExcept(GuardByte), "written before the content");
        Assert.False(All.AsSpan(Start + _length).ContainsAnyExcept(GuardByte), "written after the content");
        return All[Start..(Start + _length)];
    }
}
