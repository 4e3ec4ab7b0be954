using Microsoft.Build.Framework;

namespace Crossnode.NativeMend;

/// <summary>The build task around <see cref="VersionMend"/>: mends each of the libraries, or says why not.</summary>
public sealed class MendNativeLibraries : Microsoft.Build.Utilities.Task
{
    /// <summary>Copies of libLibTorchSharp.so in output folders.</summary>
    [Required]
    public ITaskItem[] Libraries { get; set; } = [];

    /// <summary>Mends also where this system's libstdc++ would do: for copies that travel. False unless set.</summary>
    public bool Always { get; set; }

    /// <inheritdoc />
    public override bool Execute()
    {
        var directories = SystemLibraries.LoaderDirectories(Environment.GetEnvironmentVariable("LD_LIBRARY_PATH")).ToList();
        foreach (var library in Libraries)
        {
            Mend(library.GetMetadata("FullPath"), directories);
        }
        return !Log.HasLoggedErrors;
    }

    private void Mend(string path, List<string> directories)
    {
        try
        {
            var outcome = Always ? VersionMend.Apply(path) : VersionMend.Apply(path, directories);
            switch (outcome.Status)
            {
                case MendStatus.Mended:
                    Log.LogMessage(MessageImportance.High, outcome.Text);
                    break;
                case MendStatus.Unreadable:
                    Log.LogWarning(null, "CN0001", null, path, 0, 0, 0, 0, outcome.Text);
                    break;
                default:
                    Log.LogMessage(MessageImportance.Low, outcome.Text);
                    break;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.LogError(null, "CN0002", null, path, 0, 0, 0, 0, $"Cannot mend {path}: {e.Message} Make the folder writable and build again.");
        }
    }
}
