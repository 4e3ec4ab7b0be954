using Crossnode.Collectives;
using Crossnode.Core.Errors;
using Crossnode.Testing;
using Crossnode.TorchSharp;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests.Binding;

[Trait("tier", "integration")]
public sealed class TrainerTests
{
    public TrainerTests() => set_num_threads(1);

    [TorchTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Steps_leave_no_tensor_and_no_trace_on_the_thread(bool setToNull)
    {
        var results = new InProcessCluster(2).RunAll(communicator =>
        {
            using var net = Nets.Normalised(communicator.View.Rank);
            using var optimizer = optim.AdamW(net.parameters(), 0.01);
            using var trainer = Distribution.Create(communicator, net, optimizer);
            var thread = Environment.CurrentManagedThreadId;
            var live = new List<long>();
            for (var step = 0; step < 300; step++)
            {
                using (NewDisposeScope())
                {
                    if (setToNull)
                    {
                        net.zero_grad();
                    }
                    else
                    {
                        optimizer.zero_grad();
                    }

                    Nets.Loss(net, step, step + 1).backward();
                    var inside = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
                    trainer.Step(samples: 2);
                    Assert.Equal(inside, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
                    Assert.True(is_grad_enabled());
                    using (no_grad())
                    {
                        trainer.Step(samples: 2);
                        Assert.False(is_grad_enabled());
                    }

                    Assert.Equal(thread, Environment.CurrentManagedThreadId);
                }

                live.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
            }

            return live;
        });
        Assert.All(results, live => Assert.Single(live.Skip(5).Distinct()));
    }

    [TorchFact]
    public void Failed_step_leaves_grad_mode_scope_gradients_and_parameters()
    {
        var results = new InProcessCluster(1).RunAll(communicator =>
        {
            using var net = Nets.Plain(0);
            using var optimizer = optim.SGD(net.parameters(), 0.1);
            using var trainer = Distribution.Create(communicator, net, optimizer);
            using var scope = NewDisposeScope();
            var before = Nets.Values(net);
            (Nets.Loss(net, 1) * float.NaN).backward();
            var error = Assert.Throws<NotFiniteException>(() => trainer.Step(samples: 1));
            Assert.Contains("step 0", error.Message, StringComparison.Ordinal);
            Assert.Contains("member 0", error.Message, StringComparison.Ordinal);
            Assert.Contains("0.weight", error.Message, StringComparison.Ordinal);
            Assert.True(is_grad_enabled());
            Assert.Equal(before, Nets.Values(net));
            optimizer.zero_grad();
            Nets.Loss(net, 1).backward();
            return trainer.Step(samples: 1).Step;
        });
        Assert.Equal(0, results[0]);
    }

    [TorchFact]
    public void Gradients_lie_in_the_flat_buffer_after_the_first_step_and_zeroing_in_place_keeps_them_there()
    {
        new InProcessCluster(1).RunAll(communicator =>
        {
            using var net = Nets.Plain(0);
            using var optimizer = optim.SGD(net.parameters(), 0.1);
            using var trainer = Distribution.Create(communicator, net, optimizer);
            nint Address()
            {
                using var gradient = net.parameters().First().grad!;
                unsafe
                {
                    fixed (byte* address = gradient.bytes)
                    {
                        return (nint)address;
                    }
                }
            }

            Nets.Loss(net, 1).backward();
            var own = Address();
            trainer.Step(samples: 1);
            var flat = Address();
            Assert.NotEqual(own, flat);
            optimizer.zero_grad();
            Nets.Loss(net, 2).backward();
            Assert.Equal(flat, Address());
            net.zero_grad();
            Nets.Loss(net, 2).backward();
            trainer.Step(samples: 1);
            Assert.Equal(flat, Address());
            return true;
        });
    }

    [TorchFact]
    public void Buffers_follow_the_first_member_and_constant_ones_are_not_sent_again()
    {
        static (double[] Mean, long Batches, long Sent) Train(ICommunicator communicator, bool evaluate, bool synchronise)
        {
            using var net = Nets.Normalised(communicator.View.Rank);
            using var optimizer = optim.SGD(net.parameters(), 0.1);
            using var trainer = Distribution.Create(
                communicator, net, optimizer, options: new DistributionOptions { SynchronizeBuffers = synchronise });
            if (evaluate)
            {
                net.eval();
            }

            var before = communicator.Traffic().PayloadBytes;
            for (var step = 0; step < 3; step++)
            {
                using var scope = NewDisposeScope();
                optimizer.zero_grad();
                Nets.Loss(net, (step * 10) + communicator.View.Rank, (step * 10) + 5 + communicator.View.Rank).backward();
                trainer.Step(samples: 2);
            }

            var buffers = net.named_buffers().ToDictionary(b => b.name, b => b.buffer);
            return (
                [.. buffers["1.running_mean"].data<float>().ToArray().Select(v => (double)v)],
                buffers["1.num_batches_tracked"].item<long>(),
                communicator.Traffic().PayloadBytes - before);
        }

        var followed = new InProcessCluster(2).RunAll(c => Train(c, evaluate: false, synchronise: true));
        var apart = new InProcessCluster(2).RunAll(c => Train(c, evaluate: false, synchronise: false));
        var constant = new InProcessCluster(2).RunAll(c => Train(c, evaluate: true, synchronise: true));
        Assert.Equal(followed[0].Mean, followed[1].Mean);
        Assert.Equal(3, followed[1].Batches);
        Assert.NotEqual(apart[0].Mean, apart[1].Mean);
        Assert.Equal(apart[0].Sent, constant[0].Sent);
        Assert.True(followed[0].Sent > constant[0].Sent);
    }

    [TorchFact]
    public void Asynchronous_steps_keep_the_thread_and_equal_synchronous_ones()
    {
        string Train(ICommunicator communicator, bool asynchronous)
        {
            using var net = Nets.Plain(communicator.View.Rank);
            using var optimizer = optim.AdamW(net.parameters(), 0.01);
            using var trainer = Distribution.Create(communicator, net, optimizer);
            async Task<string> Body()
            {
                var thread = Environment.CurrentManagedThreadId;
                var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
                for (var step = 0; step < 20; step++)
                {
                    using var scope = NewDisposeScope();
                    optimizer.zero_grad();
                    Nets.Loss(net, step, communicator.View.Rank).backward();
                    if (asynchronous)
                    {
                        var pending = trainer.StepAsync(samples: 2);
                        Assert.Throws<InvalidOperationException>(() => trainer.Step(samples: 2));
                        await Task.Yield();
                        await pending;
                    }
                    else
                    {
                        trainer.Step(samples: 2);
                    }

                    Assert.Equal(thread, Environment.CurrentManagedThreadId);
                    Assert.True(is_grad_enabled());
                }

                Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
                return trainer.Hash().ToString();
            }

            return SingleThreadContext.Run(Body);
        }

        var with = new InProcessCluster(2).RunAll(c => Train(c, asynchronous: true));
        var without = new InProcessCluster(2).RunAll(c => Train(c, asynchronous: false));
        Assert.Equal(string.Join(" ", with), string.Join(" ", without));
    }

    [TorchFact]
    public void Asynchronous_step_elsewhere_is_refused_with_the_reason()
    {
        new InProcessCluster(1).RunAll(communicator =>
        {
            using var net = Nets.Plain(0);
            using var optimizer = optim.SGD(net.parameters(), 0.1);
            using var trainer = Distribution.Create(communicator, net, optimizer);
            var error = Assert.Throws<InvalidOperationException>(() => { _ = trainer.StepAsync(samples: 1); });
            Assert.Contains("SingleThreadContext", error.Message, StringComparison.Ordinal);
            return true;
        });
    }

    [TorchFact]
    public void Members_with_different_modules_are_told_so()
    {
        var results = new InProcessCluster(2).Run(communicator =>
        {
            using var net = communicator.View.Rank == 0 ? Nets.Plain(0) : Nets.Frozen(0);
            using var optimizer = optim.SGD(net.parameters(), 0.1);
            using var trainer = Distribution.Create(communicator, net, optimizer);
            return true;
        });
        Assert.IsType<InputException>(results[1].Error);
        Assert.Contains("member 1 differs from that of member 0", results[1].Error!.Message, StringComparison.Ordinal);
    }

    [TorchFact]
    public void Initial_broadcast_goes_on_from_the_next_member_when_the_first_dies()
    {
        // Operation 2 is the one that carries the parameters.
        var cluster = new InProcessCluster(3);
        cluster.KillAt(0, tag: 1, sequence: 2);
        var results = cluster.Run(communicator =>
        {
            using var net = Nets.Plain((int)communicator.Self.Value);
            using var optimizer = optim.SGD(net.parameters(), 0.1);
            using var trainer = Distribution.Create(communicator, net, optimizer);
            return (Nets.Values(net), trainer.Members.Count);
        });
        using var second = Nets.Plain(1);
        Assert.NotNull(results[0].Error);
        Assert.Equal(Nets.Values(second), results[2].Result.Item1);
        Assert.Equal(2, results[2].Result.Count);
    }

    [TorchFact]
    public void Module_that_cannot_be_laid_out_is_refused_before_anything_is_sent()
    {
        new InProcessCluster(1).RunAll(communicator =>
        {
            using var net = Nets.Plain(0);
            using var other = Nets.Plain(0);
            using var stranger = optim.SGD(other.parameters(), 0.1);
            Assert.Throws<ArgumentException>(() => Distribution.Create(communicator, net, stranger));

            using var frozen = Nets.Plain(0);
            foreach (var parameter in frozen.parameters())
            {
                parameter.requires_grad_(false);
            }

            using var none = optim.SGD(frozen.parameters(), 0.1);
            Assert.Throws<ArgumentException>(() => Distribution.Create(communicator, frozen, none));
            Assert.Equal(0, communicator.Traffic().PayloadBytes);
            return true;
        });
    }

    [TorchFact]
    public void Module_that_changes_after_distribute_is_refused_with_what_to_do()
    {
        new InProcessCluster(1).RunAll(communicator =>
        {
            using var net = Nets.Frozen(0);
            using var optimizer = optim.SGD(net.parameters().Where(p => p.requires_grad), 0.1);
            using var trainer = Distribution.Create(communicator, net, optimizer);
            net.parameters().First().requires_grad_(true);
            Assert.Contains(
                "frozen",
                Assert.Throws<InvalidOperationException>(() => trainer.Step(samples: 1)).Message,
                StringComparison.Ordinal);
            net.parameters().First().requires_grad_(false);
            net.to(ScalarType.Float64);
            Assert.Contains(
                "before Distribute",
                Assert.Throws<InvalidOperationException>(() => trainer.Step(samples: 1)).Message,
                StringComparison.Ordinal);
            return true;
        });
    }

    [TorchFact]
    public void Module_works_by_itself_after_the_trainer_is_disposed()
    {
        new InProcessCluster(1).RunAll(communicator =>
        {
            using var net = Nets.Plain(0);
            using var optimizer = optim.SGD(net.parameters(), 0.1);
            var trainer = Distribution.Create(communicator, net, optimizer);
            Nets.Loss(net, 1).backward();
            trainer.Step(samples: 1);
            var before = Nets.Values(net);
            trainer.Dispose();
            Assert.Throws<ObjectDisposedException>(() => trainer.Step(samples: 1));
            Assert.Equal(before, Nets.Values(net));
            optimizer.zero_grad();
            Nets.Loss(net, 1).backward();
            optimizer.step();
            Assert.NotEqual(before, Nets.Values(net));
            return true;
        });
    }

    [TorchFact]
    public void Module_on_a_device_trains_through_host_memory()
    {
        Assert.SkipUnless(cuda_is_available(), "TorchSharp finds no CUDA device here.");
        var results = new InProcessCluster(2).RunAll(communicator =>
        {
            using var net = Nets.Plain(communicator.View.Rank).to(CUDA);
            using var optimizer = optim.SGD(net.parameters(), 0.1);
            using var trainer = Distribution.Create(communicator, net, optimizer);
            using var scope = NewDisposeScope();
            var (x, y) = Nets.Batch(communicator.View.Rank);
            nn.functional.mse_loss(net.call(x.cuda()), y.cuda()).backward();
            trainer.Step(samples: 1);
            return trainer.Hash();
        });
        Assert.Equal(results[0], results[1]);
    }
}
