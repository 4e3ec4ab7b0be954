using Microsoft.Win32.SafeHandles;

namespace Crossnode.Transport;

/// <summary>The shared file in this process's memory. Whoever holds a reference may follow its pointers.</summary>
internal sealed unsafe class SharedMemoryMap : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly SharedMemoryLayout _layout;

    private SharedMemoryMap(SharedMemoryLayout layout)
        : base(ownsHandle: true) => _layout = layout;

    /// <summary>Maps a file of the layout's size, every page of it present; null when the system refuses.</summary>
    public static SharedMemoryMap? TryMap(SafeFileHandle file, SharedMemoryLayout layout)
    {
        var start = Libc.Reserve(0, (nuint)layout.MappedBytes, Libc.NoAccess, Libc.Private | Libc.Anonymous, -1, 0);
        if (start == Libc.MapFailed)
        {
            return null;
        }

        var map = new SharedMemoryMap(layout);
        map.SetHandle(start);
        if (map.TryPlace(file))
        {
            return map;
        }

        map.Dispose();
        return null;
    }

    /// <summary>0 carries what the connecting side sends, 1 what the listening side sends.</summary>
    public SharedRing Ring(int index)
    {
        var start = (byte*)handle;
        return new SharedRing(
            start + (index * SharedMemoryLayout.CountersBytes),
            start + SharedMemoryLayout.HeaderBytes + (2L * index * _layout.RingBytes),
            _layout.RingBytes);
    }

    protected override bool ReleaseHandle() => Libc.Unmap(handle, (nuint)_layout.MappedBytes) == 0;

    private bool TryPlace(SafeFileHandle file)
    {
        var header = SharedMemoryLayout.HeaderBytes;
        long ring = _layout.RingBytes;
        return TryPlace(file, 0, header, 0)
            && TryPlace(file, header, ring, header)
            && TryPlace(file, header + ring, ring, header)
            && TryPlace(file, header + (2 * ring), ring, header + ring)
            && TryPlace(file, header + (3 * ring), ring, header + ring);
    }

    private bool TryPlace(SafeFileHandle file, long place, long bytes, long offset) => Libc.Map(
        handle + (nint)place,
        (nuint)bytes,
        Libc.ReadAndWrite,
        Libc.Shared | Libc.Fixed | Libc.Populate,
        file,
        (nint)offset) != Libc.MapFailed;
}
