using System.Runtime.ExceptionServices;

namespace Crossnode.TorchSharp;

/// <summary>Runs an asynchronous body on the calling thread, all of it: every await resumes there.</summary>
/// <remarks>
/// TorchSharp's dispose scopes and grad mode belong to a thread, so a training loop with awaits needs one. Do not open a
/// scope in one flow and close it in another that runs in between: scopes nest by time.
/// </remarks>
public sealed class SingleThreadContext : SynchronizationContext
{
    private readonly object _gate = new();
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _queue = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private ExceptionDispatchInfo? _error;
    private bool _ended;

    private SingleThreadContext()
    {
    }

    /// <summary>Runs the body and returns when its task has ended; throws what it threw.</summary>
    public static void Run(Func<Task> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        Run(async () =>
        {
            await body();
            return true;
        });
    }

    /// <summary>Runs the body and gives its result.</summary>
    public static T Run<T>(Func<Task<T>> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        var before = Current;
        var context = new SingleThreadContext();
        SetSynchronizationContext(context);
        try
        {
            var task = body();
            task.ContinueWith(
                static (_, state) => ((SingleThreadContext)state!).End(),
                context,
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
            context.Pump();
            context._error?.Throw();
            return task.GetAwaiter().GetResult();
        }
        finally
        {
            context.End();
            SetSynchronizationContext(before);
        }
    }

    /// <inheritdoc />
    public override void Post(SendOrPostCallback d, object? state)
    {
        lock (_gate)
        {
            if (!_ended)
            {
                _queue.Enqueue((d, state));
                Monitor.Pulse(_gate);
                return;
            }
        }

        // Something that the body did not wait for comes back after its end: it may still finish, but not on this thread.
        base.Post(d, state);
    }

    /// <summary>Runs a callback on the context's thread and waits for it.</summary>
    /// <exception cref="InvalidOperationException">The body has ended.</exception>
    public override void Send(SendOrPostCallback d, object? state)
    {
        ArgumentNullException.ThrowIfNull(d);
        if (Environment.CurrentManagedThreadId == _thread)
        {
            d(state);
            return;
        }

        // Not disposed: Set may still be on its way out when the waiter is through.
        var done = new ManualResetEventSlim();
        ExceptionDispatchInfo? error = null;
        lock (_gate)
        {
            if (_ended)
            {
                throw new InvalidOperationException("the single-threaded context has ended: await everything inside its body");
            }

            _queue.Enqueue((Wrapped, null));
            Monitor.Pulse(_gate);
        }

        done.Wait();
        error?.Throw();

        void Wrapped(object? _)
        {
            try
            {
                d(state);
            }
            catch (Exception e)
            {
                error = ExceptionDispatchInfo.Capture(e);
            }
            finally
            {
                done.Set();
            }
        }
    }

    /// <inheritdoc />
    public override SynchronizationContext CreateCopy() => this;

    private void Pump()
    {
        while (true)
        {
            (SendOrPostCallback Callback, object? State) next;
            lock (_gate)
            {
                while (!_queue.TryDequeue(out next))
                {
                    if (_ended)
                    {
                        return;
                    }

                    Monitor.Wait(_gate);
                }
            }

            try
            {
                next.Callback(next.State);
            }
            catch (Exception e)
            {
                // From a method that nobody can await: kept until the body has ended, so that nobody who waits in Send is left behind.
                _error ??= ExceptionDispatchInfo.Capture(e);
            }
        }
    }

    private void End()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.Pulse(_gate);
        }
    }
}
