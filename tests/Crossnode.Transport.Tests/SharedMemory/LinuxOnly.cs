namespace Crossnode.Transport.Tests;

/// <summary>Skips where memory cannot be shared.</summary>
internal static class LinuxOnly
{
    public static SharedMemoryTransport SharedMemory(SharedMemoryOptions? options = null)
    {
        var transport = new SharedMemoryTransport(options);
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip(transport.WhyUnavailable ?? "shared memory links need Linux");
        }

        return transport;
    }
}
