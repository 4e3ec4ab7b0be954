using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.Models;

/// <summary>Splits a module's parameters by whether weight decay is for them, as GPT-2's trainers do.</summary>
/// <remarks>Matrices and embeddings shrink towards 0; gains and biases (one dimension) do not. Frozen parameters are in neither.</remarks>
public static class DecayGroups
{
    /// <summary>Lists the parameters of both groups, in the module's order.</summary>
    public static (IReadOnlyList<Parameter> Decayed, IReadOnlyList<Parameter> Undecayed) Of(nn.Module module)
    {
        var trained = module.parameters().Where(p => p.requires_grad).ToList();
        return ([.. trained.Where(p => p.dim() >= 2)], [.. trained.Where(p => p.dim() < 2)]);
    }

    /// <summary>Makes AdamW with both groups.</summary>
    public static AdamW AdamW(nn.Module module, double learningRate, double weightDecay, double beta1 = 0.9, double beta2 = 0.95)
    {
        var (decayed, undecayed) = Of(module);
        var groups = new List<AdamW.ParamGroup> { new(decayed, learningRate, beta1, beta2, weight_decay: weightDecay) };
        if (undecayed.Count > 0)
        {
            groups.Add(new AdamW.ParamGroup(undecayed, learningRate, beta1, beta2, weight_decay: 0));
        }
        return optim.AdamW(groups, learningRate, beta1, beta2, weight_decay: weightDecay);
    }
}
