using Crossnode.Cli.Output;
using Crossnode.Core.Errors;

namespace Crossnode.Cli.Training;

/// <summary>Writes lines of JSON to the metrics file as they come, and to standard output where that was asked for.</summary>
internal sealed class MetricsLog : IDisposable
{
    private readonly StreamWriter _file;
    private readonly TextWriter? _output;

    /// <exception cref="InputException">The file cannot be written.</exception>
    public MetricsLog(string path, TextWriter? output)
    {
        try
        {
            // Flushed line by line: whatever ends this process, what it measured before stays.
            _file = new StreamWriter(path, append: false) { AutoFlush = true, NewLine = "\n" };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"The metrics file {path} cannot be written: {exception.Message} Name another folder with --out.", exception);
        }
        _output = output;
    }

    /// <summary>Writes one line.</summary>
    public void Write<T>(T line)
    {
        var json = JsonLines.Write(line);
        _file.WriteLine(json);
        _output?.WriteLine(json);
        _output?.Flush();
    }

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();
}
