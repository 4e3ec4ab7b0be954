using System.Text;
using Crossnode.Core.Errors;
using Crossnode.Models.Text;

namespace Crossnode.Torch.Tests.Models;

[Trait("tier", "unit")]
public sealed class CorpusTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Split_holds_out_whole_files_near_five_percent_and_loses_no_byte()
    {
        for (var i = 0; i < 100; i++)
        {
            _folder.Write($"f{i}.txt", Lines($"file {i}", 1000));
        }

        var corpus = Corpus.FromFiles([_folder["*.txt"]]);

        var report = corpus.Report!;
        Assert.False(report.HeldOutIsTail);
        Assert.Equal(100, report.Training.Count + report.HeldOut.Count);
        Assert.Empty(report.Training.Select(d => d.Name).Intersect(report.HeldOut.Select(d => d.Name)));
        Assert.InRange(corpus.HeldOut.Length / (double)(corpus.HeldOut.Length + corpus.Training.Length), 0.05, 0.07);
        var names = Enumerable.Range(0, 100).Select(i => _folder[$"f{i}.txt"]);
        Assert.Equal(names.Sum(n => new FileInfo(n).Length), corpus.HeldOut.Length + corpus.Training.Length);
    }

    [Fact]
    public void Split_is_the_same_in_another_folder_and_order()
    {
        using var other = new Folder();
        for (var i = 0; i < 60; i++)
        {
            var text = Lines($"file {i}", 500);
            _folder.Write($"a{i:00}.txt", text);
            other.Write($"b{60 - i:00}.txt", text);
        }

        var first = HeldOutLines(Corpus.FromFiles([_folder["*.txt"]]));
        var second = HeldOutLines(Corpus.FromFiles([other.Path]));

        Assert.NotEmpty(first);
        Assert.Equal(first, second);
    }

    [Fact]
    public void Single_file_gives_its_last_lines()
    {
        var path = _folder.Write("one.txt", Lines("the only file", 20_000));

        var corpus = Corpus.FromFiles([path]);

        Assert.True(corpus.Report!.HeldOutIsTail);
        byte[] joined = [.. corpus.Training.Span, .. corpus.HeldOut.Span];
        Assert.Equal(File.ReadAllBytes(path), joined);
        Assert.Equal((byte)'\n', corpus.Training.Span[^1]);
        Assert.InRange(corpus.HeldOut.Length, 500, 1000);
    }

    [Fact]
    public void Equal_files_count_once_and_are_named()
    {
        _folder.Write("a.txt", Lines("same", 8000));
        _folder.Write("b.txt", Lines("same", 8000));
        _folder.Write("c.txt", Lines("other", 8000));

        var corpus = Corpus.FromFiles([_folder.Path]);

        Assert.EndsWith("b.txt", Assert.Single(corpus.Report!.Duplicates), StringComparison.Ordinal);
        Assert.Equal(new FileInfo(_folder["a.txt"]).Length + new FileInfo(_folder["c.txt"]).Length, corpus.Training.Length + corpus.HeldOut.Length);
    }

    [Fact]
    public void Repeated_held_out_lines_are_counted()
    {
        var corpus = new Corpus(Encoding.UTF8.GetBytes("known one\nknown two\n"), Encoding.UTF8.GetBytes("known two\nnew\n\nknown one\nknown"), null);
        Assert.Equal((2, 4), corpus.CountRepeatedLines());
    }

    [Fact]
    public void Known_words_are_those_of_four_letters_or_more_that_are_learned()
    {
        var corpus = new Corpus(Encoding.UTF8.GetBytes("alpha, gamma2delta end"), "x"u8.ToArray(), null);
        Assert.Equal(0.75, corpus.KnownWordShare("alpha gamma delta omega end xyz"u8));
        Assert.Equal(1, corpus.KnownWordShare("a b c"u8));
    }

    [Fact]
    public void Saved_corpus_loads_equal()
    {
        var corpus = Corpus.FromFiles([_folder.Write("one.txt", Lines("words", 9000))]);
        corpus.SaveTo(_folder["saved/corpus.bin"]);

        var loaded = Corpus.LoadFrom(_folder["saved/corpus.bin"]);

        Assert.Equal(corpus.Training.ToArray(), loaded.Training.ToArray());
        Assert.Equal(corpus.HeldOut.ToArray(), loaded.HeldOut.ToArray());
        Assert.Equal(corpus.Lengths.ToArray(), loaded.Lengths.ToArray());
        Assert.Single(Directory.EnumerateFiles(_folder["saved"]));
    }

    [Fact]
    public void Corpus_of_members_is_checked_document_by_document()
    {
        for (var file = 0; file < 30; file++)
        {
            _folder.Write($"{file:00}.txt", Lines($"words of {file}", 400));
        }
        var corpus = Corpus.FromFiles([_folder["*.txt"]]);
        var manifest = DataManifest.Parse(System.Text.Json.Nodes.JsonNode.Parse(DataManifest.Of(corpus.Report!).ToJson().ToJsonString()));
        var (training, heldOut, lengths) = (corpus.Training.ToArray(), corpus.HeldOut.ToArray(), corpus.Lengths.ToArray());

        var taken = Corpus.FromMembers(manifest, training, heldOut, lengths);
        Assert.Null(manifest.FirstDifference(DataManifest.Of(taken.Report!)));
        Assert.Equal(corpus.Training.ToArray(), taken.Training.ToArray());
        Assert.Equal(corpus.HeldOut.ToArray(), taken.HeldOut.ToArray());

        heldOut[^1] ^= 1;
        Assert.Contains($"document 30 of 30, {corpus.Report!.HeldOut[^1].Name.Split('/', '\\')[^1]}, has other content", Wrong(lengths), StringComparison.Ordinal);
        heldOut[^1] ^= 1;
        lengths[0]++;
        Assert.Contains("do not add up", Wrong(lengths), StringComparison.Ordinal);
        lengths[4]--;
        Assert.Contains("document 1 of 30, ", Wrong(lengths), StringComparison.Ordinal);
        lengths[3] = 0x80;
        Assert.Contains("do not add up", Wrong(lengths), StringComparison.Ordinal);
        Assert.Contains("lengths of 29 documents, where the run has 30", Wrong(lengths[4..]), StringComparison.Ordinal);

        string Wrong(byte[] given) =>
            Assert.Throws<InputException>(() => Corpus.FromMembers(manifest, training, heldOut, given)).Message;
    }

    [Fact]
    public void Damaged_or_missing_saved_corpus_is_refused_in_a_sentence()
    {
        var corpus = Corpus.FromFiles([_folder.Write("one.txt", Lines("words", 9000))]);
        corpus.SaveTo(_folder["corpus.bin"]);
        var whole = File.ReadAllBytes(_folder["corpus.bin"]);
        var changed = (byte[])whole.Clone();
        changed[^5] ^= 1;
        var newer = (byte[])whole.Clone();
        newer[8] = 9;

        Assert.Contains("cut short", Refused(whole[..^1]), StringComparison.Ordinal);
        Assert.Contains("damaged", Refused(changed), StringComparison.Ordinal);
        Assert.Contains("format 9", Refused(newer), StringComparison.Ordinal);
        Assert.Contains("not a prepared corpus", Refused([1, 2, 3]), StringComparison.Ordinal);
        Assert.Throws<InputException>(() => Corpus.LoadFrom(_folder["nothing.bin"]));
    }

    [Fact]
    public void Missing_or_too_little_text_is_refused_in_a_sentence()
    {
        _folder.Write("small.txt", "too little");

        Assert.Contains("names no file", Assert.Throws<InputException>(() => Corpus.FromFiles([_folder["*.md"]])).Message, StringComparison.Ordinal);
        Assert.Contains("10 bytes", Assert.Throws<InputException>(() => Corpus.FromFiles([_folder["small.txt"]])).Message, StringComparison.Ordinal);
        Assert.Contains("--data", Assert.Throws<InputException>(() => Corpus.FromSdk([_folder.Path])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_looks_for_enough_text_without_making_a_corpus()
    {
        _folder.Write("small.txt", new byte[10]);
        _folder.Write("large.log", Lines("words", 9000));
        Corpus.Check([_folder["*.log"]]);
        Corpus.Check([_folder["small.txt"], _folder.Path]);
        Assert.Contains("*.md names no file", Assert.Throws<InputException>(() => Corpus.Check([_folder["*.log"], _folder["*.md"]])).Message, StringComparison.Ordinal);
        Assert.Contains("10 bytes", Assert.Throws<InputException>(() => Corpus.Check([_folder["small.txt"], _folder["*.txt"]])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Patterns_name_files_folders_and_everything_below()
    {
        _folder.Write("a/x.txt", "1");
        _folder.Write("a/b/y.txt", "2");
        _folder.Write("a/b/z.md", "3");
        _folder.Write("c/y.txt", "4");

        Assert.Equal(["a/x.txt"], Found("a/*.txt"));
        Assert.Equal(["a/b/y.txt", "a/x.txt", "c/y.txt"], Found("**/*.txt"));
        Assert.Equal(["a/b/y.txt", "a/b/z.md", "a/x.txt"], Found("a"));
        Assert.Equal(["a/b/y.txt", "a/b/z.md"], Found("a/b/**"));
        Assert.Equal(["a/b/y.txt"], Found("*/b/?.txt"));
        Assert.Equal([], Found("d/*"));
    }

    [Fact]
    [Trait("tier", "integration")]
    public void Sdk_documentation_makes_a_corpus_of_prose()
    {
        var hasDocumentation = SdkDocumentation.Roots().Any(r => Directory.Exists(Path.Combine(r, "packs", "Microsoft.NETCore.App.Ref")));
        Assert.SkipUnless(hasDocumentation, "The SDK has no XML documentation.");

        var corpus = Corpus.FromSdk();

        Assert.True(corpus.Training.Length > 5_000_000);
        Assert.InRange(corpus.HeldOut.Length / (double)(corpus.HeldOut.Length + corpus.Training.Length), 0.05, 0.07);
        Assert.DoesNotContain("<see", Encoding.UTF8.GetString(corpus.Training.Span), StringComparison.Ordinal);
    }

    private string Refused(byte[] file) => Assert.Throws<InputException>(() => Corpus.LoadFrom(_folder.Write("bad.bin", file))).Message;

    private List<string> Found(string pattern) =>
        [.. TextFiles.Expand(_folder[pattern]).Select(f => Path.GetRelativePath(_folder.Path, f).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    private static HashSet<string> HeldOutLines(Corpus corpus) => [.. Encoding.UTF8.GetString(corpus.HeldOut.Span).Split('\n')];

    private static string Lines(string words, int bytes)
    {
        var text = new StringBuilder();
        for (var i = 0; text.Length < bytes; i++)
        {
            text.Append(words).Append(" line ").Append(i).Append('\n');
        }
        return text.ToString();
    }
}
