using System.CommandLine;
using System.CommandLine.Parsing;
using Crossnode.Cli.Configuration;
using Microsoft.Extensions.Logging;

namespace Crossnode.Cli.Commands;

/// <summary>Flags that several commands have.</summary>
internal static class CommonOptions
{
    /// <summary>Shows where a failure came from.</summary>
    public static Option<bool> Verbose { get; } =
        new("--verbose") { Description = "show the stack trace of a failure, and more of the log", Recursive = true };

    /// <summary>Makes standard output one JSON object a line.</summary>
    public static Option<bool> Json() =>
        new("--json") { Description = "one JSON object a line on standard output, text for people on standard error" };

    /// <summary>The least important events that are logged.</summary>
    public static LogLevel LogLevel(ParseResult parsed) =>
        parsed.GetValue(Verbose) ? Microsoft.Extensions.Logging.LogLevel.Information : Microsoft.Extensions.Logging.LogLevel.Warning;

    /// <summary>Makes flags of settings, in their order.</summary>
    public static IReadOnlyList<(Setting<T> Setting, Option Option)> Of<T>(IReadOnlyList<Setting<T>> settings, T defaults)
        where T : class =>
        [.. settings.Select(setting => (setting, Flag(setting, defaults)))];

    /// <summary>Takes the flags that were given.</summary>
    /// <exception cref="UsageException">A value is not what it must be.</exception>
    public static T Apply<T>(this IReadOnlyList<(Setting<T> Setting, Option Option)> flags, ParseResult parsed, T configuration)
        where T : class
    {
        foreach (var (setting, option) in flags)
        {
            if (parsed.GetResult(option) is { Implicit: false } result)
            {
                var values = result.Tokens.Select(token => token.Value).ToArray();
                configuration = setting.Write(configuration, values is [] && setting.IsSwitch ? ["true"] : values);
            }
        }
        return configuration;
    }

    /// <summary>The keys of the flags that were given.</summary>
    public static IEnumerable<string> Given<T>(this IReadOnlyList<(Setting<T> Setting, Option Option)> flags, ParseResult parsed)
        where T : class =>
        flags.Where(flag => parsed.GetResult(flag.Option) is { Implicit: false }).Select(flag => flag.Setting.Key);

    private static Option Flag<T>(Setting<T> setting, T defaults)
        where T : class
    {
        // Values are read from the tokens by the setting itself, which words its errors like those of the file.
        Option option = setting.IsList
            ? new Option<string[]>(setting.Flag) { AllowMultipleArgumentsPerToken = true, Arity = ArgumentArity.OneOrMore }
            : new Option<string>(setting.Flag) { Arity = setting.IsSwitch ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne };
        var value = setting.Read(defaults).ToJsonString().Trim('"');
        option.Description = setting.Description + (value is "" or "[]" or "false" ? "" : $" [{value}]");
        option.HelpName = setting.ValueName;
        return option;
    }
}
