using Crossnode.Collectives;
using Crossnode.Collectives.Sessions;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.TorchSharp;
using Crossnode.Transport;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests.Binding;

/// <summary>Goal: a loop that newcomers cannot follow costs an error that says why, and no standstill.</summary>
[Trait("tier", "integration")]
public sealed class JoinMisuseTests
{
    [TorchTheory]
    [InlineData(0)]
    [InlineData(16)]
    public async Task Operations_past_the_trainer_are_named_to_a_newcomer_and_the_others_go_on_without_it(uint tag)
    {
        set_num_threads(1);
        var cancellation = TestContext.Current.CancellationToken;
        var run = RunId.Create(new SystemRandomSource());
        using var coordinator = EmbeddedCoordinator.Start(new CoordinatorOptions { ExpectedMembers = 2, Run = run }, new TcpTransport());
        using var begun = new CountdownEvent(2);
        using var newcomerIsGone = new ManualResetEventSlim();
        var founders = Enumerable.Range(0, 2).Select(number => Task.Factory.StartNew(
            () => Found(coordinator.Address, run, new MemberId((uint)number), tag, begun, newcomerIsGone),
            cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToList();
        begun.Wait(cancellation);
        var error = Assert.Throws<InputException>(() => Come(coordinator.Address, run));
        newcomerIsGone.Set();
        Assert.Contains($"the others wait for member 2 in an operation of tag {tag},", error.Message, StringComparison.Ordinal);
        Assert.Contains("trainer.Run(...)", error.Message, StringComparison.Ordinal);
        Assert.All(await Task.WhenAll(founders), members => Assert.Equal(2, members));
    }

    private static int Found(string address, RunId run, MemberId self, uint tag, CountdownEvent begun, ManualResetEventSlim newcomerIsGone)
    {
        using var session = Join(address, run, self);
        using var net = Nets.Normalised(1);
        using var optimizer = optim.SGD(net.parameters(), 0.01);
        using var trainer = session.Distribute(net, optimizer);
        var flags = new float[1];
        while (flags[0] == 0)
        {
            flags[0] = newcomerIsGone.IsSet ? 1 : 0;
            var buffer = TensorBuffer.From(flags.AsMemory());
            session.Run(new OperationGroup().AllReduce(buffer, buffer, ReduceOperator.Sum), new OperationOptions { Tag = tag }).ThrowIfFailed();
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            Nets.Loss(net, [1]).backward();
            trainer.Step(1);
            if (trainer.NextStep == 3)
            {
                begun.Signal();
            }
        }

        return trainer.Members.Count;
    }

    private static void Come(string address, RunId run)
    {
        using var session = Join(address, run, MemberId.Unassigned);
        using var net = Nets.Normalised(1);
        using var optimizer = optim.SGD(net.parameters(), 0.01);
        using var trainer = session.Distribute(net, optimizer, options: new DistributionOptions { PatienceWithOtherTags = TimeSpan.FromSeconds(2) });
    }

    private static Session Join(string address, RunId run, MemberId self) => Session.Join(
        new SessionOptions { Run = run, Coordinator = address, Self = self, Incarnation = new SystemRandomSource().NextUInt64() },
        new TcpTransport());
}
