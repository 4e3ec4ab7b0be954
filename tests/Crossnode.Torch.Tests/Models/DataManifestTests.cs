using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Crossnode.Models.Text;

namespace Crossnode.Torch.Tests.Models;

[Trait("tier", "unit")]
public sealed class DataManifestTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("crossnode-manifest-").FullName;

    [Fact]
    public void Same_files_elsewhere_are_the_same_data()
    {
        var (here, there) = (Make("a", Texts()), Make("b", Texts()));
        Assert.Null(here.FirstDifference(there));
        Assert.Null(here.FirstDifference(DataManifest.Parse(JsonNode.Parse(there.ToJson().ToJsonString()))));
    }

    [Fact]
    public void First_difference_is_named()
    {
        var run = Make("a", Texts());
        var learned = run.Listed[0].Name.Split(Path.DirectorySeparatorChar)[^1];
        Assert.Equal(
            $"document 1 of 30, {run.Listed[0].Name}, has other content here, though the same length",
            run.FirstDifference(Make("b", Changed(learned, text => text.Replace('a', 'b')))));
        Assert.Equal(
            $"document 1 of 30, {run.Listed[0].Name}, gives 1000 bytes of text in the run, and 1001 here",
            run.FirstDifference(Make("c", Changed(learned, text => text + "!"))));
        var more = Texts();
        more["z.txt"] = new string('z', 1000);
        Assert.NotNull(run.FirstDifference(Make("d", more)));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"training\":1,\"heldOut\":1,\"digest\":\"zz\",\"documents\":[]}")]
    [InlineData("{\"training\":1,\"heldOut\":1,\"digest\":\"0\",\"documents\":[[1]]}")]
    public void What_is_no_manifest_is_refused(string json) =>
        Assert.Throws<JsonException>(() => DataManifest.Parse(JsonNode.Parse(json)));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // The split follows from content alone, so a changed text may change sides: the first that is learned stays where it is.
    private Dictionary<string, string> Changed(string name, Func<string, string> change)
    {
        var texts = Texts();
        texts[name] = change(texts[name]);
        return texts;
    }

    private static Dictionary<string, string> Texts() => Enumerable.Range(0, 30).ToDictionary(
        i => $"{i:00}.txt", i => string.Concat(Enumerable.Repeat($"a{i:000000000}", 100)));

    private DataManifest Make(string folder, Dictionary<string, string> texts)
    {
        var path = Directory.CreateDirectory(Path.Combine(_folder, folder)).FullName;
        foreach (var (name, text) in texts)
        {
            File.WriteAllText(Path.Combine(path, name), text, Encoding.ASCII);
        }

        return DataManifest.Of(Corpus.FromFiles([path]).Report!);
    }
}
