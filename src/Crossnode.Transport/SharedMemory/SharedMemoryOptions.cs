using Crossnode.Core;

namespace Crossnode.Transport;

/// <summary>How connections over shared memory are made.</summary>
public sealed record SharedMemoryOptions
{
    /// <summary>What each direction of a connection holds, as the connecting side chooses. Default: 1 MiB.</summary>
    /// <value>A power of two from a page, mostly 4096, to 256 MiB.</value>
    public int RingBytes { get; init; } = 1 << 20;

    /// <summary>How long a process that has connected may take to say what it shares, before it is dropped. Default: 5 s.</summary>
    public TimeSpan HandshakeTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The clock of <see cref="HandshakeTime"/>.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where names of files come from.</summary>
    public IRandomSource Random { get; init; } = new SystemRandomSource();

    /// <summary>Where files are made; a test takes another place.</summary>
    internal string Directory { get; init; } = "/dev/shm";
}
