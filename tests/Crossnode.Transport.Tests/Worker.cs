namespace Crossnode.Transport.Tests;

/// <summary>A thread whose failure fails the test.</summary>
internal sealed class Worker : IDisposable
{
    private readonly Thread _thread;
    private Exception? _error;

    public Worker(Action action)
    {
        _thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                _error = e;
            }
        });
        _thread.Start();
    }

    public void Join()
    {
        Assert.True(_thread.Join(TransportContract.Patience));
        Assert.Null(_error);
    }

    public void Dispose() => _thread.Join(TransportContract.Patience);
}
