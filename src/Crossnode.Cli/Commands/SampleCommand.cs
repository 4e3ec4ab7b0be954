using System.CommandLine;
using System.Runtime.CompilerServices;
using System.Text;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Training;
using Crossnode.Models;
using Setting = Crossnode.Cli.Configuration.Setting<Crossnode.Cli.Commands.SampleConfiguration>;

namespace Crossnode.Cli.Commands;

/// <summary>What crossnode sample can be told.</summary>
internal sealed record SampleConfiguration
{
    public string Checkpoint { get; init; } = "";

    public string Prompt { get; init; } = "";

    public int Bytes { get; init; } = 500;

    public double Temperature { get; init; } = 0.7;

    public int Seed { get; init; } = 1;
}

/// <summary>crossnode sample: lets a trained model write.</summary>
internal static class SampleCommand
{
    private static readonly IReadOnlyList<Setting> Settings =
    [
        Setting.Text("checkpoint", "model.safetensors of a training run", "FILE", c => c.Checkpoint, (c, v) => c with { Checkpoint = v }),
        Setting.Text("prompt", "how the text begins", "TEXT", c => c.Prompt, (c, v) => c with { Prompt = v }),
        Setting.Whole("bytes", "how much to write", 1, c => c.Bytes, (c, v) => c with { Bytes = v }),
        Setting.Real("temperature", "how daring: 0 always takes the likeliest byte", 0, 10, c => c.Temperature, (c, v) => c with { Temperature = v }),
        Setting.Whole("seed", "another seed, another text", 0, c => c.Seed, (c, v) => c with { Seed = v }),
    ];

    public static Command Create(CommandContext context)
    {
        var command = new Command("sample", "Let a trained model write text.");
        var flags = CommonOptions.Of(Settings, new SampleConfiguration());
        foreach (var (_, option) in flags)
        {
            command.Add(option);
        }
        command.SetAction(parsed =>
        {
            var configuration = flags.Apply(parsed, new SampleConfiguration());
            if (configuration.Checkpoint.Length == 0)
            {
                throw new UsageException("crossnode sample needs a trained model: --checkpoint runs/.../model.safetensors.");
            }
            if (!File.Exists(configuration.Checkpoint))
            {
                throw new UsageException(Directory.Exists(configuration.Checkpoint)
                    ? $"--checkpoint {configuration.Checkpoint} is a folder: name the model.safetensors in it."
                    : $"There is no file {configuration.Checkpoint}: name the model.safetensors that crossnode train wrote.");
            }
            TorchLibrary.Load(threads: Environment.ProcessorCount);
            context.Streams.Out.WriteLine(RunTexts.Printable(Write(configuration)));
            return ExitCodes.Success;
        });
        return command;
    }

    // A method of its own, so that TorchSharp is not looked for before TorchLibrary could say that it is missing.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static byte[] Write(SampleConfiguration configuration)
    {
        var prompt = Encoding.UTF8.GetBytes(configuration.Prompt);
        var (model, _) = Checkpoint.Load(configuration.Checkpoint);
        using (model)
        {
            return [.. prompt, .. model.Generate(prompt, configuration.Bytes, configuration.Temperature, (ulong)configuration.Seed)];
        }
    }
}
