using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Crossnode.Transport;

/// <summary>Linux: ppoll over the sockets and an eventfd for waking.</summary>
internal sealed unsafe partial class PollWait : IReadinessWait
{
    private const short PollIn = 1;
    private const short PollOut = 4;
    private const int EventNonBlocking = 0x800;
    private const int EventCloseOnExec = 0x80000;
    private const int FirstSocket = 1;

    private readonly SafeFileHandle _wake;
    private PollEntry[] _entries = new PollEntry[8 + FirstSocket];
    private int _count = FirstSocket;
    private int _isWoken;

    public PollWait()
    {
        _wake = EventFd(0, EventNonBlocking | EventCloseOnExec);
        if (_wake.IsInvalid)
        {
            throw new IOException("cannot make an eventfd: this process has too many open files (raise ulimit -n)");
        }

        _entries[0] = new PollEntry { Fd = (int)_wake.DangerousGetHandle(), Events = PollIn };
    }

    public void Set(IReadOnlyList<Watched> watched)
    {
        if (_entries.Length < watched.Count + FirstSocket)
        {
            Array.Resize(ref _entries, (watched.Count * 2) + FirstSocket);
        }

        for (var i = 0; i < watched.Count; i++)
        {
            var item = watched[i];
            _entries[i + FirstSocket] = new PollEntry
            {
                Fd = (int)item.Socket.Handle,
                Events = (short)((item.ReadsSocket ? PollIn : 0) | (item.WritesSocket ? PollOut : 0)),
            };
        }

        _count = watched.Count + FirstSocket;
    }

    public void Wait(TimeSpan timeout)
    {
        const long NanosecondsPerTick = 100;
        var limit = new TimeSpec
        {
            Seconds = (nint)(timeout.Ticks / TimeSpan.TicksPerSecond),
            Nanoseconds = (nint)(timeout.Ticks % TimeSpan.TicksPerSecond * NanosecondsPerTick),
        };
        int ready;
        fixed (PollEntry* entries = _entries)
        {
            ready = PPoll(entries, (nuint)_count, &limit, null);
        }

        if (ready < 0)
        {
            // A signal: nothing was looked at.
            for (var i = 0; i < _count; i++)
            {
                _entries[i].Ready = 0;
            }
        }
        else if (_entries[0].Ready != 0)
        {
            ulong wakes;
            _ = Read(_wake, &wakes, sizeof(ulong));

            // Whoever calls Wake from here on writes again; whoever did before has its work seen after this returns.
            Interlocked.Exchange(ref _isWoken, 0);
        }
    }

    public bool IsReady(int index) => _entries[index + FirstSocket].Ready != 0;

    public void Wake()
    {
        if (Interlocked.Exchange(ref _isWoken, 1) != 0)
        {
            return;
        }

        try
        {
            var one = 1UL;
            _ = Write(_wake, &one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // The poller has ended: nobody waits.
        }
    }

    public void Dispose() => _wake.Dispose();

    [LibraryImport("libc", EntryPoint = "ppoll")]
    private static partial int PPoll(PollEntry* entries, nuint count, TimeSpec* timeout, void* signals);

    [LibraryImport("libc", EntryPoint = "eventfd")]
    private static partial SafeFileHandle EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(SafeFileHandle file, void* buffer, nuint bytes);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(SafeFileHandle file, void* buffer, nuint bytes);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Fd;
        public short Events;
        public short Ready;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
