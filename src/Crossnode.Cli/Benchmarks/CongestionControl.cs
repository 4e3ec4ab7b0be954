using System.Net.Sockets;
using System.Text;
using Crossnode.Transport;

namespace Crossnode.Cli.Benchmarks;

/// <summary>Which congestion control connections on loopback get.</summary>
internal static class CongestionControl
{
    // TCP_CONGESTION of Linux, which .NET has no name for.
    private const int Option = 13;

    /// <summary>The name that the library sets here; "system" where it sets none, or may not.</summary>
    public static string InEffect(string choice)
    {
        if (choice == BenchConfiguration.System || !OperatingSystem.IsLinux() || new TcpOptions().LoopbackCongestionControl is not { } name)
        {
            return BenchConfiguration.System;
        }
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.SetRawSocketOption((int)SocketOptionLevel.Tcp, Option, Encoding.ASCII.GetBytes(name));
            return name;
        }
        catch (SocketException)
        {
            return BenchConfiguration.System;
        }
    }
}
