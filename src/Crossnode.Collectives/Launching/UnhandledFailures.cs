using System.Diagnostics;
using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Launching;

/// <summary>Lets a program that does not catch this library's failures end with their sentence, not with a stack trace and SIGABRT.</summary>
/// <remarks>Only of <see cref="CrossnodeException"/>: an exception of anybody else ends the process as it always did.</remarks>
internal static class UnhandledFailures
{
    /// <summary>An AppContext switch: when it is true, nothing is done about unhandled exceptions.</summary>
    public const string OptOut = "Crossnode.KeepUnhandledExceptions";

    private static int _isWatching;

    /// <summary>Starts it, once for the process.</summary>
    public static void EndWithTheirSentence()
    {
        if (Interlocked.Exchange(ref _isWatching, 1) == 0)
        {
            AppDomain.CurrentDomain.UnhandledException += (_, unhandled) => End(unhandled.ExceptionObject);
        }
    }

    private static void End(object exception)
    {
        var isOptedOut = AppContext.TryGetSwitch(OptOut, out var isOn) && isOn;
        if (exception is CrossnodeException failure && !isOptedOut && !Debugger.IsAttached)
        {
            Console.Error.WriteLine($"crossnode: {failure.Message}");
            Environment.Exit(WorkerExitCodes.Of(failure));
        }
    }
}
