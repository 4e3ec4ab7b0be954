using Crossnode.TorchSharp.Joining;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests.Binding;

/// <summary>Goal: whoever is about to join, or to be joined, has lived through a join before. Method: the rehearsal itself, which ends well
/// only when its newcomer got level and all stopped together.</summary>
[Trait("tier", "integration")]
public sealed class JoinRehearsalTests
{
    [TorchFact]
    public void Rehearsal_comes_to_its_end() => Assert.Null(JoinRehearsal.Play());

    [TorchFact]
    public void Rehearsal_takes_none_of_the_random_numbers_of_the_process()
    {
        using var start = manual_seed(7);
        using var expected = rand(8);
        manual_seed(7);
        Assert.Null(JoinRehearsal.Play());
        using var after = rand(8);
        Assert.Equal(expected.data<float>().ToArray(), after.data<float>().ToArray());
    }
}
