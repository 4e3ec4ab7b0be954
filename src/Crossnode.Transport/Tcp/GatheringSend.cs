using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Crossnode.Transport;

/// <summary>Linux: sends two pieces of memory in one system call, so that a header makes no packet and no wake-up of its own.</summary>
internal static unsafe partial class GatheringSend
{
    private const int NoSignal = 0x4000;
    private const int Again = 11;
    private const int Interrupted = 4;
    private const int NoBuffers = 105;

    /// <summary>Whether this system has it.</summary>
    public static bool IsThere { get; } = OperatingSystem.IsLinux() && Environment.Is64BitProcess && Probe();

    /// <summary>Sends; -1 means that the caller should ask <see cref="WouldBlock"/>.</summary>
    public static nint Send(Socket socket, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        fixed (byte* one = first)
        {
            fixed (byte* two = second)
            {
                var pieces = stackalloc Piece[2];
                pieces[0] = new Piece { Address = one, Bytes = (nuint)first.Length };
                pieces[1] = new Piece { Address = two, Bytes = (nuint)second.Length };
                var message = new Message { Pieces = pieces, Count = 2 };
                return SendMessage(socket.SafeHandle, &message, NoSignal);
            }
        }
    }

    /// <summary>Whether the last failure only means that nothing fits now.</summary>
    public static bool WouldBlock => Marshal.GetLastPInvokeError() is Again or Interrupted or NoBuffers;

    private static bool Probe()
    {
        try
        {
            return NativeLibrary.TryLoad("libc", typeof(GatheringSend).Assembly, null, out var library)
                && NativeLibrary.TryGetExport(library, "sendmsg", out _);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeHandle socket, Message* message, int flags);

    [StructLayout(LayoutKind.Sequential)]
    private struct Piece
    {
        public byte* Address;
        public nuint Bytes;
    }

    // struct msghdr of Linux on 64-bit systems.
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public void* Name;
        public uint NameLength;
        public Piece* Pieces;
        public nuint Count;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
