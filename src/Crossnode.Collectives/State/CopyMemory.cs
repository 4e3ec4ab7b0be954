using System.Runtime.InteropServices;

namespace Crossnode.Collectives.State;

/// <summary>Native memory for a copy of a version. Its pages can be made present before it is needed: that takes longer than copying.</summary>
internal sealed unsafe partial class CopyMemory : IDisposable
{
    private const int PageBytes = 4096;
    private const int HugePageBytes = 2 << 20;
    private const int AdviseHugePages = 14;

    private long _touched;

    public CopyMemory(long bytes)
    {
        Bytes = Math.Max(bytes, 1);
        Address = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes, (nuint)(Bytes >= HugePageBytes ? HugePageBytes : 64));
        if (OperatingSystem.IsLinux() && Bytes >= HugePageBytes)
        {
            // Only advice: where it is refused, pages are small and copying takes longer.
            _ = Advise(Address, (nuint)(Bytes / HugePageBytes * HugePageBytes), AdviseHugePages);
        }
    }

    public byte* Address { get; private set; }

    public long Bytes { get; }

    public bool IsPresent => _touched >= Bytes;

    /// <summary>Makes so many bytes more present.</summary>
    public void Touch(long bytes)
    {
        for (var until = Math.Min(Bytes, _touched + bytes); _touched < until; _touched += PageBytes)
        {
            Address[_touched] = 0;
        }
    }

    /// <summary>All of it was written.</summary>
    public void Filled() => _touched = Bytes;

    public void Dispose()
    {
        if (Address is not null)
        {
            NativeMemory.AlignedFree(Address);
            Address = null;
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
