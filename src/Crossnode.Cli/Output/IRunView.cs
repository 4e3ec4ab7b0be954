namespace Crossnode.Cli.Output;

/// <summary>Where people see a run.</summary>
internal interface IRunView : IAsyncDisposable
{
    /// <summary>Shows lines that stay; may be called from any thread.</summary>
    void WriteLine(string text);
}

/// <summary>Lines, for files, pipes and terminals that can do no more.</summary>
internal sealed class PlainView(TextWriter writer) : IRunView
{
    private readonly Lock _gate = new();

    /// <inheritdoc />
    public void WriteLine(string text)
    {
        lock (_gate)
        {
            try
            {
                writer.WriteLine(text);
                writer.Flush();
            }
            catch (IOException)
            {
                // Whoever read this is gone, as with "| head"; the run goes on.
            }
        }
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
