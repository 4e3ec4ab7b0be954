using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// libtorch's default generator and its thread count belong to the process.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Crossnode.Torch.Tests;

/// <summary>A test that needs libtorch; skipped where no native package exists for the system.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TorchFactAttribute : FactAttribute
{
    public TorchFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        Skip = Libtorch.SkipReason;
        SkipType = typeof(Libtorch);
        SkipUnless = nameof(Libtorch.Exists);
    }
}

/// <summary>A theory that needs libtorch; skipped where no native package exists for the system.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TorchTheoryAttribute : TheoryAttribute
{
    public TorchTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        Skip = Libtorch.SkipReason;
        SkipType = typeof(Libtorch);
        SkipUnless = nameof(Libtorch.Exists);
    }
}

/// <summary>The systems for which eng/Libtorch.props references a native package.</summary>
public static class Libtorch
{
    public const string SkipReason = "No native libtorch package exists for this system.";

    public static bool Exists => (RuntimeInformation.OSArchitecture, OperatingSystem.IsMacOS(), OperatingSystem.IsLinux() || OperatingSystem.IsWindows()) switch
    {
        (Architecture.X64, _, true) => true,
        (Architecture.Arm64, true, _) => true,
        _ => false,
    };
}
