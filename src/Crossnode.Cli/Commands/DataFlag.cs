using Crossnode.Core.Errors;
using Crossnode.Models.Text;

namespace Crossnode.Cli.Commands;

/// <summary>What --data names, looked at before anything starts.</summary>
internal static class DataFlag
{
    /// <summary>Refuses files that are missing, unreadable or too short; what none names is the default corpus.</summary>
    /// <exception cref="UsageException">The text says which.</exception>
    public static void Check(IReadOnlyList<string> patterns)
    {
        if (patterns.Count == 0)
        {
            return;
        }
        try
        {
            Corpus.Check(patterns);
        }
        catch (InputException exception)
        {
            throw new UsageException(exception.Message);
        }
    }
}
