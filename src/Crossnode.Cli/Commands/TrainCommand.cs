using System.CommandLine;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Training;

namespace Crossnode.Cli.Commands;

/// <summary>crossnode train: begins the training of a GPT over bytes.</summary>
internal static class TrainCommand
{
    public static Command Create(CommandContext context)
    {
        var command = new Command("train", "Train a small GPT on text, on several worker processes of this machine.");
        var file = new Option<string>("--config") { Description = "JSON file with any of the flags below as keys; flags win", HelpName = "FILE" };
        var json = CommonOptions.Json();
        var plain = new Option<bool>("--plain") { Description = "print lines where a table would be drawn" };
        command.Add(file);
        var flags = CommonOptions.Of(TrainSettings.All, new TrainConfiguration());
        foreach (var (_, option) in flags)
        {
            command.Add(option);
        }
        command.Add(json);
        command.Add(plain);
        command.SetAction(async (parsed, _) =>
        {
            var configuration = new TrainConfiguration();
            if (parsed.GetValue(file) is { } path)
            {
                configuration = ConfigurationFile.Read(path, configuration, TrainSettings.All);
            }
            var resumed = flags.Apply(parsed, configuration).Resume is { Length: > 0 } folder ? Resumption.Of(folder) : null;
            configuration = flags.Apply(parsed, resumed is null ? configuration : resumed.Base(configuration));
            resumed?.Check(configuration);
            configuration = configuration.Validated();
            configuration.RequireEffect(flags.Given(parsed));
            DataFlag.Check(configuration.Data);
            using var logs = CommandContext.CreateLogs(CommonOptions.LogLevel(parsed));
            if (configuration.Network().Remote is { } remote)
            {
                RunDoor.RequireNew(remote, context.Clock.Time);
            }
            return await TrainingLaunch.RunAsync(
                context, configuration, joined: null, resumed, parsed.GetValue(json), parsed.GetValue(plain), parsed.GetValue(CommonOptions.Verbose), logs.CreateLogger("Crossnode.Coordinator"));
        });
        return command;
    }
}
