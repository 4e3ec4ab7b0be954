using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests.Binding;

/// <summary>Small modules with weights that are a function of place and seed, so that every process can build them alike.</summary>
internal static class Nets
{
    public const int Features = 6;

    public static nn.Module<Tensor, Tensor> Plain(int seed) =>
        Fill(nn.Sequential(nn.Linear(Features, 8), nn.Tanh(), nn.Linear(8, 2)), seed);

    public static nn.Module<Tensor, Tensor> Tied(int seed) => Fill(new TiedNet(), seed);

    public static nn.Module<Tensor, Tensor> Unused(int seed) => Fill(new PartlyUsedNet(), seed);

    public static nn.Module<Tensor, Tensor> Frozen(int seed)
    {
        var net = Plain(seed);
        net.named_parameters().First().parameter.requires_grad_(false);
        return net;
    }

    public static nn.Module<Tensor, Tensor> Normalised(int seed) =>
        Fill(nn.Sequential(nn.Linear(Features, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)), seed);

    public static nn.Module<Tensor, Tensor> Mixed(int seed) => Fill(new MixedNet(), seed);

    /// <summary>Rows of samples, and what they should map to: functions of their numbers alone.</summary>
    public static (Tensor X, Tensor Y) Batch(params long[] samples)
    {
        var x = new float[samples.Length, Features];
        var y = new float[samples.Length, 2];
        for (var i = 0; i < samples.Length; i++)
        {
            for (var j = 0; j < Features; j++)
            {
                x[i, j] = MathF.Sin((samples[i] * 7) + (j * 3) + 1);
            }

            (y[i, 0], y[i, 1]) = (MathF.Cos(samples[i]), MathF.Sin(samples[i] * 2));
        }

        // Cloned: a tensor over a managed array starts anywhere, and matrix products depend on alignment in the last bit.
        return (tensor(x).clone(), tensor(y).clone());
    }

    public static Tensor Loss(nn.Module<Tensor, Tensor> net, params long[] samples)
    {
        var (x, y) = Batch(samples);
        return nn.functional.mse_loss(net.call(x), y);
    }

    public static double[] Values(nn.Module net)
    {
        using var scope = NewDisposeScope();
        return [.. net.parameters().Distinct().SelectMany(p => p.detach().to(ScalarType.Float64).flatten().data<double>().ToArray())];
    }

    private static T Fill<T>(T net, int seed)
        where T : nn.Module
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var k = seed * 100;
        foreach (var (_, parameter) in net.named_parameters())
        {
            parameter.copy_(arange(parameter.numel(), ScalarType.Float32).add(k).mul(1.7).sin().mul(0.4).view(parameter.shape));
            k += 13;
        }

        return net;
    }

    /// <summary>One weight used going in and coming out.</summary>
    private sealed class TiedNet : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter _weight;
        private readonly Linear _head;
        private readonly Linear _again;

        public TiedNet()
            : base("tied")
        {
            _weight = new Parameter(zeros(4, Features));
            _head = nn.Linear(Features, 2);
            _again = nn.Linear(Features, 4, hasBias: false);
            _again.weight = _weight;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) =>
            _head.forward(_again.forward(input).tanh().matmul(_weight));
    }

    /// <summary>One layer that nobody uses, and one that only samples with a positive first feature use.</summary>
    private sealed class PartlyUsedNet : nn.Module<Tensor, Tensor>
    {
        private readonly Linear _head = nn.Linear(Features, 2);
        private readonly Linear _never = nn.Linear(Features, 2);
        private readonly Linear _sometimes = nn.Linear(Features, 2);

        public PartlyUsedNet()
            : base("unused") => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var output = _head.forward(input);
            var mask = input.select(1, 0).gt(0).unsqueeze(1);
            return mask.any().item<bool>() ? output + (_sometimes.forward(input) * mask) : output;
        }

        protected override void Dispose(bool disposing)
        {
            _never.Dispose();
            base.Dispose(disposing);
        }
    }

    /// <summary>Layers of four element types.</summary>
    private sealed class MixedNet : nn.Module<Tensor, Tensor>
    {
        private readonly Linear _single = nn.Linear(Features, 8);
        private readonly Linear _brain = nn.Linear(8, 8, dtype: ScalarType.BFloat16);
        private readonly Linear _half = nn.Linear(8, 8, dtype: ScalarType.Float16);
        private readonly Linear _double = nn.Linear(8, 2, dtype: ScalarType.Float64);

        public MixedNet()
            : base("mixed") => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var x = _single.forward(input).tanh().to(ScalarType.BFloat16);
            x = _brain.forward(x).to(ScalarType.Float16);
            x = _half.forward(x).to(ScalarType.Float64);
            return _double.forward(x).to(ScalarType.Float32);
        }
    }
}
