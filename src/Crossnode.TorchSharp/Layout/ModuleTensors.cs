using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Crossnode.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.Layout;

/// <summary>What a module consists of: each tensor once, in the order of registration.</summary>
internal sealed unsafe class ModuleTensors
{
    private readonly nn.Module _module;
    private readonly Parameter[] _registered;

    public ModuleTensors(nn.Module module, optim.Optimizer optimizer)
    {
        _module = module;
        _registered = [.. module.parameters()];
        var all = new List<(string Name, Parameter Parameter)>();
        foreach (var (name, parameter) in module.named_parameters())
        {
            // A tied weight is one object under two names.
            if (!all.Exists(p => ReferenceEquals(p.Parameter, parameter)))
            {
                all.Add((name, parameter));
            }
        }

        CheckMemory(all);
        Trainable = [.. all.Where(p => p.Parameter.requires_grad)];
        Frozen = [.. all.Where(p => !p.Parameter.requires_grad)];
        if (Trainable.Length == 0)
        {
            throw new ArgumentException("the module has no parameter that requires a gradient", nameof(module));
        }

        foreach (var (name, parameter) in Trainable)
        {
            if (TensorMemory.ElementTypeOf(parameter.dtype) is null)
            {
                throw new ArgumentException(
                    $"parameter '{name}' is {parameter.dtype}: averages exist for Float16, BFloat16, Float32 and Float64",
                    nameof(module));
            }

            if (parameter.device.ToString() != Trainable[0].Parameter.device.ToString())
            {
                throw new ArgumentException(
                    $"parameter '{name}' is on {parameter.device}, '{Trainable[0].Name}' on {Trainable[0].Parameter.device}: "
                    + "put the module on one device",
                    nameof(module));
            }
        }

        if (optimizer.parameters().FirstOrDefault(p => !all.Exists(a => ReferenceEquals(a.Parameter, p))) is { } stranger)
        {
            throw new ArgumentException(
                $"the optimiser holds a parameter of shape [{string.Join(", ", stranger.shape)}] that is not in the module: pass "
                + "the module that holds all, and create the optimiser after moving or converting it",
                nameof(optimizer));
        }
    }

    /// <summary>Parameters that require a gradient.</summary>
    public (string Name, Parameter Parameter)[] Trainable { get; }

    /// <summary>The other parameters.</summary>
    public (string Name, Parameter Parameter)[] Frozen { get; }

    /// <summary>The buffers as they are now: layers may replace them in a forward pass.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Buffers => _module.named_buffers();

    /// <summary>Throws when the module is not what it was: converted, moved, or with something thawed.</summary>
    public void CheckUnchanged()
    {
        if (!_module.parameters().SequenceEqual(_registered, ReferenceEqualityComparer.Instance))
        {
            throw new InvalidOperationException(
                "the module's parameters are other objects than when Distribute was called: move, convert or extend the module "
                + "before Distribute and before the optimiser is made");
        }

        foreach (var (name, parameter) in Frozen)
        {
            if (parameter.requires_grad)
            {
                throw new InvalidOperationException(
                    $"parameter '{name}' was frozen when Distribute was called and requires a gradient now: dispose the trainer "
                    + "and call Distribute again, on all members");
            }
        }
    }

    /// <summary>A digest of names, shapes and types, by which members find that their models differ.</summary>
    public UInt128 Digest()
    {
        var hash = new XxHash128();
        foreach (var (kind, tensors) in new[] { ('t', Trainable), ('f', Frozen) })
        {
            foreach (var (name, parameter) in tensors)
            {
                Append(hash, kind, name, parameter);
            }
        }

        foreach (var (name, tensor) in Buffers)
        {
            Append(hash, 'b', name, tensor);
        }

        return hash.GetCurrentHashAsUInt128();
    }

    private static void Append(XxHash128 hash, char kind, string name, Tensor tensor) =>
        hash.Append(Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $"{kind}\0{name}\0{tensor.dtype}\0{string.Join(',', tensor.shape)}\n")));

    private static void CheckMemory(List<(string Name, Parameter Parameter)> all)
    {
        var names = new Dictionary<nint, string>();
        foreach (var (name, parameter) in all)
        {
            var address = (nint)TensorMemory.AddressOf(parameter);
            if (address != 0 && !names.TryAdd(address, name))
            {
                throw new ArgumentException(
                    $"'{names[address]}' and '{name}' share memory but are two Parameter objects: register one object under both "
                    + "names, or they would come apart");
            }
        }
    }
}
