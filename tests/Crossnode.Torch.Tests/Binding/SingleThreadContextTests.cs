using Crossnode.TorchSharp;

namespace Crossnode.Torch.Tests.Binding;

[Trait("tier", "unit")]
public sealed class SingleThreadContextTests
{
    [Fact]
    public void Awaits_resume_on_the_thread_and_results_and_errors_come_out()
    {
        var thread = Environment.CurrentManagedThreadId;
        var before = SynchronizationContext.Current;
        var result = SingleThreadContext.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                await Task.Run(() => { });
                Assert.Equal(thread, Environment.CurrentManagedThreadId);
            }

            return 7;
        });
        Assert.Equal(7, result);
        Assert.Same(before, SynchronizationContext.Current);
        Assert.Throws<FormatException>(() => SingleThreadContext.Run(async () =>
        {
            await Task.Yield();
            throw new FormatException();
        }));
    }

    [Fact]
    public void Send_runs_on_the_thread_and_gives_errors_to_the_sender()
    {
        SingleThreadContext.Run(async () =>
        {
            var thread = Environment.CurrentManagedThreadId;
            var context = SynchronizationContext.Current!;
            var seen = await Task.Run(() =>
            {
                var on = 0;
                context.Send(_ => on = Environment.CurrentManagedThreadId, null);
                Assert.Throws<FormatException>(() => context.Send(_ => throw new FormatException(), null));
                return on;
            });
            Assert.Equal(thread, seen);
        });
    }

    [Fact]
    public void Ended_context_refuses_to_send_and_still_posts_elsewhere()
    {
        SynchronizationContext? kept = null;
        SingleThreadContext.Run(() =>
        {
            kept = SynchronizationContext.Current;
            return Task.CompletedTask;
        });
        using var ran = new ManualResetEventSlim();
        kept!.Post(_ => ran.Set(), null);
        Assert.True(ran.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        var other = new Thread(() => Assert.Throws<InvalidOperationException>(() => kept.Send(_ => { }, null)));
        other.Start();
        other.Join();
    }
}
