using System.Text;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Tests.Launching;

[Trait("tier", "unit")]
public sealed class OutputTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a\nb\n", "a|b")]
    [InlineData("a\r\n\nb", "a||b")]
    [InlineData("no end", "no end")]
    [InlineData("\r", "\r")]
    public async Task Lines_are_cut_at_their_ends(string text, string lines) =>
        Assert.Equal(lines, string.Join('|', await LinesAsync(Encoding.UTF8.GetBytes(text), pieces: 1)));

    [Fact]
    public async Task Line_that_comes_in_pieces_is_one_line() =>
        Assert.Equal(["first", "second"], await LinesAsync("first\nsecond\n"u8.ToArray(), pieces: 3));

    [Fact]
    public async Task Line_without_an_end_is_passed_on_in_pieces()
    {
        var endless = new byte[200_000];
        Array.Fill(endless, (byte)'x');
        var lines = await LinesAsync(endless, pieces: 1000);
        Assert.True(lines.Count > 1);
        Assert.Equal(endless.Length, lines.Sum(line => line.Length));
    }

    [Fact]
    public void Worker_number_stands_before_every_line_and_bytes_stay_as_they_are()
    {
        using var output = new MemoryStream();
        using var errors = new MemoryStream();
        var prefixed = new PrefixedOutput(output, errors);
        prefixed.Write(2, "said"u8, isError: false);
        prefixed.Write(13, [0xFF, 0xFE], isError: true);
        Assert.Equal("[2] said\n", Encoding.UTF8.GetString(output.ToArray()));
        Assert.Equal([.. "[13] "u8, 0xFF, 0xFE, (byte)'\n'], errors.ToArray());
    }

    private static async Task<List<string>> LinesAsync(byte[] bytes, int pieces)
    {
        var lines = new List<string>();
        using var stream = new PieceStream(bytes, pieces);
        await LinePump.RunAsync(stream, (buffer, start, count) => lines.Add(Encoding.UTF8.GetString(buffer, start, count)));
        return lines;
    }

    /// <summary>Gives a few bytes at a time, as a pipe may.</summary>
    private sealed class PieceStream(byte[] bytes, int pieces) : MemoryStream(bytes)
    {
        private readonly int _piece = Math.Max(1, bytes.Length / pieces);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, _piece)], cancellationToken);
    }
}
