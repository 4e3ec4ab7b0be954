using Crossnode.Core;
using CsCheck;

namespace Crossnode.Collectives.Tests.Transfers;

/// <summary>Goal: what a codec loses is lost alike on every member, stays within bounds, and is nothing where it can write the values.</summary>
[Trait("tier", "property")]
public sealed class CodecTransferTests
{
    private static readonly Gen<TransferCase> AnyCoded =
        from world in Gen.Frequency((8, Gen.Int[2, 9]), (1, Gen.Int[10, 33]))
        from sparse in Gen.Bool
        from codec in Gen.Byte[(byte)Codec.Float16, (byte)Codec.Sign]
        from kind in Gen.OneOf(CollectiveKind.AllReduce, CollectiveKind.ReduceScatter)
        from reduce in Gen.OneOf(ReduceOperator.Sum, ReduceOperator.Average)
        from count in Gen.Frequency((1, Gen.Int[0, 40]), (3, Gen.Int[0, 3000]))
        from chunk in Gen.Int[1, 1500]
        from algorithm in Gen.Byte[(byte)Algorithm.Auto, (byte)Algorithm.Hierarchical]
        from seed in Gen.ULong
        select new TransferCase(world, sparse, ElementType.Float32, kind, reduce, count, chunk, seed)
        {
            Codec = (Codec)codec, Algorithm = sparse ? Algorithm.Auto : (Algorithm)algorithm,
        };

    [Fact]
    public void Lossy_reductions_agree_on_every_member_and_stay_near_the_exact_result() =>
        AnyCoded.Where(static test => test.CanRun && test.Way != Algorithm.Exchange).Sample(
            static test =>
            {
                byte[][] contents = [.. test.Contents()];
                using var cluster = new TransferCluster(test, contents);
                cluster.Run();
                cluster.AssertSourcesUntouched();
                if (test.IsAverage && test.Weights.Sum() == 0)
                {
                    return;
                }

                var bound = Bound(test);
                long start = 0;
                for (var rank = 0; rank < test.WorldSize; rank++)
                {
                    var isWhole = test.Kind == CollectiveKind.AllReduce;
                    Assert.True(!isWhole || cluster.Target(rank).SequenceEqual(cluster.Target(0)), $"{test} by {test.Way}: rank {rank} has other bits");
                    for (var index = 0; index < test.Sizes(rank).Target; index++)
                    {
                        var (exact, _) = test.Oracle.Exact(contents, (int)(isWhole ? index : start + index));
                        Assert.Equal(exact, test.Oracle.Read(cluster.Target(rank)[(index * sizeof(float))..]), bound);
                    }

                    start += test.Sizes(rank).Target;
                }
            },
            iter: 800);

    [Fact]
    public void Buffers_of_one_value_are_summed_without_loss() =>
        AnyCoded.Where(static test => test.CanRun && test.Way != Algorithm.Exchange).Sample(
            static chosen =>
            {
                var test = chosen with { Reduce = ReduceOperator.Sum };
                var value = 1 + (int)(test.Seed % 7);
                using var cluster = new TransferCluster(test, Enumerable.Range(0, test.WorldSize).Select(rank => Filled(test, rank, value)));
                cluster.Run();
                for (var rank = 0; rank < test.WorldSize; rank++)
                {
                    for (var index = 0; index < test.Sizes(rank).Target; index++)
                    {
                        Assert.Equal((double)value * test.WorldSize, test.Oracle.Read(cluster.Target(rank)[(index * sizeof(float))..]));
                    }
                }
            },
            iter: 400);

    private static byte[] Filled(TransferCase test, int rank, int value)
    {
        var bytes = new byte[test.Sizes(rank).Source * sizeof(float)];
        for (var index = 0; index < bytes.Length; index += sizeof(float))
        {
            test.Oracle.Write(bytes.AsSpan(index), value);
        }

        return bytes;
    }

    // Values are within 4. A partial sum of W of them is written at most W times, each time off by a share of what it may be.
    private static double Bound(TransferCase test)
    {
        var largest = 4.0 * (test.IsAverage ? Math.Max(1, test.Weights.Sum()) : test.WorldSize);
        var share = test.Codec switch
        {
            Codec.Float16 => 1.0 / 2048,
            Codec.BFloat16 => 1.0 / 256,
            Codec.Int8 => 2.0 / 255 * 0.51,
            Codec.E3M0 => 1.0 / 3,
            _ => 2.0,
        };

        // What a lossy sum adds to its own magnitude is lost in again.
        var magnitude = largest;
        var error = 0.0;
        for (var times = 0; times <= test.WorldSize; times++)
        {
            error += share * (magnitude + error);
        }

        return (error / (test.IsAverage ? test.Weights.Sum() : 1)) + 1e-4;
    }
}
