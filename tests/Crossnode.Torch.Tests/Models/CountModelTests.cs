using System.Text;
using Crossnode.Core;
using Crossnode.Models.Text;

namespace Crossnode.Torch.Tests.Models;

[Trait("tier", "unit")]
public class CountModelTests
{
    [Fact]
    public void Tiny_text_gives_the_probabilities_worked_out_by_hand()
    {
        // "aab": without context a 2, b 1, two different, so p(a) = (2 + 2/256) / 5 and p(b) = (1 + 2/256) / 5.
        // After a: a 1, b 1, two different, so p(b | a) = (1 + 2 p(b)) / 4. After b nothing was seen.
        const double a = (2 + (2 / 256.0)) / 5, b = (1 + (2 / 256.0)) / 5, bAfterA = (1 + (2 * b)) / 4;
        var nats = new CountModel("aab"u8).NatsPerByte("aba"u8);

        Assert.Equal(-(Math.Log(a) + Math.Log(b) + Math.Log(a)) / 3, nats[0], 1e-12);
        Assert.Equal(-(Math.Log(a) + Math.Log(bAfterA) + Math.Log(a)) / 3, nats[1], 1e-12);
    }

    [Fact]
    public void Every_length_of_context_agrees_with_counting_by_search()
    {
        var random = new DeterministicRandom(5);
        var words = new[] { "the ", "list ", "is ", "null.\n", "The ", "value " };
        var text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 120).Select(_ => words[random.NextInt32(words.Length)])));
        var heldOut = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 20).Select(_ => words[random.NextInt32(words.Length)])) + "new!");

        var nats = new CountModel(text).NatsPerByte(heldOut);

        for (var context = 0; context <= CountModel.LongestContext; context++)
        {
            double sum = 0;
            for (var i = 0; i < heldOut.Length; i++)
            {
                sum -= Math.Log(BySearch(text, heldOut.AsSpan(Math.Max(0, i - context), Math.Min(i, context)), heldOut[i]));
            }
            Assert.Equal(sum / heldOut.Length, nats[context], 1e-9);
        }
    }

    [Fact]
    public void Probabilities_of_all_next_bytes_add_up_to_one()
    {
        var text = "abracadabra abracadabra"u8.ToArray();
        var model = new CountModel(text);
        for (var context = 0; context <= CountModel.LongestContext; context++)
        {
            double sum = 0;
            var prefix = text.AsSpan(3, 4).ToArray();
            var before = model.NatsPerByte(prefix)[context] * 4;
            for (var next = 0; next < 256; next++)
            {
                sum += Math.Exp(before - (model.NatsPerByte([.. prefix, (byte)next])[context] * 5));
            }
            Assert.Equal(1, sum, 1e-9);
        }
    }

    /// <summary>The formula, with every count found by walking over the text.</summary>
    private static double BySearch(byte[] text, ReadOnlySpan<byte> history, byte next)
    {
        var shorter = history.IsEmpty ? 1.0 / 256 : BySearch(text, history[1..], next);
        var followers = new List<byte>();
        for (var i = 0; i + history.Length < text.Length; i++)
        {
            if (text.AsSpan(i, history.Length).SequenceEqual(history))
            {
                followers.Add(text[i + history.Length]);
            }
        }
        var different = followers.Distinct().Count();
        return followers.Count == 0 ? shorter : (followers.Count(f => f == next) + (different * shorter)) / (followers.Count + different);
    }
}
