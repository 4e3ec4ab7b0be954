using Crossnode.Core;
using Crossnode.Training.Buffers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.Layout;

/// <summary>The trainable parameters of one element type: one flat tensor holds them all, another their gradients.</summary>
/// <remarks>
/// Parameters become views of the flat tensor and stay the objects that they were, so the optimiser's state stays with
/// them. On the processor, strategies work on the tensors' own memory; on a device, on copies in host memory.
/// </remarks>
internal sealed unsafe class FlatGroup : IDisposable
{
    private readonly (string Name, Parameter Parameter)[] _parameters;
    private readonly Tensor _flatParameters;
    private readonly Tensor _flatGradients;
    private readonly Tensor[] _gradientViews;
    private readonly Tensor? _hostParameters;
    private readonly Tensor? _hostGradients;

    public FlatGroup(ElementType type, (string Name, Parameter Parameter)[] parameters, bool stage)
    {
        _parameters = parameters;
        var layout = FlatBuffer.Layout(parameters.Select(p => (p.Name, p.Parameter.numel())));
        var count = layout[^1].Offset + layout[^1].Count;
        var dtype = TensorMemory.ScalarTypeOf(type);
        var device = parameters[0].Parameter.device;

        using var scope = NewDisposeScope();
        using var mode = no_grad();
        _flatParameters = Keep(zeros(count, dtype, device));
        _flatGradients = Keep(zeros(count, dtype, device));
        _gradientViews = new Tensor[parameters.Length];
        for (var i = 0; i < parameters.Length; i++)
        {
            var (parameter, segment) = (parameters[i].Parameter, layout[i]);
            var shape = parameter.shape;
            var view = _flatParameters.narrow(0, segment.Offset, segment.Count).view(shape);
            view.copy_(parameter);
            parameter.set_(view);
            _gradientViews[i] = Keep(_flatGradients.narrow(0, segment.Offset, segment.Count).view(shape));
        }

        if (stage)
        {
            _hostParameters = Keep(zeros(count, dtype, CPU));
            _hostGradients = Keep(zeros(count, dtype, CPU));
            _hostParameters.copy_(_flatParameters);
        }

        Parameters = Describe(_hostParameters ?? _flatParameters, type, layout);
        Gradients = Describe(_hostGradients ?? _flatGradients, type, layout);
        Averages = FlatBuffer.Allocate(type, layout);
    }

    public FlatBuffer Parameters { get; }

    public FlatBuffer Gradients { get; }

    public FlatBuffer Averages { get; }

    public int Count => _parameters.Length;

    /// <summary>Brings gradients into the flat buffer, where a backward pass or zero_grad() left them elsewhere.</summary>
    /// <param name="present">Set to 1 for each parameter that has a gradient, else to 0.</param>
    public void Collect(Span<float> present)
    {
        for (var i = 0; i < _parameters.Length; i++)
        {
            var (name, parameter) = _parameters[i];
            CheckInPlace(i);
            using var gradient = parameter.grad;
            present[i] = gradient is null ? 0 : 1;
            if (gradient is null)
            {
                _gradientViews[i].zero_();
            }
            else if (gradient.is_sparse)
            {
                throw new NotSupportedException(
                    $"the gradient of '{name}' is sparse, and only dense ones can be averaged: create its layer with sparse: false");
            }
            else if (!IsOwn(gradient, i))
            {
                _gradientViews[i].copy_(gradient);
                parameter.grad = _gradientViews[i];
            }
        }

        _hostGradients?.copy_(_flatGradients);
    }

    /// <summary>Shows the optimiser what the strategy left in <see cref="Gradients"/>.</summary>
    /// <param name="present">Above 0 for parameters for which a member with samples had a gradient; the others have none
    /// anywhere, so that all optimisers pass over them, as one would in one process.</param>
    public void Publish(ReadOnlySpan<float> present)
    {
        if (_hostGradients is not null)
        {
            _flatGradients.copy_(_hostGradients);
        }

        for (var i = 0; i < _parameters.Length; i++)
        {
            using var gradient = _parameters[i].Parameter.grad;
            if (gradient is null == present[i] > 0)
            {
                _parameters[i].Parameter.grad = present[i] > 0 ? _gradientViews[i] : null;
            }
        }
    }

    /// <summary>Brings the parameters of a device into <see cref="Parameters"/>.</summary>
    public void DownloadParameters() => _hostParameters?.copy_(_flatParameters);

    /// <summary>Brings <see cref="Parameters"/> to the device.</summary>
    public void UploadParameters()
    {
        if (_hostParameters is not null)
        {
            _flatParameters.copy_(_hostParameters);
        }
    }

    /// <summary>Frees what only this object used; the parameters keep the flat memory alive as long as they live.</summary>
    public void Dispose()
    {
        Averages.Dispose();
        Array.ForEach(_gradientViews, v => v.Dispose());
        _flatParameters.Dispose();
        _flatGradients.Dispose();
        _hostParameters?.Dispose();
        _hostGradients?.Dispose();
    }

    private static Tensor Keep(Tensor tensor) => tensor.DetachFromDisposeScope();

    private static FlatBuffer Describe(Tensor host, ElementType type, IReadOnlyList<FlatSegment> layout) =>
        new(TensorMemory.AddressOf(host), type, layout);

    private bool IsOwn(Tensor gradient, int index) =>
        _hostGradients is null && TensorMemory.AddressOf(gradient) == Address(Gradients, index);

    private void CheckInPlace(int index)
    {
        var (name, parameter) = _parameters[index];
        if (_hostParameters is null && TensorMemory.AddressOf(parameter) != Address(Parameters, index))
        {
            throw new InvalidOperationException(
                $"parameter '{name}' no longer lies where Distribute put it: move, convert or re-create the module before "
                + "Distribute, and load weights in place");
        }
    }

    private static byte* Address(FlatBuffer buffer, int index) => buffer.Segments[index].Count == 0
        ? null
        : (byte*)buffer.Pointer + (buffer.Segments[index].Offset * buffer.Type.Size());
}
