using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Crossnode.Cli.Benchmarks.Peers;

/// <summary>A named pipe for each rank, by which it is told what to do; those who read it sleep until then.</summary>
internal sealed partial class CommandPipes : IDisposable
{
    private const int OwnerOnly = 0b110_000_000;

    private readonly FileStream[] _pipes;

    /// <summary>Makes pipes named 0, 1, 2 ... in a folder.</summary>
    public CommandPipes(string folder, int count)
    {
        var pipes = new List<FileStream>();
        for (var rank = 0; rank < count; rank++)
        {
            var path = Path.Combine(folder, rank.ToString(CultureInfo.InvariantCulture));
            if (MakePipe(path, OwnerOnly) != 0)
            {
                throw new BenchException($"no pipe can be made at {path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
            }
            // To write only would wait for the reader; this end alone keeps it from reading an end.
            pipes.Add(new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0));
        }
        _pipes = [.. pipes];
    }

    /// <summary>Writes a line to every rank.</summary>
    public void Write(string line)
    {
        var bytes = Encoding.ASCII.GetBytes(line + "\n");
        Array.ForEach(_pipes, pipe => pipe.Write(bytes));
    }

    /// <inheritdoc />
    public void Dispose() => Array.ForEach(_pipes, pipe => pipe.Dispose());

    [LibraryImport("libc", EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakePipe(string path, int mode);
}
