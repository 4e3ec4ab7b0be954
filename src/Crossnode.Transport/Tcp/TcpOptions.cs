namespace Crossnode.Transport;

/// <summary>How TCP connections are made.</summary>
public sealed record TcpOptions
{
    /// <summary>Whether addresses that other machines can reach may be listened on. Default: false.</summary>
    public bool AllowNonLoopback { get; init; }

    /// <summary>How long sent bytes may stay unacknowledged, or a full peer may take nothing, before the system breaks the
    /// connection off. Default: 20 s, so that heartbeats, whose errors say more, notice first. 0 leaves it to the system.</summary>
    /// <remarks>Linux and Windows (there in whole seconds); elsewhere ignored.</remarks>
    public TimeSpan UserTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a connection disposed here goes on discarding what the peer still sends. Default: 5 s.</summary>
    /// <remarks>Closing with unread bytes would reset the connection, and the peer would lose the last bytes sent to it.</remarks>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The congestion control for peers on this machine; null keeps the system's. Default: cubic.</summary>
    /// <remarks>Linux. Where the system's is bbr, one loopback stream carried 23 Gbit/s with it and 50 with cubic. A system
    /// that refuses (it takes root, or a place in tcp_allowed_congestion_control) keeps its own.</remarks>
    public string? LoopbackCongestionControl { get; init; } = "cubic";

    /// <summary>The kernel's send buffer in bytes; 0 leaves it to the system, which is best for throughput.</summary>
    public int SendBufferBytes { get; init; }

    /// <summary>The kernel's receive buffer in bytes; 0 leaves it to the system.</summary>
    public int ReceiveBufferBytes { get; init; }

    /// <summary>Waits with select on every system, as where there is no poll.</summary>
    internal bool UseSelect { get; init; }
}
