using System.Globalization;
using System.Runtime.InteropServices;
using Crossnode.Core;
using Microsoft.Win32.SafeHandles;

namespace Crossnode.Transport;

/// <summary>A file made to be shared. It has a name only until the other process has it open.</summary>
internal sealed class SharedMemoryFile : IDisposable
{
    private const int OwnerOnly = 0x180;
    private readonly string _path;
    private readonly FileStream _file;

    private SharedMemoryFile(string path, FileStream file) => (_path, _file) = (path, file);

    public string Name => Path.GetFileName(_path);

    public SafeFileHandle Handle => _file.SafeFileHandle;

    /// <summary>Makes a file of the layout's size with all its memory; null and the reason when that cannot be had.</summary>
    public static SharedMemoryFile? TryCreate(
        string directory, IRandomSource random, SharedMemoryLayout layout, out string? why)
    {
        var path = Path.Combine(directory, SharedMemoryName.Create(random));
        FileStream stream;
        try
        {
            stream = new FileStream(path, CreateOptions());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            why = $"no file can be made in {directory}: {e.Message}";
            return null;
        }

        // Pages that are only promised would end the process by a signal when they are not there on first use.
        var file = new SharedMemoryFile(path, stream);
        var error = Libc.Allocate(file.Handle, layout.FileBytes);
        if (error == 0)
        {
            why = null;
            return file;
        }

        file.Dispose();
        why = error == Libc.NoSpace
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{directory} has no room for {layout.FileBytes >> 10} KiB: make it larger (with containers: --shm-size), or choose smaller rings")
            : $"{directory} gives no memory: {Marshal.GetPInvokeErrorMessage(error)}";
        return null;
    }

    /// <summary>Opens what another process has made; null and the reason when it is not what it should be.</summary>
    public static SafeFileHandle? TryOpen(string directory, string name, SharedMemoryLayout layout, out string? why)
    {
        why = null;
        if (!SharedMemoryName.TryParse(name, out _, out _))
        {
            why = "it names a file that no process of this kind makes";
            return null;
        }

        // Not blocking: a pipe under this name must not hold the caller up before it is refused.
        var file = Libc.Open(
            Path.Combine(directory, name), Libc.ReadWrite | Libc.NoFollow | Libc.CloseOnExec | Libc.NonBlocking);
        if (file.IsInvalid)
        {
            why = $"{directory}/{name} cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}";
        }
        else if (Libc.FactsOf(file) is not { } facts
            || !facts.IsRegular || facts.Links != 1 || facts.Owner != Libc.EffectiveUser()
            || facts.Rights != OwnerOnly || facts.Size != (ulong)layout.FileBytes)
        {
            why = $"{directory}/{name} is not a file of this user alone and of the size that was said";
        }

        if (why is null)
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    /// <summary>Removes what processes of this user have left that died between making a file and sharing it.</summary>
    public static void Sweep(string directory)
    {
        try
        {
            foreach (var path in Directory.EnumerateFiles(directory, SharedMemoryName.Prefix + "*"))
            {
                if (SharedMemoryName.TryParse(Path.GetFileName(path), out var id, out var started)
                    && SharedMemoryName.StartOf(id) != started)
                {
                    TryRemove(path);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No directory, or not for this user: then nothing was left there either.
        }
    }

    public void Dispose()
    {
        try
        {
            // Gone already only if someone else removed it.
            File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }

        _file.Dispose();
    }

    private static FileStreamOptions CreateOptions()
    {
        // Not shared: the lock that comes with it tells a sweeper in another container that the file is in use.
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    private static void TryRemove(string path)
    {
        using var file = Libc.Open(path, Libc.ReadWrite | Libc.NoFollow | Libc.CloseOnExec | Libc.NonBlocking);
        if (!file.IsInvalid && Libc.FactsOf(file) is { IsRegular: true } facts && facts.Owner == Libc.EffectiveUser()
            && Libc.TryLock(file))
        {
            File.Delete(path);
        }
    }
}
