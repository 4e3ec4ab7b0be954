using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Crossnode.Models;

/// <summary>One transformer block: x + attention(norm(x)), then x + mlp(norm(x)).</summary>
internal sealed class GptBlock : Module<Tensor, Tensor>
{
    [ComponentName(Name = "ln_1")]
    private readonly LayerNorm _ln1;
    [ComponentName(Name = "attn")]
    private readonly CausalSelfAttention _attention;
    [ComponentName(Name = "ln_2")]
    private readonly LayerNorm _ln2;
    [ComponentName(Name = "mlp")]
    private readonly Mlp _mlp;

    public GptBlock(GptOptions options)
        : base(nameof(GptBlock))
    {
        _ln1 = LayerNorm(options.Width, bias: false);
        _attention = new CausalSelfAttention(options);
        _ln2 = LayerNorm(options.Width, bias: false);
        _mlp = new Mlp(options);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input + _attention.forward(_ln1.forward(input));
        return x + _mlp.forward(_ln2.forward(x));
    }
}

/// <summary>Lets every byte look at those before it, with several heads.</summary>
internal sealed class CausalSelfAttention : Module<Tensor, Tensor>
{
    private readonly int _heads;
    [ComponentName(Name = "c_attn")]
    private readonly Linear _cAttn;
    [ComponentName(Name = "c_proj")]
    private readonly Linear _cProj;

    public CausalSelfAttention(GptOptions options)
        : base(nameof(CausalSelfAttention))
    {
        _heads = options.Heads;
        _cAttn = Linear(options.Width, 3 * options.Width, hasBias: false);
        _cProj = Linear(options.Width, options.Width, hasBias: false);
        RegisterComponents();
    }

    /// <param name="input">[batch, time, width]</param>
    public override Tensor forward(Tensor input)
    {
        long batch = input.shape[0], time = input.shape[1], width = input.shape[2];
        var qkv = _cAttn.forward(input).view(batch, time, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4);
        var mixed = functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_casual: true);
        return _cProj.forward(mixed.transpose(1, 2).reshape(batch, time, width));
    }
}

/// <summary>Works on every byte by itself: out to four times the width, and back.</summary>
internal sealed class Mlp : Module<Tensor, Tensor>
{
    [ComponentName(Name = "c_fc")]
    private readonly Linear _cFc;
    [ComponentName(Name = "c_proj")]
    private readonly Linear _cProj;

    public Mlp(GptOptions options)
        : base(nameof(Mlp))
    {
        _cFc = Linear(options.Width, 4 * options.Width, hasBias: false);
        _cProj = Linear(4 * options.Width, options.Width, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => _cProj.forward(functional.gelu(_cFc.forward(input)));
}
