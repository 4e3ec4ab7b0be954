using Crossnode.Core.Errors;
using Crossnode.Models.Text;

namespace Crossnode.Torch.Tests.Models;

[Trait("tier", "unit")]
public class BatchSourceTests
{
    /// <summary>A text whose every pair of bytes tells its place.</summary>
    private static readonly byte[] Text = [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i % 2 == 0 ? i / 2 % 251 : i / 502))];

    [Fact]
    public void Micro_batch_follows_from_seed_and_index_alone()
    {
        var inOrder = Make(seed: 3);
        var all = Enumerable.Range(0, 40).Select(i => Fill(inOrder, i)).ToList();

        Assert.Equal(all[25].Inputs, Fill(Make(seed: 3), 25).Inputs);
        Assert.Equal(all[7].Inputs, Fill(inOrder, 7).Inputs);
        Assert.NotEqual(all[7].Inputs, Fill(Make(seed: 4), 7).Inputs);
    }

    [Fact]
    public void Targets_are_the_bytes_after_the_inputs()
    {
        var (inputs, targets) = Fill(Make(seed: 1), 5);
        for (var window = 0; window < 4; window++)
        {
            var at = PlaceOf(inputs.AsSpan(window * 32, 32));
            Assert.Equal(Text[(at + 1)..(at + 33)], targets[(window * 32)..((window + 1) * 32)]);
        }
    }

    [Fact]
    public void Epoch_deals_disjoint_windows_each_once()
    {
        var source = Make(seed: 9);
        var dealt = new HashSet<int>();
        for (var i = 0; i < source.BatchesPerEpoch; i++)
        {
            var (inputs, _) = Fill(source, source.BatchesPerEpoch + i);
            for (var window = 0; window < 4; window++)
            {
                Assert.True(dealt.Add(PlaceOf(inputs.AsSpan(window * 32, 32))));
            }
        }
        Assert.Single(dealt.Select(at => at % 32).Distinct());
        Assert.InRange(dealt.Count, (Text.Length / 32) - 6, Text.Length / 32);
    }

    [Fact]
    public void Epochs_differ_in_order() =>
        Assert.NotEqual(Fill(Make(seed: 1), 0).Inputs, Fill(Make(seed: 1), Make(seed: 1).BatchesPerEpoch).Inputs);

    [Fact]
    public void Too_little_text_is_refused_in_a_sentence() =>
        Assert.Contains("--data", Assert.Throws<InputException>(() => new BatchSource(Text.AsMemory(0, 100), 32, 4, 1)).Message, StringComparison.Ordinal);

    private static BatchSource Make(ulong seed) => new(Text, context: 32, batch: 4, seed);

    private static (byte[] Inputs, byte[] Targets) Fill(BatchSource source, long index)
    {
        byte[] inputs = new byte[128], targets = new byte[128];
        source.Fill(index, inputs, targets);
        return (inputs, targets);
    }

    private static int PlaceOf(ReadOnlySpan<byte> window)
    {
        var at = Text.AsSpan().IndexOf(window);
        Assert.True(at >= 0);
        return at;
    }
}
