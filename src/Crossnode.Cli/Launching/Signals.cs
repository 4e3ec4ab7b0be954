using System.Runtime.InteropServices;

namespace Crossnode.Cli.Launching;

/// <summary>Sends signals to processes, where the system has signals.</summary>
internal static partial class Signals
{
    public const int Interrupt = 2;
    public const int Abort = 6;
    public const int Kill = 9;
    public const int Terminate = 15;

    /// <summary>Whether <see cref="Send"/> works here; on Windows a console sends Ctrl-C to all its processes itself.</summary>
    public static bool AreSupported => !OperatingSystem.IsWindows();

    /// <summary>Whether Ctrl-C in this terminal reaches the processes that this one started without its help.</summary>
    public static bool TerminalReachesChildren()
    {
        if (!AreSupported)
        {
            return true;
        }
        const int StandardInput = 0;
        return ForegroundGroup(StandardInput) is var foreground && foreground > 0 && foreground == OwnGroup();
    }

    /// <summary>Sends a signal; a process that has ended already is no error.</summary>
    public static void Send(int processId, int signal)
    {
        if (AreSupported)
        {
            _ = SendSignal(processId, signal);
        }
    }

    /// <summary>The name of a signal, as manuals spell it.</summary>
    public static string Name(int signal) => signal switch
    {
        1 => "SIGHUP",
        Interrupt => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        Abort => "SIGABRT",
        8 => "SIGFPE",
        Kill => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        Terminate => "SIGTERM",
        _ => $"signal {signal}",
    };

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "tcgetpgrp")]
    private static partial int ForegroundGroup(int descriptor);

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    private static partial int OwnGroup();
}
