using System.Buffers.Binary;
using Crossnode.Coordinator.Records;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Store;

namespace Crossnode.Coordinator.Tests;

/// <summary>Records in files: what is written, what is refused, and in which words.</summary>
[Trait("tier", "unit")]
public sealed class FileViewStoreTests : IDisposable
{
    private static readonly RunId Run = new(0x1122334455667788, 0x99AABBCCDDEEFF00);
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"crossnode-records-{Guid.NewGuid():N}");
    private readonly List<FileViewStore> _open = [];

    private string File0 => Path.Combine(_folder, $"{Run}.record");

    [Fact]
    public void What_was_written_is_read_again()
    {
        var store = Open();
        Assert.Null(store.Read());
        var record = RecordOf(1);
        store.Claim(record);
        Assert.Equal(1UL, record.Term);
        Assert.Equal(1UL, store.Write(RecordOf(2, term: 1)));
        store.Dispose();
        Assert.Equal(RecordOf(2, term: 1), Open().Read());
        Assert.Empty(Directory.GetFiles(_folder, "*.new"));
    }

    [Fact]
    public void Bytes_of_a_record_are_the_documented_ones()
    {
        Open().Claim(new RunRecord { Expected = 4 });
        var bytes = File.ReadAllBytes(File0);
        Assert.Equal("XNRR"u8.ToArray(), bytes[..4]);
        Assert.Equal(1, BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(4)));
        Assert.Equal(Run.High, BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8)));
        Assert.Equal(Run.Low, BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16)));
        Assert.Equal(4, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(24)));
        Assert.Equal("08011804", Convert.ToHexString(bytes[48..]));
    }

    [Fact]
    public void Second_coordinator_is_noticed_and_one_that_takes_over_deposes_the_first()
    {
        var first = Open();
        first.Claim(RecordOf(1));
        var text = Assert.Throws<InputException>(() => Open()).Message;
        Assert.Contains("another coordinator serves run", text, StringComparison.Ordinal);
        Assert.EndsWith("stop it first, or depose it with --take-over", text, StringComparison.Ordinal);
        var second = Open(takesOver: true);
        var record = second.Read()!;
        second.Claim(record);
        Assert.Equal(2UL, record.Term);
        Assert.Equal(2UL, first.Write(RecordOf(2, term: 1)));
        Assert.Equal(RecordOf(1, term: 2), first.Read());
        Assert.Equal(2UL, second.Write(RecordOf(2, term: 2)));
    }

    [Fact]
    public void Record_of_a_view_is_written_over_its_predecessor_only()
    {
        var store = Open();
        store.Claim(RecordOf(1));
        Assert.Contains("over which", Assert.Throws<InputException>(() => store.Write(RecordOf(3, term: 1))).Message, StringComparison.Ordinal);
        Assert.Equal(1UL, store.Write(RecordOf(2, term: 1)));
        Assert.Equal(1UL, store.Write(RecordOf(2, term: 1)));
    }

    [Theory]
    [InlineData(0, 1, "is not the record of a run")]
    [InlineData(5, 1, "has format")]
    [InlineData(10, 1, "is damaged")]
    [InlineData(30, 1, "is damaged")]
    [InlineData(40, 1, "is damaged")]
    [InlineData(60, 1, "is damaged")]
    public void Changed_byte_is_noticed_and_named(int offset, byte change, string words)
    {
        Written();
        var bytes = File.ReadAllBytes(File0);
        bytes[offset] ^= change;
        File.WriteAllBytes(File0, bytes);
        var text = Assert.Throws<InputException>(() => Open().Read()).Message;
        Assert.Contains(words, text, StringComparison.Ordinal);
        Assert.Contains(File0, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Cut_record_is_damaged_at_every_length()
    {
        Written();
        var bytes = File.ReadAllBytes(File0);
        var store = Open();
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(File0, bytes[..length]);
            Assert.Throws<InputException>(store.Read);
        }
    }

    [Fact]
    public void Record_that_vanished_is_not_written_anew()
    {
        var store = Open();
        store.Claim(RecordOf(1));
        File.Delete(File0);
        Assert.Contains("is gone", Assert.Throws<InputException>(() => store.Write(RecordOf(2, term: 1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Record_of_another_run_is_refused_by_name()
    {
        Written();
        var other = new RunId(1, 2);
        using var store = FileViewStore.Open(_folder, other);
        File.Copy(File0, store.Name);
        var text = Assert.Throws<InputException>(store.Read).Message;
        Assert.Contains($"is the record of run {Run}, not of run {other}", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_that_cannot_be_one_is_refused_by_name()
    {
        Directory.CreateDirectory(_folder);
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        Assert.Equal(
            $"the folder {file} cannot hold the record of a run: a file has that name",
            Assert.Throws<InputException>(() => FileViewStore.Open(file, Run)).Message);
    }

    [Fact]
    public void Folder_where_the_system_allows_none_is_refused_by_name()
    {
        Assert.SkipUnless(Directory.Exists("/proc/self"), "there is no /proc");
        Assert.Equal(
            "the folder /proc/records cannot hold the record of a run: the system does not allow files or folders there",
            Assert.Throws<InputException>(() => FileViewStore.Open("/proc/records", Run)).Message);
    }

    [Fact]
    public void Store_without_a_record_leaves_no_file_and_one_with_a_record_keeps_its_own()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows deletes no file that is open");
        Open().Dispose();
        Assert.Empty(Directory.GetFiles(_folder));
        using var owner = Open();
        Open(takesOver: true).Dispose();
        Assert.Contains("another coordinator serves run", Assert.Throws<InputException>(() => Open()).Message, StringComparison.Ordinal);
        owner.Claim(RecordOf(1));
        owner.Dispose();
        owner.Dispose();
        Assert.True(File.Exists(File0));
        Open().Dispose();
    }

    [Fact]
    public void Write_that_fails_leaves_the_old_record()
    {
        var store = Open();
        store.Claim(RecordOf(1));
        Directory.CreateDirectory($"{File0}.new");
        Assert.ThrowsAny<Exception>(() => store.Write(RecordOf(2, term: 1)));
        Assert.Equal(RecordOf(1, term: 1), store.Read());
        Directory.Delete($"{File0}.new");
        Assert.Equal(1UL, store.Write(RecordOf(2, term: 1)));
    }

    [Fact]
    public void Full_disk_is_named()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "there is no /dev/full");
        var store = Open();
        store.Claim(RecordOf(1));
        File.CreateSymbolicLink($"{File0}.new", "/dev/full");
        var failure = Assert.ThrowsAny<IOException>(() => store.Write(RecordOf(2, term: 1)));
        Assert.Contains("No space left", failure.Message, StringComparison.Ordinal);
        File.Delete($"{File0}.new");
        Assert.Equal(RecordOf(1, term: 1), store.Read());
    }

    public void Dispose()
    {
        _open.ForEach(store => store.Dispose());
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private void Written()
    {
        using var store = Open();
        store.Claim(RecordOf(1));
    }

    private FileViewStore Open(bool takesOver = false)
    {
        var store = FileViewStore.Open(_folder, Run, takesOver);
        _open.Add(store);
        return store;
    }

    private static RunRecord RecordOf(long epoch, ulong term = 0)
    {
        var view = new ViewRecord { Id = new ViewIdRecord { Epoch = epoch, Nonce = (ulong)epoch } };
        view.Predecessor = new ViewIdRecord { Epoch = epoch - 1, Nonce = (ulong)epoch - 1 };
        view.Members.Add(new MemberRecord { Id = 0, Incarnation = 1, Endpoint = "127.0.0.1:1", Joined = 1 });
        return new RunRecord { Term = term, View = view };
    }
}
