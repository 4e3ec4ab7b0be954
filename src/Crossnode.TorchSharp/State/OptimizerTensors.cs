using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Crossnode.Core.Errors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.State;

/// <summary>The moments and counters that an optimiser keeps for each parameter, by name.</summary>
/// <remarks>
/// TorchSharp's optimisers keep them in public fields: tensors such as exp_avg, numbers such as step. A tensor may be missing
/// until the first step, or for good (max_exp_avg_sq without AMSGrad).
/// </remarks>
internal sealed class OptimizerTensors
{
    private readonly List<(string Name, Parameter Parameter, OptimizerState State)> _states = [];

    public OptimizerTensors(optim.Optimizer optimizer, IReadOnlyList<(string Name, Parameter Parameter)> parameters)
    {
        Kind = optimizer.GetType().Name;
        if (optimizer is not OptimizerHelper helper)
        {
            return;
        }

        // The dictionary lists states in the order of the groups' parameters.
        var states = helper.state_dict().State;
        var ordered = helper.parameters().ToList();
        for (var i = 0; i < Math.Min(states.Count, ordered.Count); i++)
        {
            var name = parameters.FirstOrDefault(p => ReferenceEquals(p.Parameter, ordered[i])).Name;
            if (name is not null)
            {
                _states.Add((name, ordered[i], states[i]));
            }
        }
    }

    /// <summary>The optimiser's class, which members must share.</summary>
    public string Kind { get; }

    /// <summary>The tensors that exist now.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Tensors
    {
        get
        {
            foreach (var (name, _, state) in _states)
            {
                foreach (var member in Fields(state))
                {
                    if (member.GetValue(state) is Tensor tensor)
                    {
                        yield return (NameOf(name, member), tensor);
                    }
                }
            }
        }
    }

    /// <summary>The numbers, as JSON.</summary>
    public byte[] SaveNumbers()
    {
        var numbers = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, _, state) in _states)
        {
            foreach (var field in Fields(state))
            {
                if (field.GetValue(state) is IFormattable number and (long or double))
                {
                    numbers[NameOf(name, field)] = number.ToString("R", CultureInfo.InvariantCulture);
                }
            }
        }

        return JsonSerializer.SerializeToUtf8Bytes(numbers);
    }

    /// <summary>Takes over saved numbers.</summary>
    public void LoadNumbers(ReadOnlySpan<byte> saved)
    {
        var numbers = JsonSerializer.Deserialize<Dictionary<string, string>>(saved) ?? [];
        foreach (var (name, _, state) in _states)
        {
            foreach (var field in Fields(state))
            {
                if (field.FieldType != typeof(long) && field.FieldType != typeof(double))
                {
                    continue;
                }

                var key = NameOf(name, field);
                if (!numbers.TryGetValue(key, out var text))
                {
                    throw new InputException($"the saved state lacks '{key}': it belongs to another optimiser");
                }

                field.SetValue(state, Convert.ChangeType(text, field.FieldType, CultureInfo.InvariantCulture));
            }
        }
    }

    /// <summary>Makes exactly these tensors exist, so that a saved state can be written into them.</summary>
    public void Shape(IReadOnlySet<string> names)
    {
        using var mode = no_grad();
        foreach (var (name, parameter, state) in _states)
        {
            foreach (var field in Fields(state).Where(field => field.FieldType == typeof(Tensor)))
            {
                var wanted = names.Contains(NameOf(name, field));
                var tensor = (Tensor?)field.GetValue(state);
                if (wanted && tensor is null)
                {
                    field.SetValue(state, zeros_like(parameter).DetachFromDisposeScope());
                }
                else if (!wanted && tensor is not null)
                {
                    tensor.Dispose();
                    field.SetValue(state, null);
                }
            }
        }
    }

    private static IEnumerable<FieldInfo> Fields(OptimizerState state) =>
        state.GetType().GetFields(BindingFlags.Public | BindingFlags.Instance).OrderBy(field => field.Name, StringComparer.Ordinal);

    private static string NameOf(string parameter, FieldInfo field) => $"optimizer.{parameter}.{field.Name}";
}
