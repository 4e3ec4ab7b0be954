namespace Crossnode.Transport.Tests;

[Trait("tier", "integration")]
public sealed class MemoryContractTests : TransportContract
{
    protected override string Host => "memory";

    private protected override ITransport Transport { get; } = new MemoryTransport();
}

[Trait("tier", "integration")]
public sealed class TcpContractTests : TransportContract
{
    protected override string Host => "127.0.0.1";

    private protected override ITransport Transport { get; } = new TcpTransport(Short);
}

[Trait("tier", "integration")]
public sealed class TcpIPv6ContractTests : TransportContract
{
    protected override string Host => "::1";

    private protected override ITransport Transport { get; } = new TcpTransport(Short);
}

[Trait("tier", "integration")]
public sealed class TcpSelectContractTests : TransportContract
{
    protected override string Host => "127.0.0.1";

    // Socket.Select itself makes small arrays.
    protected override long AllowedAllocation => long.MaxValue;

    private protected override ITransport Transport { get; } = new TcpTransport(Short with { UseSelect = true });
}

[Trait("tier", "integration")]
public sealed class SharedMemoryContractTests : TransportContract
{
    protected override string Host => "contract";

    protected override bool ConnectsUnaccepted => false;

    // Many connections at once: small rings.
    private protected override ITransport Transport { get; } = LinuxOnly.SharedMemory(new SharedMemoryOptions { RingBytes = 1 << 18 });

    protected override string RemoteOf(string address) => $"pid {Environment.ProcessId} over shared memory";
}
