using System.Buffers;
using System.Globalization;
using System.Text;

namespace Crossnode.Cli.Launching;

/// <summary>Passes workers' lines on byte for byte, each with its worker's number in front.</summary>
internal sealed class PrefixedOutput(Stream output, Stream errors)
{
    private readonly Lock _gate = new();
    private readonly ArrayBufferWriter<byte> _line = new();

    /// <summary>Writes one line to the stream that it came from.</summary>
    public void Write(int worker, ReadOnlySpan<byte> line, bool isError)
    {
        lock (_gate)
        {
            _line.ResetWrittenCount();
            Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"[{worker}] "), _line);
            _line.Write(line);
            _line.Write("\n"u8);
            var target = isError ? errors : output;
            try
            {
                // One write a line: lines of several writers to one terminal stay whole.
                target.Write(_line.WrittenSpan);
                target.Flush();
            }
            catch (IOException)
            {
                // Whoever read this output is gone, as with "| head"; the workers go on all the same.
            }
        }
    }
}
