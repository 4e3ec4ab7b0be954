namespace Crossnode.Cli.Benchmarks.Processes;

/// <summary>The last lines that a process wrote to its standard error.</summary>
internal sealed class LastWords
{
    private const int Most = 4;

    private readonly Lock _gate = new();
    private readonly Queue<string> _lines = new();

    /// <summary>Takes a line; rulers and empty lines say nothing.</summary>
    public void Add(string line)
    {
        if (!line.Any(char.IsLetter))
        {
            return;
        }
        lock (_gate)
        {
            _lines.Enqueue(line.Trim());
            if (_lines.Count > Most)
            {
                _lines.Dequeue();
            }
        }
    }

    /// <summary>The end of a sentence.</summary>
    public string Text()
    {
        lock (_gate)
        {
            return _lines.Count == 0 ? "; it wrote nothing to standard error." : $"; its last words: {string.Join(" / ", _lines)}";
        }
    }
}
