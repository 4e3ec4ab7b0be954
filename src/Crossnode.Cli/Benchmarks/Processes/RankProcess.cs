using System.Globalization;
using System.Runtime.InteropServices;

namespace Crossnode.Cli.Benchmarks.Processes;

/// <summary>Moves a process between cores, where the system is Linux.</summary>
internal sealed unsafe partial class RankProcess
{
    // 1,024 cores, as the C library has it.
    private const int MaskBytes = 128;

    private static readonly int[] Cores = [.. CoresOf(Read(0))];

    private readonly byte[] _atStart;
    private bool _isPinned;

    public RankProcess(int id)
    {
        Id = id;
        _atStart = Read(id);
    }

    /// <summary>The process id.</summary>
    public int Id { get; }

    /// <summary>How many cores this process may use.</summary>
    public static int CoreCount => Cores.Length > 0 ? Cores.Length : Environment.ProcessorCount;

    /// <summary>Pins all threads to the core of a rank; null gives back what they started with.</summary>
    public void Pin(int? rank)
    {
        if (Cores.Length == 0 || (rank is null && !_isPinned))
        {
            return;
        }
        var mask = _atStart;
        if (rank is { } number)
        {
            var core = Cores[number % Cores.Length];
            mask = new byte[MaskBytes];
            mask[core / 8] = (byte)(1 << (core % 8));
        }
        foreach (var thread in Threads())
        {
            fixed (byte* bits = mask)
            {
                // A thread that has ended meanwhile needs no core.
                _ = SetAffinity(thread, MaskBytes, bits);
            }
        }
        _isPinned = rank is not null;
    }

    private IEnumerable<int> Threads()
    {
        try
        {
            return [.. Directory.GetDirectories($"/proc/{Id}/task").Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))];
        }
        catch (DirectoryNotFoundException)
        {
            // The process has ended; whoever waits for its answer hears that.
            return [];
        }
    }

    private static byte[] Read(int id)
    {
        var mask = new byte[MaskBytes];
        if (OperatingSystem.IsLinux())
        {
            fixed (byte* bits = mask)
            {
                _ = GetAffinity(id, MaskBytes, bits);
            }
        }
        return mask;
    }

    private static IEnumerable<int> CoresOf(byte[] mask) =>
        Enumerable.Range(0, MaskBytes * 8).Where(core => (mask[core / 8] & (1 << (core % 8))) != 0);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int process, nuint bytes, byte* mask);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static partial int GetAffinity(int process, nuint bytes, byte* mask);
}
