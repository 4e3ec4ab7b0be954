using Crossnode.TorchSharp.Layout;
using Crossnode.Training;
using Crossnode.Training.Buffers;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp;

/// <summary>The user's optimiser as strategies see it.</summary>
internal sealed class TorchOptimizer(
    optim.Optimizer optimizer, IReadOnlyList<FlatGroup> groups, FlatBuffer present, bool usesParameters) : ILocalOptimizer
{
    /// <summary>Where the flags of the parameters begin in the averaged extras.</summary>
    public const int FirstFlag = 3;

    public double LearningRate => optimizer.ParamGroups.First().LearningRate;

    public void Apply()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var at = FirstFlag;
        foreach (var group in groups)
        {
            group.Publish(present.AsSpan<float>().Slice(at, group.Count));
            at += group.Count;
        }

        optimizer.step();
        if (usesParameters)
        {
            foreach (var group in groups)
            {
                group.DownloadParameters();
            }
        }
    }
}
