using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Crossnode.Transport;

/// <summary>The calls of Linux's C library that .NET has no names for.</summary>
internal static unsafe partial class Libc
{
    public const int NoSpace = 28;

    public const int ReadWrite = 2;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x80000;

    public const int NoAccess = 0;
    public const int ReadAndWrite = 3;
    public const int Shared = 0x1;
    public const int Private = 0x2;
    public const int Fixed = 0x10;
    public const int Anonymous = 0x20;
    public const int Populate = 0x8000;
    public const nint MapFailed = -1;

    private const int LockExclusively = 2;
    private const int LockWithoutWaiting = 4;
    private const int EmptyPath = 0x1000;
    private const int BasicStats = 0x7FF;
    private const short Hangup = 0x10;
    private const short Error = 0x8;

    /// <summary>Whether there is a C library of the name and age that is needed; its youngest call stands for all.</summary>
    public static bool IsThere { get; } = OperatingSystem.IsLinux()
        && NativeLibrary.TryLoad("libc", typeof(Libc).Assembly, null, out var library)
        && NativeLibrary.TryGetExport(library, "statx", out _);

    /// <summary>Refuses symbolic links; one of the few flags that differ between processors.</summary>
    public static int NoFollow =>
        RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm or Architecture.Ppc64le ? 0x8000 : 0x20000;

    /// <summary>Type and rights, owner, links and size of an open file; null when the system does not say.</summary>
    public static FileFacts? FactsOf(SafeFileHandle file)
    {
        Stat stat;
        return StatX(file, "", EmptyPath, BasicStats, &stat) == 0 ? new FileFacts(stat.Mode, stat.Owner, stat.Links, stat.Size) : null;
    }

    /// <summary>Whether the other end of a socket is closed, whatever still waits to be received.</summary>
    public static bool HasHungUp(nint socket)
    {
        var entry = new PollEntry { Fd = (int)socket };
        return Poll(&entry, 1, 0) > 0 && (entry.Ready & (Hangup | Error)) != 0;
    }

    /// <summary>Gives a file all its memory now.</summary>
    /// <returns>0, or the error's number.</returns>
    public static int Allocate(SafeFileHandle file, long bytes)
    {
        const int Interrupted = 4;
        int error;
        do
        {
            // A signal, such as the runtime sends its own threads, undoes what was done.
            error = Allocate(file, 0, (nint)bytes);
        }
        while (error == Interrupted);
        return error;
    }

    /// <summary>Whether nobody else holds the lock that .NET takes with FileShare.None; it is kept until the file is closed.</summary>
    public static bool TryLock(SafeFileHandle file) => Lock(file, LockExclusively | LockWithoutWaiting) == 0;

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Reserve(nint address, nuint bytes, int protection, int flags, int noFile, nint offset);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(nint address, nuint bytes, int protection, int flags, SafeFileHandle file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    public static partial int Unmap(nint address, nuint bytes);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(SafeFileHandle file, string path, int flags, uint mask, Stat* stat);

    [LibraryImport("libc", EntryPoint = "posix_fallocate")]
    private static partial int Allocate(SafeFileHandle file, nint offset, nint bytes);

    [LibraryImport("libc", EntryPoint = "flock")]
    private static partial int Lock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Fd;
        public short Events;
        public short Ready;
    }

    // struct statx is the same on every processor, which struct stat is not.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Stat
    {
        [FieldOffset(16)]
        public uint Links;

        [FieldOffset(20)]
        public uint Owner;

        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(40)]
        public ulong Size;
    }
}

/// <summary>What is checked of a file before it is mapped.</summary>
internal readonly record struct FileFacts(ushort Mode, uint Owner, uint Links, ulong Size)
{
    private const int TypeBits = 0xF000;
    private const int Regular = 0x8000;

    public bool IsRegular => (Mode & TypeBits) == Regular;

    public int Rights => Mode & 0xFFF;
}
