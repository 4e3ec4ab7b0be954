namespace Crossnode.Cli.Output;

/// <summary>Where a command writes: text for people, and what other programs read.</summary>
/// <param name="Out">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record CliStreams(TextWriter Out, TextWriter Error)
{
    /// <summary>Those of this process.</summary>
    public static CliStreams OfProcess() => new(Console.Out, Console.Error);
}
