using Crossnode.Core.Errors;
using Crossnode.Models;
using Crossnode.Models.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests.Models;

[Trait("tier", "unit")]
public sealed class GptTests : IDisposable
{
    private static readonly GptOptions Tiny = new() { Layers = 2, Heads = 2, Width = 16, Context = 12, Seed = 7 };
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [TorchFact]
    public void Later_bytes_do_not_change_earlier_logits()
    {
        using var model = new Gpt(Tiny);
        var before = model.forward(Input("abcdefghijkl"));
        var after = model.forward(Input("abcdefgXijkl"));

        Assert.Equal(Values(before[0, ..7]), Values(after[0, ..7]));
        for (var t = 7; t < 12; t++)
        {
            Assert.NotEqual(Values(before[0, t]), Values(after[0, t]));
        }
    }

    [TorchFact]
    public void Rows_of_a_batch_do_not_change_one_another()
    {
        using var model = new Gpt(Tiny);
        var alone = Values(model.forward(Input("abcdef")));
        var both = Values(model.forward(cat([Input("abcdef"), Input("zzzzzz")]))[0]);
        Assert.Equal(alone.Length, both.Length);
        Assert.All(alone.Zip(both), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }

    [TorchFact]
    public void Logits_agree_with_the_equations_written_out()
    {
        using var model = new Gpt(Tiny with { Layers = 1 });
        using var noGrad = no_grad();
        var p = model.named_parameters().ToDictionary(x => x.name, x => x.parameter);
        var input = Input("hello");
        const int time = 5, width = 16, heads = 2, size = 8;

        Tensor Norm(Tensor x, string gain)
        {
            var centred = x - x.mean([-1], keepdim: true);
            return centred / (centred * centred).mean([-1], keepdim: true).add(1e-5).sqrt() * p[gain];
        }

        var x = p["wte.weight"][input[0].to(ScalarType.Int64)] + p["wpe.weight"][..time];
        var qkv = Norm(x, "h.0.ln_1.weight").matmul(p["h.0.attn.c_attn.weight"].t());
        var mixed = new List<Tensor>();
        for (var head = 0; head < heads; head++)
        {
            Tensor Part(int which) => qkv[.., ((which * width) + (head * size))..((which * width) + ((head + 1) * size))];
            var scores = Part(0).matmul(Part(1).t()) / Math.Sqrt(size);
            var mask = ones(time, time).triu(1) * -1e9;
            mixed.Add((scores + mask).softmax(-1).matmul(Part(2)));
        }
        x += cat(mixed, -1).matmul(p["h.0.attn.c_proj.weight"].t());
        var wide = Norm(x, "h.0.ln_2.weight").matmul(p["h.0.mlp.c_fc.weight"].t());
        x += (wide * 0.5 * (1 + (wide / Math.Sqrt(2)).erf())).matmul(p["h.0.mlp.c_proj.weight"].t());
        var expected = Norm(x, "ln_f.weight").matmul(p["wte.weight"].t());

        Assert.All(Values(expected).Zip(Values(model.forward(input)[0])), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
    }

    [TorchFact]
    public void Tied_embedding_is_one_parameter_with_gradients_from_both_ends()
    {
        using var model = new Gpt(Tiny);
        const int width = 16;
        const int block = (3 * width * width) + (width * width) + (2 * 4 * width * width) + (2 * width);
        Assert.Equal((256 * width) + (12 * width) + (2 * block) + width, model.ParameterCount);

        model.Loss(Input("aaaa"), Input("bbbb")).backward();

        var gradient = model.named_parameters().Single(p => p.name == "wte.weight").parameter.grad!;
        // Byte 'z' neither comes in nor should go out; only the output's softmax can have pushed it.
        Assert.True(gradient['z'].abs().sum().item<float>() > 0);
        Assert.True(gradient['a'].abs().sum().item<float>() > gradient['z'].abs().sum().item<float>());
    }

    [TorchFact]
    public void First_weights_follow_from_the_seed_and_are_spread_like_GPT_2()
    {
        using var model = new Gpt(new GptOptions { Seed = 3 });
        manual_seed(99);
        using var same = new Gpt(new GptOptions { Seed = 3 });
        using var other = new Gpt(new GptOptions { Seed = 4 });
        var first = model.named_parameters().ToDictionary(p => p.name, p => Values(p.parameter));

        Assert.All(same.named_parameters(), p => Assert.Equal(first[p.name], Values(p.parameter)));
        Assert.NotEqual(first["wte.weight"], Values(other.named_parameters().First(p => p.name == "wte.weight").parameter));
        Assert.Equal(0.02, Spread(first["wte.weight"]), 0.001);
        Assert.Equal(0.02 / Math.Sqrt(2 * model.Options.Layers), Spread(first["h.1.mlp.c_proj.weight"]), 0.001);
        Assert.All(first["h.1.ln_1.weight"], gain => Assert.Equal(1, gain));
    }

    [TorchFact]
    public void Loss_of_a_fresh_model_is_near_that_of_guessing()
    {
        using var model = new Gpt(Tiny);
        Assert.Equal(Math.Log(256), model.Loss(Input("abcdefghij"), Input("bcdefghijk")).item<float>(), 0.05);
    }

    [TorchFact]
    public void Training_learns_a_repeating_text_and_generation_repeats_it()
    {
        using var model = new Gpt(Tiny);
        var text = System.Text.Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("abc-def. ", 100)));
        var source = new BatchSource(text, Tiny.Context, batch: 8, seed: 1);
        using var optimizer = DecayGroups.AdamW(model, learningRate: 0.01, weightDecay: 0);
        byte[] inputs = new byte[8 * 12], targets = new byte[8 * 12];
        for (var step = 0; step < 150; step++)
        {
            using var scope = NewDisposeScope();
            source.Fill(step, inputs, targets);
            optimizer.zero_grad();
            model.Loss(tensor(inputs).view(8, 12), tensor(targets).view(8, 12)).backward();
            optimizer.step();
        }

        var written = model.Generate("abc-def. "u8, 18, temperature: 0, seed: 1);

        Assert.Equal("abc-def. abc-def. ", System.Text.Encoding.ASCII.GetString(written));
        var (nats, bytes) = HeldOutLoss.Measure(model, text, windows: 10);
        Assert.True(nats / bytes < 0.3, $"{nats / bytes} nats per byte");
    }

