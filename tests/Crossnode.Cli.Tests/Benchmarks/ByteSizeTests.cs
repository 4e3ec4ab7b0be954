using Crossnode.Cli.Benchmarks;

namespace Crossnode.Cli.Tests.Benchmarks;

[Trait("tier", "unit")]
public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("100B", 100)]
    [InlineData("4KiB", 4096)]
    [InlineData("4 kib", 4096)]
    [InlineData("64MiB", 67_108_864)]
    [InlineData("3GiB", 3_221_225_472)]
    public void Size_is_read(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out var read));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("KiB")]
    [InlineData("4K")]
    [InlineData("4MB")]
    [InlineData("-1")]
    [InlineData("1.5MiB")]
    [InlineData("9999999999GiB")]
    public void Other_text_is_no_size(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1000, "1000 B")]
    [InlineData(4096, "4 KiB")]
    [InlineData(1536, "1536 B")]
    [InlineData(268_435_456, "256 MiB")]
    [InlineData(3_221_225_472, "3 GiB")]
    public void Size_is_written_in_the_largest_whole_unit(long bytes, string text) => Assert.Equal(text, ByteSize.Text(bytes));
}
