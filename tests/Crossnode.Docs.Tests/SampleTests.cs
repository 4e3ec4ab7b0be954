namespace Crossnode.Docs.Tests;

/// <summary>C# in the documentation is C# that compiles.</summary>
[Trait("tier", "unit")]
public sealed class SampleTests
{
    private const string Gap = "// ...";

    [Fact]
    public void Blocks_of_csharp_are_lines_of_the_file_that_they_name()
    {
        var wrong =
            from page in Documents.Pages
            from block in Documents.Blocks(page, "from")
            where !Contains(Documents.Text(block.Name).Split('\n'), block.Lines)
            select $"{page}: a block is not, line by line, in {block.Name}: {block.Lines[0].Trim()}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_block_of_csharp_names_its_file()
    {
        var counts =
            from page in Documents.Pages
            let all = Documents.Text(page).Split('\n').Count(line => line == "```csharp")
            where all != Documents.Blocks(page, "from").Count()
            select $"{page}: {all} blocks of C#, of which {Documents.Blocks(page, "from").Count()} name a file";
        Assert.Empty(counts);
    }

    [Theory]
    [InlineData("b\nc", true)]
    [InlineData("a\n// ...\nc\nd", true)]
    [InlineData("a\nc", false)]
    [InlineData("c\n// ...\na", false)]
    [InlineData("  b\n  c", true)]
    public void Block_is_found_with_gaps_and_other_indentation(string block, bool found) =>
        Assert.Equal(found, Contains(["a", "b", "c", "d"], block.Split('\n')));

    // Runs of lines that follow one another, with gaps between the runs where the block says so.
    private static bool Contains(string[] source, string[] block)
    {
        var at = 0;
        foreach (var run in Runs(block))
        {
            while (at + run.Count <= source.Length && !Same(source.AsSpan(at, run.Count), run))
            {
                at++;
            }

            if (at + run.Count > source.Length)
            {
                return false;
            }

            at += run.Count;
        }

        return true;
    }

    private static List<List<string>> Runs(string[] block)
    {
        List<List<string>> runs = [[]];
        foreach (var line in block)
        {
            if (line.Trim() == Gap)
            {
                runs.Add([]);
            }
            else
            {
                runs[^1].Add(line);
            }
        }

        return runs;
    }

    private static bool Same(ReadOnlySpan<string> source, List<string> run)
    {
        for (var index = 0; index < run.Count; index++)
        {
            if (source[index].Trim() != run[index].Trim())
            {
                return false;
            }
        }

        return true;
    }
}