    [TorchFact]
    public void Generation_follows_from_the_seed_and_leaves_no_tensors()
    {
        using var model = new Gpt(Tiny);
        var first = model.Generate("The "u8, 30, temperature: 1, seed: 5);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

        Assert.Equal(first, model.Generate("The "u8, 30, temperature: 1, seed: 5));
        Assert.NotEqual(first, model.Generate("The "u8, 30, temperature: 1, seed: 6));
        Assert.Equal(5, model.Generate([], 5, temperature: 1, seed: 5).Length);
        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }

    [TorchFact]
    public void Held_out_parts_add_up_to_the_whole()
    {
        using var model = new Gpt(Tiny);
        var text = Enumerable.Range(0, 1000).Select(i => (byte)(i * 7)).ToArray();

        var whole = HeldOutLoss.Measure(model, text, windows: 50);
        var parts = Enumerable.Range(0, 3).Select(i => HeldOutLoss.Measure(model, text, windows: 50, i, 3)).ToList();

        Assert.Equal(whole.Bytes, parts.Sum(p => p.Bytes));
        Assert.Equal(50 * 6, whole.Bytes);
        Assert.Equal(whole.Nats, parts.Sum(p => p.Nats), whole.Nats * 1e-5);
    }

    [TorchFact]
    public void Held_out_loss_counts_the_second_half_of_overlapping_windows()
    {
        using var model = new Gpt(Tiny);
        var text = Enumerable.Range(0, 12 + 6 + 1).Select(i => (byte)(i * 31)).ToArray();
        double expected = 0;
        foreach (var (start, at) in Enumerable.Range(6, 12).Select(at => (at < 12 ? 0 : 6, at)))
        {
            var logits = Values(model.forward(tensor(text[start..(at + 1)]).unsqueeze(0))[0, -1]);
            expected += Math.Log(logits.Sum(l => Math.Exp(l))) - logits[text[at + 1]];
        }

        var (nats, bytes) = HeldOutLoss.Measure(model, text, windows: 100);

        Assert.Equal(12, bytes);
        Assert.Equal(expected, nats, 1e-3);
        Assert.Equal((0, 0), HeldOutLoss.Measure(model, text.AsMemory(0, 12), windows: 100));
    }

    [TorchFact]
    public void Decay_is_for_matrices_only()
    {
        using var model = new Gpt(Tiny);
        var (decayed, undecayed) = DecayGroups.Of(model);
        Assert.Equal(2 + (2 * 4), decayed.Count);
        Assert.Equal(1 + (2 * 2), undecayed.Count);
        Assert.All(undecayed, p => Assert.Equal(1, p.dim()));
    }

    [Fact]
    public void Impossible_shapes_are_refused_in_a_sentence()
    {
        Assert.Contains("multiple", Assert.Throws<InputException>(() => new GptOptions { Width = 100, Heads = 3 }.Validate()).Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => new GptOptions { Layers = 0 }.Validate());
    }

    private static Tensor Input(string text) => tensor(System.Text.Encoding.ASCII.GetBytes(text)).unsqueeze(0);

    private static float[] Values(Tensor tensor) => tensor.detach().contiguous().data<float>().ToArray();

    private static double Spread(float[] values) => Math.Sqrt(values.Average(v => (double)v * v));
}
