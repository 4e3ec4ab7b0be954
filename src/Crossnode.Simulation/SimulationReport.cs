using System.Globalization;
using System.Text;
using Crossnode.Protocol;

namespace Crossnode.Simulation;

/// <summary>Says in text what simulations gave.</summary>
public static class SimulationReport
{
    /// <summary>The command that runs one seed again.</summary>
    public static string Repro(long seed, ProtocolRules rules)
    {
        var text = new StringBuilder($"crossnode sim --first-seed {seed.ToString(CultureInfo.InvariantCulture)} --seeds 1");
        foreach (var rule in RulesWithout(rules))
        {
            text.Append(CultureInfo.InvariantCulture, $" --without {rule}");
        }

        return text.ToString();
    }

    /// <summary>What a seed violated, and the line to paste to see it again.</summary>
    public static string Describe(SimulationResult result, ProtocolRules rules)
    {
        ArgumentNullException.ThrowIfNull(result);
        var text = new StringBuilder();
        foreach (var violation in result.Violations)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"seed {result.Seed}: {violation}");
        }

        return text.Append("  again: ").Append(Repro(result.Seed, rules)).ToString();
    }

    /// <summary>The last line of a campaign.</summary>
    public static string Summarize(CampaignResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Seeds} seeds, {result.Failures.Count} with violations; {result.VirtualTime.TotalSeconds:0} s simulated in"
            + $" {result.WallTime.TotalSeconds:0.0} s, {result.SimulatedSecondsPerCpuSecond:0} s per CPU second");
    }

    /// <summary>A table of all states with how often each was met.</summary>
    public static string Table(Coverage coverage)
    {
        ArgumentNullException.ThrowIfNull(coverage);
        var text = new StringBuilder();
        foreach (var point in Coverage.Points)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{Words(point),-34}{coverage[point],12}");
        }

        return text.ToString();
    }

    /// <summary>The name of a state as words: "prepare while running".</summary>
    public static string Words(CoveragePoint point)
    {
        var text = new StringBuilder();
        foreach (var letter in point.ToString())
        {
            if (char.IsUpper(letter) && text.Length > 0)
            {
                text.Append(' ');
            }

            text.Append(char.ToLowerInvariant(letter));
        }

        return text.ToString();
    }

    private static IEnumerable<ProtocolRules> RulesWithout(ProtocolRules rules)
    {
        foreach (var rule in Enum.GetValues<ProtocolRules>())
        {
            if (System.Numerics.BitOperations.IsPow2((int)rule) && (rules & rule) == 0)
            {
                yield return rule;
            }
        }
    }
}
