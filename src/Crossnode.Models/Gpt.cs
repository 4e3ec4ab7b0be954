using Crossnode.Core;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Crossnode.Models;

/// <summary>A language model over bytes: GPT-2's shape (pre-norm, learned positions, tied embeddings), without biases.</summary>
/// <remarks>Parts carry nanoGPT's names, so that the two can be read side by side: wte, wpe, h.N, ln_f.</remarks>
public sealed partial class Gpt : Module<Tensor, Tensor>
{
    /// <summary>Every byte is a token of its own.</summary>
    public const int Vocabulary = 256;

    [ComponentName(Name = "wte")]
    private readonly Embedding _wte;
    [ComponentName(Name = "wpe")]
    private readonly Embedding _wpe;
    [ComponentName(Name = "h")]
    private readonly ModuleList<GptBlock> _h;
    [ComponentName(Name = "ln_f")]
    private readonly LayerNorm _lnF;

    /// <summary>Makes a model with the weights that follow from its seed.</summary>
    /// <exception cref="Core.Errors.InputException">No model has this shape.</exception>
    public Gpt(GptOptions options)
        : base(nameof(Gpt))
    {
        options.Validate();
        Options = options;
        _wte = Embedding(Vocabulary, options.Width);
        _wpe = Embedding(options.Context, options.Width);
        _h = ModuleList([.. Enumerable.Range(0, options.Layers).Select(_ => new GptBlock(options))]);
        _lnF = LayerNorm(options.Width, bias: false);
        RegisterComponents();
        Initialise();
    }

    /// <summary>The model's shape.</summary>
    public GptOptions Options { get; }

    /// <summary>How many numbers the model learns; the tied embedding counts once.</summary>
    public long ParameterCount => parameters().Sum(p => p.numel());

    /// <summary>Scores every next byte.</summary>
    /// <param name="input">Bytes as integers, [batch, time], time at most the context.</param>
    /// <returns>Logits [batch, time, 256]: those at t have seen the bytes up to and including t.</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var time = input.shape[1];
        var x = _wte.forward(input.to(ScalarType.Int64)) + _wpe.weight!.narrow(0, 0, time);
        foreach (var block in _h)
        {
            x = block.forward(x);
        }
        // Tied: what a byte looks like going in is what the output is compared with.
        return functional.linear(_lnF.forward(x), _wte.weight!).MoveToOuterDisposeScope();
    }

    /// <summary>The mean cross-entropy of the next bytes, in nats per byte.</summary>
    /// <param name="input">Bytes as integers, [batch, time].</param>
    /// <param name="targets">The byte after each, [batch, time].</param>
    public Tensor Loss(Tensor input, Tensor targets)
    {
        using var scope = NewDisposeScope();
        var logits = forward(input);
        return functional.cross_entropy(logits.view(-1, Vocabulary), targets.to(ScalarType.Int64).view(-1)).MoveToOuterDisposeScope();
    }

    /// <summary>GPT-2's first weights: normal, 0.02 wide; narrower by the root of 2 x layers where a branch joins the residual.</summary>
    /// <remarks>Drawn here, because TorchSharp's init.normal_ takes a generator and then does not use it.</remarks>
    private void Initialise()
    {
        using var noGrad = no_grad();
        var random = new DeterministicRandom(Options.Seed);
        foreach (var (name, parameter) in named_parameters())
        {
            if (parameter.dim() >= 2)
            {
                var joins = name.EndsWith("c_proj.weight", StringComparison.Ordinal);
                var spread = joins ? 0.02 / Math.Sqrt(2 * Options.Layers) : 0.02;
                using var drawn = tensor(Normal(random, (int)parameter.numel(), spread)).view(parameter.shape);
                parameter.copy_(drawn);
            }
        }
    }

    /// <summary>Box and Muller's normal numbers, the first of each pair.</summary>
    private static float[] Normal(DeterministicRandom random, int count, double spread)
    {
        var numbers = new float[count];
        for (var i = 0; i < count; i++)
        {
            var radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            numbers[i] = (float)(spread * radius * Math.Cos(2 * Math.PI * random.NextDouble()));
        }
        return numbers;
    }
}
