using System.Runtime.InteropServices;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Store;
using Crossnode.Protocol.Views;
using Microsoft.Win32.SafeHandles;

namespace Crossnode.Coordinator.Records;

/// <summary>A run's record in a file: written beside it, flushed to the disk, renamed over it.</summary>
/// <remarks>
/// Two lock files lie beside it. The owner's is held by the coordinator that serves the run, so that a second one is noticed; whoever
/// takes over on purpose does without. The writer's is held during each change. The system frees both when a process dies. The folder
/// may be shared between machines if its file system carries such locks over.
/// </remarks>
public sealed partial class FileViewStore : IViewStore
{
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(20);

    private readonly RunId _run;
    private readonly TimeProvider _time;
    private readonly FileStream? _owner;

    private FileViewStore(string path, RunId run, TimeProvider time, FileStream? owner)
    {
        Name = path;
        _run = run;
        _time = time;
        _owner = owner;
    }

    /// <inheritdoc />
    public string Name { get; }

    /// <summary>Opens the record of a run in a folder, which is made if it is not there.</summary>
    /// <param name="folder">Where records lie, one for each run.</param>
    /// <param name="run">The run.</param>
    /// <param name="takesOver">Whether another coordinator that has it open is to be deposed; else that is an error.</param>
    /// <param name="time">The clock; null takes the system's.</param>
    /// <exception cref="InputException">The folder cannot be used, or another coordinator serves the run.</exception>
    public static FileViewStore Open(string folder, RunId run, bool takesOver = false, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var path = Path.Combine(folder, $"{run}.record");
        try
        {
            Directory.CreateDirectory(folder);
            var owner = TryLock($"{path}.owner");
            if (owner is null && !takesOver)
            {
                throw new InputException(
                    $"another coordinator serves run {run} from {path}: stop it first, or depose it with --take-over");
            }

            return new FileViewStore(path, run, time ?? TimeProvider.System, owner);
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or IOException)
        {
            var why = failure is UnauthorizedAccessException ? "this user may not write there"
                : File.Exists(folder) ? "a file has that name"
                : "the system does not allow files or folders there";
            throw new InputException($"the folder {folder} cannot hold the record of a run: {why}", failure);
        }
    }

    /// <inheritdoc />
    public RunRecord? Read()
    {
        try
        {
            return RecordFormat.Read(File.ReadAllBytes(Name), _run, Name);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or IOException)
        {
            throw new InputException($"the record {Name} cannot be read: {failure.Message}", failure);
        }
    }

    /// <inheritdoc />
    public void Claim(RunRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        using var writer = LockWriter();
        var stored = Read();
        if (stored?.View is { } view && record.View?.Id.ToId() != view.Id.ToId())
        {
            throw new InputException($"{Name} holds {view.Id.ToId()} by now; start the coordinator again, without making the record again");
        }

        record.Term = Math.Max(record.Term, (stored?.Term ?? 0) + 1);
        Replace(record);
    }

    /// <inheritdoc />
    public ulong Write(RunRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        using var writer = LockWriter();
        // Without it nobody knows whether another coordinator has taken over meanwhile.
        var stored = Read() ?? throw new InputException(
            $"{Name} is gone; stop this coordinator, and start one that makes the record again from the members");
        if (stored.Term > record.Term)
        {
            return stored.Term;
        }

        if (stored.View is { } view && record.View is { } next && view.Id.ToId() != next.Id.ToId() && view.Id.ToId() != next.Predecessor.ToId())
        {
            throw new InputException($"{Name} holds {view.Id.ToId()}, over which {next.Id.ToId()} cannot be written; nobody but its coordinator may change it");
        }

        Replace(record);
        return record.Term;
    }

    /// <summary>Frees the run for other coordinators, and leaves no file where there is no record.</summary>
    public void Dispose()
    {
        if (_owner is { CanRead: true } && !File.Exists(Name))
        {
            try
            {
                // While it is still held: afterwards it may be another coordinator's.
                File.Delete(_owner.Name);
            }
            catch (Exception failure) when (failure is UnauthorizedAccessException or IOException)
            {
                // Windows deletes no file that is open; an empty one does no harm.
            }
        }

        _owner?.Dispose();
    }

    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException locked) when (locked is not (DirectoryNotFoundException or PathTooLongException) && File.Exists(path))
        {
            return null;
        }
    }

    private FileStream LockWriter()
    {
        var start = _time.GetTimestamp();
        using var pause = new ManualResetEventSlim();
        while (_time.GetElapsedTime(start) < LockTimeout)
        {
            if (TryLock($"{Name}.writer") is { } writer)
            {
                return writer;
            }

            pause.Wait(LockPause);
        }

        throw new DeadlineException($"another process has been writing {Name} for {LockTimeout.TotalSeconds:0} s");
    }

    private void Replace(RunRecord record)
    {
        var fresh = $"{Name}.new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            file.Write(RecordFormat.ToBytes(_run, record));
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, Name, overwrite: true);
        FlushFolder(Path.GetDirectoryName(Path.GetFullPath(Name))!);
    }

    // The rename itself is durable only once the folder is; Windows does that by itself.
    private static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        const int ReadOnly = 0;
        using var handle = OpenFolder(folder, ReadOnly);
        if (handle.IsInvalid || Flush(handle) != 0)
        {
            throw new IOException($"the folder {folder} cannot be flushed to the disk (error {Marshal.GetLastPInvokeError()})");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle OpenFolder(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(SafeFileHandle folder);
}
