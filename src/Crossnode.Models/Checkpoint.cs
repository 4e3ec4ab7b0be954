using System.Globalization;
using Crossnode.Core.Errors;
using Crossnode.Training.Files;
using TorchSharp.PyBridge;

namespace Crossnode.Models;

/// <summary>A trained <see cref="Gpt"/> in a safetensors file, with its shape and step in the file's metadata.</summary>
/// <remarks>
/// Metadata keys, all text: format ("pt"), crossnode.format (the version), crossnode.model ("gpt"), crossnode.layers,
/// crossnode.heads, crossnode.width, crossnode.context, crossnode.seed, crossnode.step. PyTorch reads the tensors under
/// nanoGPT's names.
/// </remarks>
public static class Checkpoint
{
    private const string Prefix = "crossnode.";
    private const int FormatVersion = 1;

    /// <summary>Writes the model. The file appears whole or not at all; an older one under that name stays until then.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Save(string path, Gpt model, long step)
    {
        try
        {
            using var tensors = new MemoryStream();
            model.save_safetensors(tensors, leaveOpen: true);
            tensors.Position = 0;
            using var file = new AtomicFile(path);
            SafetensorsHeader.CopyWithMetadata(tensors, file.Stream, MetadataOf(model.Options, step));
            file.Commit();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"The checkpoint {path} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Reads weights into a model of the same shape, in place.</summary>
    /// <returns>The step after which the checkpoint was written.</returns>
    /// <exception cref="InputException">It is cut short, no checkpoint, or of another model; the model is as it was.</exception>
    public static long Load(string path, Gpt model)
    {
        using var stream = Open(path);
        var (header, options, step) = Read(path, stream);
        var wanted = model.Options with { Seed = options.Seed };
        if (options != wanted)
        {
            throw new InputException($"The checkpoint {path} is of another model: it has {Shape(options)}, this run {Shape(wanted)}. Use its values, or another checkpoint.");
        }
        LoadTensors(path, stream, header, model);
        return step;
    }

    /// <summary>Makes the model that a checkpoint holds.</summary>
    /// <exception cref="InputException">It is cut short or no checkpoint of a <see cref="Gpt"/>.</exception>
    public static (Gpt Model, long Step) Load(string path)
    {
        using var stream = Open(path);
        var (header, options, step) = Read(path, stream);
        var model = new Gpt(options);
        try
        {
            LoadTensors(path, stream, header, model);
            return (model, step);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static void LoadTensors(string path, FileStream stream, SafetensorsHeader header, Gpt model)
    {
        // Checked before the first byte is copied, so that a refused checkpoint changes nothing.
        var parameters = model.named_parameters().ToList();
        foreach (var (name, parameter) in parameters)
        {
            var bytes = parameter.numel() * sizeof(float);
            if (!header.Tensors.TryGetValue(name, out var tensor) || tensor.Type != "F32" || !tensor.Shape.AsSpan().SequenceEqual(parameter.shape)
                || tensor.Start < 0 || tensor.End - tensor.Start != bytes)
            {
                throw new InputException($"The checkpoint {path} is of another model or damaged: its tensor {name} is missing or has another shape. Use another one.");
            }
        }
        if (header.Tensors.Count != parameters.Count)
        {
            throw new InputException($"The checkpoint {path} is of another model: it has {header.Tensors.Count} tensors, this one has {parameters.Count}. Use another one.");
        }
        stream.Position = 0;
        model.load_safetensors(stream, strict: true, leaveOpen: true);
    }

    private static FileStream Open(string path)
    {
        try
        {
            return File.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"The checkpoint {path} cannot be read: {e.Message}", e);
        }
    }

    private static (SafetensorsHeader Header, GptOptions Options, long Step) Read(string path, FileStream stream)
    {
        SafetensorsHeader header;
        try
        {
            header = SafetensorsHeader.Read(stream);
        }
        catch (InvalidDataException e)
        {
            throw new InputException($"The checkpoint {path} {e.Message}: use another one.", e);
        }
        if (stream.Length != header.DataStart + header.DataBytes)
        {
            throw new InputException(
                $"The checkpoint {path} is cut short or damaged: it has {stream.Length} bytes and should have {header.DataStart + header.DataBytes}. Use another one.");
        }
        if (header.Metadata.GetValueOrDefault(Prefix + "model") != "gpt")
        {
            throw new InputException($"The checkpoint {path} is not one of Crossnode's language models: use one that `crossnode train` wrote.");
        }
        var version = Number(header, path, "format");
        if (version != FormatVersion)
        {
            throw new InputException($"The checkpoint {path} has format {version}, this program reads {FormatVersion}: use the version of Crossnode that wrote it.");
        }
        var options = new GptOptions
        {
            Layers = Small(header, path, "layers"),
            Heads = Small(header, path, "heads"),
            Width = Small(header, path, "width"),
            Context = Small(header, path, "context"),
            Seed = (ulong)Number(header, path, "seed"),
        };
        options.Validate();
        return (header, options, Number(header, path, "step"));
    }

    private static Dictionary<string, string> MetadataOf(GptOptions options, long step) => new()
    {
        ["format"] = "pt",
        [Prefix + "format"] = Text(FormatVersion),
        [Prefix + "model"] = "gpt",
        [Prefix + "layers"] = Text(options.Layers),
        [Prefix + "heads"] = Text(options.Heads),
        [Prefix + "width"] = Text(options.Width),
        [Prefix + "context"] = Text(options.Context),
        [Prefix + "seed"] = Text((long)options.Seed),
        [Prefix + "step"] = Text(step),
    };

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Shape(GptOptions options) =>
        $"{options.Layers} layers, {options.Heads} heads, width {options.Width}, context {options.Context}";

    private static int Small(SafetensorsHeader header, string path, string key)
    {
        const int Largest = 1 << 20;
        var number = Number(header, path, key);
        return number is >= 1 and <= Largest ? (int)number : throw Damaged(path, key);
    }

    private static long Number(SafetensorsHeader header, string path, string key) =>
        long.TryParse(header.Metadata.GetValueOrDefault(Prefix + key), CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Damaged(path, key);

    private static InputException Damaged(string path, string key) =>
        new($"The checkpoint {path} is damaged: its {Prefix}{key} is missing or no usable number. Use another one.");
}
