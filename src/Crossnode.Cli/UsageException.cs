namespace Crossnode.Cli;

/// <summary>The command line or the configuration is wrong; the text is one sentence, and the exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
