using System.Runtime.InteropServices;

namespace Crossnode.Cli.Benchmarks.Processes;

/// <summary>The source and the target of an operation: native memory, kept until another size is asked for.</summary>
internal sealed unsafe class BenchMemory : IDisposable
{
    private const int Alignment = 64;

    private long _bytes = -1;

    public byte* Source { get; private set; }

    public byte* Target { get; private set; }

    /// <summary>Makes room for a size; what was there may be gone.</summary>
    public void Take(long bytes)
    {
        if (bytes == _bytes)
        {
            return;
        }
        Dispose();
        Source = Allocate(bytes);
        Target = Allocate(bytes);
        _bytes = bytes;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        NativeMemory.AlignedFree(Source);
        NativeMemory.AlignedFree(Target);
        Source = Target = null;
        _bytes = -1;
    }

    private static byte* Allocate(long bytes) => (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, Alignment), Alignment);
}
