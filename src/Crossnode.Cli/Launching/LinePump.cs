namespace Crossnode.Cli.Launching;

/// <summary>Receives the lines that a worker prints, without their ends, on a thread of the pool.</summary>
/// <param name="worker">The worker's number.</param>
/// <param name="line">Bytes as they were printed; valid during the call only.</param>
/// <param name="isError">Whether it went to standard error.</param>
internal delegate void WorkerLine(int worker, ReadOnlySpan<byte> line, bool isError);

/// <summary>Cuts a stream of bytes into lines.</summary>
internal static class LinePump
{
    // A line longer than this is passed on in pieces: a worker that never ends its line must not fill the memory.
    private const int LongestLine = 64 * 1024;

    /// <summary>Reads to the end; what follows the last line end is a line too.</summary>
    public static async Task RunAsync(Stream source, Action<byte[], int, int> line)
    {
        var buffer = new byte[LongestLine];
        var filled = 0;
        int read;
        while ((read = await source.ReadAsync(buffer.AsMemory(filled))) > 0)
        {
            filled += read;
            var start = 0;
            for (int end; (end = buffer.AsSpan(start, filled - start).IndexOf((byte)'\n')) >= 0; start += end + 1)
            {
                var length = end > 0 && buffer[start + end - 1] == '\r' ? end - 1 : end;
                line(buffer, start, length);
            }
            if (start == 0 && filled == LongestLine)
            {
                line(buffer, 0, filled);
                start = filled;
            }
            buffer.AsSpan(start, filled - start).CopyTo(buffer);
            filled -= start;
        }
        if (filled > 0)
        {
            line(buffer, 0, filled);
        }
    }
}
