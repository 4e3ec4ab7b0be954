using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Wire;

namespace Crossnode.Collectives.Tests.Engine;

/// <summary>Members learn of each other what they called, also where no data moves between them.</summary>
[Trait("tier", "unit")]
public sealed unsafe class AgreementTests
{
    private const ulong OtherHash = 0xBAD;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Token_of_another_operation_condemns_instead_of_counting(bool tokenComesFirst)
    {
        using var bench = new EngineBench(members: 2);
        if (tokenComesFirst)
        {
            Token(bench, OtherHash);
        }

        var operation = bench.Submit(new OperationGroup());
        if (!tokenComesFirst)
        {
            Token(bench, OtherHash);
        }

        Assert.Null(operation.Outcome);
        var condemned = Assert.Single(Assert.Single(bench.Sent, message => message.ChangeRequest is not null).ChangeRequest.Condemned);
        Assert.Equal((uint)ErrorKind.Mismatch, condemned.Kind);
        Assert.Contains("member 0 called barrier, member 1 called all-reduce (sum) of 7 f32", condemned.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Token_of_the_same_operation_counts(bool tokenComesFirst)
    {
        using var bench = new EngineBench(members: 2);
        var hash = HashOf(bench);
        if (tokenComesFirst)
        {
            Token(bench, hash, sequence: 2);
        }

        var operation = bench.Submit(new OperationGroup());
        if (!tokenComesFirst)
        {
            Token(bench, hash, sequence: 2);
        }

        Assert.Equal(OperationStatus.Completed, operation.Outcome?.Status);
    }

    [Fact]
    public void Total_weight_of_sums_and_averages_is_the_divisor_of_the_averages()
    {
        using var bench = new EngineBench(members: 1);
        var values = TensorBuffer.From(new float[] { 1, 2, 3 });
        var target = TensorBuffer.From(new float[3]);
        var group = new OperationGroup { Weight = 0.25 }
            .AllReduce(values, target, ReduceOperator.Sum)
            .AllReduce(values, target, ReduceOperator.Average);
        Assert.Equal(0.25, bench.Submit(group).Outcome?.TotalWeight);
    }

    // The first operation's own token tells the hash of a barrier.
    private static ulong HashOf(EngineBench bench)
    {
        bench.Submit(new OperationGroup());
        while (bench.Engine.TryNextFrame(1, out var header, out _))
        {
            bench.Engine.FrameSent(EngineBench.Now, 1, header);
            if (header.Type == FrameType.Token)
            {
                Token(bench, header.OperationHash);
                return header.OperationHash;
            }
        }

        throw new InvalidOperationException("a barrier of two members sends no token");
    }

    private static void Token(EngineBench bench, ulong hash, long sequence = 1)
    {
        var header = new FrameHeader
        {
            Type = FrameType.Token,
            Kind = CollectiveKind.AllReduce,
            Element = ElementType.Float32,
            Reduce = ReduceOperator.Sum,
            Part = 1,
            Count = 7,
            Sequence = sequence,
            OperationHash = hash,
        };
        Assert.True(bench.Engine.BeginFrame(EngineBench.Now, 1, header) is null);
    }
}
