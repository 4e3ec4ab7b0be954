using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests;

public class NativeLibraryTests
{
    [TorchFact]
    [Trait("tier", "integration")]
    public void TorchSharp_multiplies_and_differentiates()
    {
        using var scope = NewDisposeScope();
        var a = tensor(new float[] { 1, 2, 3, 4 }, requires_grad: true).reshape(2, 2);
        a.retain_grad();
        var b = tensor(new float[] { 5, 6, 7, 8 }).reshape(2, 2);

        var product = a.matmul(b);
        product.sum().backward();

        Assert.Equal([19f, 22, 43, 50], product.data<float>().ToArray());
        Assert.Equal([11f, 15, 11, 15], a.grad!.data<float>().ToArray());
    }
}
