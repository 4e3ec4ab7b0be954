using System.Diagnostics.CodeAnalysis;

namespace Crossnode.Core.Errors;

/// <summary>Checks of our own reasoning. They stay on in release builds: a wrong number is worse than a stopped run.</summary>
public static class Invariant
{
    /// <summary>Throws when the condition does not hold.</summary>
    public static void Check([DoesNotReturnIf(false)] bool condition, string text)
    {
        if (!condition)
        {
            Fail(text);
        }
    }

    /// <summary>Throws always.</summary>
    [DoesNotReturn]
    public static void Fail(string text) => throw new InvariantException(text);
}

/// <summary>A bug in this library: the state is not what the code relies on.</summary>
public sealed class InvariantException(string text)
    : Exception($"{text}. This is a bug in Crossnode: please report it with the log.");
