using System.Globalization;
using Crossnode.Core.Errors;
using Crossnode.TorchSharp.State;
using Crossnode.Training.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp;

/// <summary>Stopping a run and going on with it later, to the bit.</summary>
public sealed partial class DistributedTrainer
{
    private const int StateFormat = 1;
    private const string Prefix = "crossnode.";

    /// <summary>Writes all that this member needs to go on from here: between two steps.</summary>
    /// <remarks>
    /// Parameters, module buffers, the optimiser's and the strategy's state, what the loop carries, this process's random
    /// stream. Each member writes a file of its own: with local steps their states differ, and random streams always do.
    /// The file is a safetensors file with a checksum that appears whole or not at all.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="metadata">Texts of the caller; keys that begin with "crossnode." are taken.</param>
    /// <exception cref="InputException">It cannot be written; an older file is as it was.</exception>
    public void Save(string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        Enter(0);
        try
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            _state.Download();
            using var randomStream = PackedTensors.Pack([("random", torch.random.get_rng_state())]);
            var tensors = _state.Tensors(withLocal: true)
                .Select(tensor => new StateFileTensor(tensor.Name, tensor.Buffer))
                .Append(new StateFileTensor("random", randomStream.AsTensorBuffer()))
                .ToList();
            var texts = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>())
            {
                [Prefix + "state"] = Text(StateFormat),
                [Prefix + "module"] = _membership.Model,
                [Prefix + "step"] = Text(_step),
                [Prefix + "version"] = Text(_membership.Version),
                [Prefix + "numbers"] = Convert.ToBase64String(_state.SaveNumbers(withLocal: true)),
                [Prefix + "strategy"] = Convert.ToBase64String(_strategy.State.Save()),
            };
            foreach (var (name, saved) in _membership.SaveCarried())
            {
                texts[Prefix + "carried." + name] = Convert.ToBase64String(saved);
            }

            StateFile.Save(path, tensors, texts);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>Goes on from a file that <see cref="Save"/> wrote, instead of from the start.</summary>
    /// <remarks>
    /// Call it on all members before the first step, and <see cref="Carry"/> afterwards. With as many members as before the
    /// losses are the same to the bit as without the pause. The learning rate stays the caller's.
    /// </remarks>
    /// <returns>The texts that were saved with it.</returns>
    /// <exception cref="InputException">It is no such file, damaged, of another version, module or strategy; nothing has changed.</exception>
    /// <exception cref="InvalidOperationException">A step has been taken, or this member joined a run that had begun.</exception>
    public IReadOnlyDictionary<string, string> Load(string path)
    {
        Enter(0);
        try
        {
            if (_step > 0)
            {
                throw new InvalidOperationException("a saved state is loaded before the first step, and not by a member that joins a run");
            }

            using var scope = NewDisposeScope();
            using var mode = no_grad();
            var file = StateFile.Open(path);
            var texts = file.Metadata;
            var format = Number(file, "state");
            if (format != StateFormat)
            {
                throw new InputException(
                    $"The checkpoint {path} has format {format}, this program reads {StateFormat}: use the version of Crossnode that wrote it.");
            }

            if (texts.GetValueOrDefault(Prefix + "module") != _membership.Model)
            {
                throw new InputException(
                    $"The checkpoint {path} is of another module, optimiser or strategy ({texts.GetValueOrDefault(Prefix + "module")}, here "
                    + $"{_membership.Model}): use its values, or another checkpoint.");
            }

            var step = Number(file, "step");
            var version = Number(file, "version");
            var (numbers, strategy) = (Bytes(file, "numbers"), Bytes(file, "strategy"));
            _strategy.State.Load(strategy);
            _state.Shape(file.Names.ToHashSet(), withLocal: true);
            foreach (var tensor in _state.Tensors(withLocal: true))
            {
                file.Read(tensor.Name, tensor.Buffer);
            }

            _state.Upload(numbers, withLocal: true);
            RestoreRandom(file);
            _step = step;
            _membership.Begin(_membership.Level, version);
            _received = texts
                .Where(entry => entry.Key.StartsWith(Prefix + "carried.", StringComparison.Ordinal))
                .ToDictionary(entry => entry.Key[(Prefix + "carried.").Length..], entry => Convert.FromBase64String(entry.Value));
            return texts;
        }
        catch (FormatException damaged)
        {
            throw new InputException($"The checkpoint {path} is damaged: {damaged.Message} Use another one.", damaged);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private static void RestoreRandom(StateFile file)
    {
        using var now = torch.random.get_rng_state();
        using var packed = PackedTensors.Pack([("random", now)]);
        file.Read("random", packed.AsTensorBuffer());
        PackedTensors.Unpack(packed, [("random", now)]);
        torch.random.set_rng_state(now);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static long Number(StateFile file, string key) =>
        long.TryParse(file.Metadata.GetValueOrDefault(Prefix + key), CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new InputException(
                $"The checkpoint {file.Path} holds no state to go on from (it lacks {Prefix}{key}): use a file that was written for that.");

    private static byte[] Bytes(StateFile file, string key) =>
        Convert.FromBase64String(file.Metadata.GetValueOrDefault(Prefix + key) ?? "");
}
