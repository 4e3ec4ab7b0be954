using Crossnode.Core.Errors;
using Crossnode.Numerics;
using Crossnode.Training.Buffers;

namespace Crossnode.Training.DiLoCo;

/// <summary>Outer parameters and outer momentum: what stands still while members take local steps.</summary>
/// <remarks>
/// All arithmetic is element by element with fixed rounding, so equal averages move equal parameters to the same bits on
/// every machine.
/// </remarks>
internal sealed unsafe class OuterState(StrategyState synchronous) : StrategyState
{
    private const byte Version = 1;
    private const int HeaderBytes = 2;

    private FlatBuffer[] _parameters = [];
    private FlatBuffer[] _momentum = [];
    private (string, FlatBuffer)[] _buffers = [];
    private bool _holdsParameters;

    /// <inheritdoc />
    public override bool HoldsParameters => _holdsParameters;

    /// <inheritdoc />
    public override IReadOnlyList<(string Name, FlatBuffer Buffer)> Buffers => _holdsParameters ? _buffers : [];

    /// <summary>Makes room for a model of this shape, once.</summary>
    public void Allocate(FlatModel model)
    {
        if (_parameters.Length > 0)
        {
            return;
        }

        _parameters = [.. model.Parameters.Select(FlatBuffer.AllocateLike)];
        _momentum = [.. model.Parameters.Select(FlatBuffer.AllocateLike)];
        _buffers =
        [
            .. _parameters.Select((b, i) => ($"outer.parameters.{i}", b)),
            .. _momentum.Select((b, i) => ($"outer.momentum.{i}", b)),
        ];
    }

    /// <summary>Takes the model's parameters, which are the same on all members, as what local steps begin with.</summary>
    public void Begin(FlatModel model)
    {
        for (var i = 0; i < _parameters.Length; i++)
        {
            _parameters[i].CopyFrom(model.Parameters[i]);
        }

        _holdsParameters = true;
    }

    /// <summary>Writes how far this member came since the last averaging, as a gradient: start minus end.</summary>
    public void PseudoGradient(FlatModel model, IReadOnlyList<FlatBuffer> target)
    {
        for (var i = 0; i < _parameters.Length; i++)
        {
            var (type, count) = (target[i].Type, target[i].Count);
            ReduceKernels.Scale(type, target[i].Pointer, model.Parameters[i].Pointer, -1, count);
            ReduceKernels.Add(type, target[i].Pointer, _parameters[i].Pointer, count);
        }
    }

    /// <summary>Takes an outer step: v = mu v + g, then parameters - eta (g + mu v).</summary>
    public void Step(IReadOnlyList<FlatBuffer> gradient, double rate, double momentum)
    {
        for (var i = 0; i < _parameters.Length; i++)
        {
            var (type, count) = (gradient[i].Type, gradient[i].Count);
            void* g = gradient[i].Pointer, v = _momentum[i].Pointer, p = _parameters[i].Pointer;
            ReduceKernels.Scale(type, v, v, momentum, count);
            ReduceKernels.Add(type, v, g, count);
            ReduceKernels.AddScaled(type, p, g, -rate, count);
            ReduceKernels.AddScaled(type, p, v, -rate * momentum, count);
        }
    }

    /// <inheritdoc />
    public override void CopyParametersTo(FlatModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        for (var i = 0; _holdsParameters && i < _parameters.Length; i++)
        {
            model.Parameters[i].CopyFrom(_parameters[i]);
        }
    }

    /// <inheritdoc />
    public override byte[] Save() => [Version, _holdsParameters ? (byte)1 : (byte)0, .. synchronous.Save()];

    /// <inheritdoc />
    public override void Load(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || bytes[0] != Version || bytes[1] > 1)
        {
            throw new InputException(
                "the state is not one of DiLoCo that this version reads: use the strategy and the program that wrote it");
        }

        synchronous.Load(bytes[HeaderBytes..]);
        _holdsParameters = bytes[1] == 1;
    }
}
