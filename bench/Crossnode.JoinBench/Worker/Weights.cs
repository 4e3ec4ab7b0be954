using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.JoinBench.Worker;

/// <summary>A model without a purpose: its gradient is a fixed pattern times a number that follows from member and step.</summary>
/// <remarks>So whoever knows who took part in which step can compute the parameters (<see cref="Pattern"/>).</remarks>
internal sealed class Weights : nn.Module
{
    private readonly Parameter[] _tensors;
    private readonly Tensor[] _patterns;

    public Weights(long elements, int tensors, bool isFirst)
        : base(nameof(Weights))
    {
        var size = elements / tensors;
        _tensors = new Parameter[tensors];
        _patterns = new Tensor[tensors];
        for (var i = 0; i < tensors; i++)
        {
            // Only the first member's values count; the others' are to be replaced.
            var offset = i * size;
            _tensors[i] = new Parameter(Fill(size, at => isFirst ? Pattern.Start(offset + at) : 7));
            _patterns[i] = Fill(size, at => Pattern.Of(offset + at));
            register_parameter($"w{i}", _tensors[i]);
        }
    }

    /// <summary>Writes the gradient of a member in a step.</summary>
    public void Differentiate(uint member, long step)
    {
        var factor = Pattern.Factor(member, step);
        for (var i = 0; i < _tensors.Length; i++)
        {
            if (_tensors[i].grad is { } gradient)
            {
                gradient.zero_().add_(_patterns[i], alpha: factor);
            }
            else
            {
                _tensors[i].grad = _patterns[i] * factor;
            }
        }
    }

    /// <summary>The parameters, one behind the other.</summary>
    public void Save(string path)
    {
        using var file = File.Create(path);
        foreach (var parameter in _tensors)
        {
            file.Write(parameter.bytes);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Array.ForEach(_patterns, pattern => pattern.Dispose());
        }

        base.Dispose(disposing);
    }

    private static Tensor Fill(long count, Func<long, float> value)
    {
        var values = new float[count];
        for (var at = 0L; at < count; at++)
        {
            values[at] = value(at);
        }

        return tensor(values).DetachFromDisposeScope();
    }
}
