namespace Crossnode.Training.Files;

/// <summary>A file that appears under its name whole, or not at all; what had that name before stays until then.</summary>
public sealed class AtomicFile : IDisposable
{
    private readonly string _path;
    private readonly string _temporary;

    /// <summary>Opens a temporary file beside the target, so that the rename stays within one file system.</summary>
    public AtomicFile(string path)
    {
        _path = Path.GetFullPath(path);
        _temporary = $"{_path}.{Environment.ProcessId}.writing";
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        Stream = new FileStream(_temporary, FileMode.Create, FileAccess.ReadWrite, FileShare.None);
    }

    /// <summary>Where the content goes.</summary>
    public FileStream Stream { get; }

    /// <summary>Flushes to the disk and renames; a crash before leaves the old file.</summary>
    public void Commit()
    {
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        File.Move(_temporary, _path, overwrite: true);
    }

    /// <summary>Removes the temporary file when <see cref="Commit"/> did not run.</summary>
    public void Dispose()
    {
        try
        {
            // What is buffered may find no room on the disk.
            Stream.Dispose();
        }
        finally
        {
            File.Delete(_temporary);
        }
    }
}
