using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Crossnode.Transport;

/// <summary>Options of a socket that carries data.</summary>
internal static class SocketTuning
{
    // Values of Linux (TCP_CONGESTION, TCP_USER_TIMEOUT) and Windows (TCP_MAXRT), which .NET has no names for.
    private const int LinuxCongestion = 13;
    private const int LinuxUserTimeout = 18;
    private const int WindowsMaxRetransmitTime = 5;

    public static void Apply(Socket socket, IPEndPoint remote, TcpOptions options)
    {
        socket.Blocking = false;
        socket.NoDelay = true;
        SetUserTimeout(socket, options.UserTimeout);
        if (options.LoopbackCongestionControl is { Length: > 0 } name
            && OperatingSystem.IsLinux() && IPAddress.IsLoopback(remote.Address))
        {
            TrySet(socket, LinuxCongestion, Encoding.ASCII.GetBytes(name));
        }
    }

    // Before connect and listen, so that the window scale fits.
    public static void SetBuffers(Socket socket, TcpOptions options)
    {
        if (options.SendBufferBytes > 0)
        {
            socket.SendBufferSize = options.SendBufferBytes;
        }

        if (options.ReceiveBufferBytes > 0)
        {
            socket.ReceiveBufferSize = options.ReceiveBufferBytes;
        }
    }

    private static void SetUserTimeout(Socket socket, TimeSpan timeout)
    {
        if (timeout <= TimeSpan.Zero)
        {
            return;
        }

        Span<byte> value = stackalloc byte[sizeof(int)];
        if (OperatingSystem.IsLinux())
        {
            Write(value, timeout.TotalMilliseconds);
            TrySet(socket, LinuxUserTimeout, value);
        }
        else if (OperatingSystem.IsWindows())
        {
            Write(value, Math.Ceiling(timeout.TotalSeconds));
            TrySet(socket, WindowsMaxRetransmitTime, value);
        }

        static void Write(Span<byte> value, double number)
        {
            var whole = (int)Math.Clamp(number, 1, int.MaxValue);
            if (BitConverter.IsLittleEndian)
            {
                BinaryPrimitives.WriteInt32LittleEndian(value, whole);
            }
            else
            {
                BinaryPrimitives.WriteInt32BigEndian(value, whole);
            }
        }
    }

    // A system without the option, or that forbids it, keeps its own choice: the connection works all the same.
    private static void TrySet(Socket socket, int option, ReadOnlySpan<byte> value)
    {
        try
        {
            socket.SetRawSocketOption((int)SocketOptionLevel.Tcp, option, value);
        }
        catch (SocketException)
        {
        }
    }
}
