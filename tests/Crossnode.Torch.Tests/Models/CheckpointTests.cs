using System.Buffers.Binary;
using System.Text.Json;
using Crossnode.Core.Errors;
using Crossnode.Models;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests.Models;

[Trait("tier", "unit")]
public sealed class CheckpointTests : IDisposable
{
    private static readonly GptOptions Tiny = new() { Layers = 2, Heads = 2, Width = 16, Context = 12, Seed = 7 };
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TorchFact]
    public void Saved_model_loads_equal_and_in_place()
    {
        using var model = new Gpt(Tiny);
        Checkpoint.Save(_folder["a.safetensors"], model, step: 42);
        using var other = new Gpt(Tiny with { Seed = 8 });
        var view = other.parameters().First().detach();

        Assert.Equal(42, Checkpoint.Load(_folder["a.safetensors"], other));

        AssertEqual(model, other);
        Assert.True(view.equal(model.parameters().First().detach()).all().item<bool>());
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [TorchFact]
    public void Checkpoint_alone_makes_the_model()
    {
        using var model = new Gpt(Tiny);
        Checkpoint.Save(_folder["a.safetensors"], model, step: 7);

        var (loaded, step) = Checkpoint.Load(_folder["a.safetensors"]);

        using (loaded)
        {
            Assert.Equal((7, Tiny), (step, loaded.Options));
            AssertEqual(model, loaded);
        }
    }

    [TorchFact]
    public void File_is_as_the_safetensors_format_says()
    {
        using var model = new Gpt(Tiny);
        Checkpoint.Save(_folder["a.safetensors"], model, step: 1);
        var file = File.ReadAllBytes(_folder["a.safetensors"]);

        var length = BinaryPrimitives.ReadInt64LittleEndian(file);
        Assert.Equal(0, length % 8);
        using var header = JsonDocument.Parse(file.AsMemory(8, (int)length));
        Assert.Equal("pt", header.RootElement.GetProperty("__metadata__").GetProperty("format").GetString());
        Assert.Equal("2", header.RootElement.GetProperty("__metadata__").GetProperty("crossnode.layers").GetString());
        var gain = header.RootElement.GetProperty("h.0.attn.c_attn.weight");
        Assert.Equal("F32", gain.GetProperty("dtype").GetString());
        Assert.Equal([48, 16], gain.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32()));
        var start = 8 + (int)length + gain.GetProperty("data_offsets")[0].GetInt32();
        var expected = model.named_parameters().Single(p => p.name == "h.0.attn.c_attn.weight").parameter.data<float>().First();
        Assert.Equal(expected, BinaryPrimitives.ReadSingleLittleEndian(file.AsSpan(start)));
        Assert.Equal(8 + length + (4 * model.ParameterCount), file.Length);
    }

    [TorchFact]
    public void Checkpoint_of_another_model_is_refused_and_changes_nothing()
    {
        using var model = new Gpt(Tiny);
        Checkpoint.Save(_folder["a.safetensors"], model, step: 1);
        using var other = new Gpt(Tiny with { Layers = 1 });
        using var reference = new Gpt(Tiny with { Layers = 1 });

        var error = Assert.Throws<InputException>(() => Checkpoint.Load(_folder["a.safetensors"], other));

        Assert.Contains("of another model", error.Message, StringComparison.Ordinal);
        Assert.Contains("2 layers", error.Message, StringComparison.Ordinal);
        AssertEqual(reference, other);
    }

    [TorchFact]
    public void Every_truncation_is_refused_in_a_sentence_and_changes_nothing()
    {
        using var model = new Gpt(Tiny);
        using var target = new Gpt(Tiny with { Seed = 9 });
        using var reference = new Gpt(Tiny with { Seed = 9 });
        Checkpoint.Save(_folder["a.safetensors"], model, step: 1);
        var file = File.ReadAllBytes(_folder["a.safetensors"]);
        int[] lengths = [0, 1, 7, 8, 9, 100, 1000, file.Length / 2, file.Length - 1];
        foreach (var length in lengths)
        {
            var error = Assert.Throws<InputException>(() => Checkpoint.Load(_folder.Write("cut.safetensors", file[..length]), target));
            Assert.Contains("cut short", error.Message, StringComparison.Ordinal);
        }
        AssertEqual(reference, target);
    }

    [TorchFact]
    public void Damaged_heads_are_refused_without_another_exception()
    {
        using var model = new Gpt(Tiny with { Layers = 1 });
        Checkpoint.Save(_folder["a.safetensors"], model, step: 1);
        var file = File.ReadAllBytes(_folder["a.safetensors"]);
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(file) + 8;
        for (var i = 0; i < header; i++)
        {
            var changed = (byte[])file.Clone();
            changed[i] ^= 0x15;
            try
            {
                Checkpoint.Load(_folder.Write("bad.safetensors", changed)).Model.Dispose();
            }
            catch (InputException)
            {
            }
        }
    }

    [TorchFact]
    public void Garbage_foreign_and_missing_files_are_refused_in_a_sentence()
    {
        using var model = new Gpt(Tiny);
        var foreign = JsonSerializer.SerializeToUtf8Bytes(new { w = new { dtype = "F32", shape = new[] { 1 }, data_offsets = new[] { 0, 4 } } });
        var file = new byte[8 + foreign.Length + 4];
        BinaryPrimitives.WriteInt64LittleEndian(file, foreign.Length);
        foreign.CopyTo(file, 8);

        Refused(_folder.Write("garbage", "these are words and no checkpoint"u8.ToArray()), "not a safetensors file", model);
        Refused(_folder.Write("foreign", file), "not one of Crossnode's", model);
        Refused(_folder["missing"], "cannot be read", model);
    }

    [TorchFact]
    public void Failed_save_leaves_the_old_checkpoint()
    {
        using var model = new Gpt(Tiny);
        Checkpoint.Save(_folder["a.safetensors"], model, step: 1);
        Directory.CreateDirectory(_folder["a.safetensors.d"]);

        Assert.Throws<InputException>(() => Checkpoint.Save(_folder["a.safetensors.d"], model, step: 2));

        Assert.Equal(1, Checkpoint.Load(_folder["a.safetensors"], model));
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(_folder.Path).Count());
    }

    private static void Refused(string path, string words, Gpt model)
    {
        var error = Assert.Throws<InputException>(() => Checkpoint.Load(path, model));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    private static void AssertEqual(Gpt expected, Gpt actual)
    {
        using var scope = NewDisposeScope();
        foreach (var ((name, parameter), other) in expected.named_parameters().Zip(actual.parameters()))
        {
            Assert.True(parameter.equal(other).all().item<bool>(), name);
        }
    }
}
