using System.CommandLine;
using System.Runtime.InteropServices;
using Crossnode.Cli.Training;
using Crossnode.Protocol.Wire;

namespace Crossnode.Cli.Commands;

/// <summary>crossnode version: what this build is, and whether it can train here.</summary>
internal static class VersionCommand
{
    public static Command Create(CommandContext context)
    {
        var command = new Command("version", "Print the versions of this program and of its protocol, and whether it can train here.");
        command.SetAction(_ =>
        {
            var output = context.Streams.Out;
            output.WriteLine($"crossnode {ProgramVersion.Text}");
            output.WriteLine($"protocol {Preamble.CurrentMajor}.{Preamble.CurrentMinor}");
            output.WriteLine($"runtime {RuntimeInformation.FrameworkDescription} on {TorchLibrary.PortableIdentifier()}");
            output.WriteLine(TorchLibrary.Find() is { } path
                ? $"libtorch {path}"
                : $"libtorch none for {TorchLibrary.PortableIdentifier()}: crossnode train and sample need one of {TorchLibrary.Systems}");
            return ExitCodes.Success;
        });
        return command;
    }
}
