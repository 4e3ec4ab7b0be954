using Crossnode.Cli.Output;
using Crossnode.Cli.Training;
using Spectre.Console;

namespace Crossnode.Cli.Tests.Output;

[Trait("tier", "unit")]
public sealed class LiveViewTests
{
    [Theory]
    [InlineData("", "         ")]
    [InlineData("abc", "abc      ")]
    [InlineData("123456789", "123456789")]
    [InlineData("1234567890", "123456789|0        ")]
    [InlineData("a\r\nb", "a        |b        ")]
    public void Lines_cover_what_was_drawn_below_them(string text, string lines) =>
        Assert.Equal(lines, string.Join('|', LiveView.Covering(text, width: 10)));

    [Fact]
    public async Task Lines_come_before_the_picture()
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes, Out = new AnsiConsoleOutput(text),
        });
        await using (var view = new LiveView(console, () => new Text("picture"), TimeProvider.System))
        {
            view.WriteLine("first [not markup]");
            view.WriteLine("second");
        }
        var written = text.ToString();
        Assert.True(written.IndexOf("first [not markup]", StringComparison.Ordinal) < written.IndexOf("second", StringComparison.Ordinal), written);
        Assert.True(written.LastIndexOf("picture", StringComparison.Ordinal) > written.IndexOf("second", StringComparison.Ordinal), written);
    }

    [Fact]
    public void Table_shows_who_waits_for_whom()
    {
        var board = new TrainingBoard(2);
        board.Started(0, 4711);
        board.ViewAnnounced(1, [0, 1]);
        board.Noted(0, new WorkerNote { Kind = NoteKind.Averaging, Step = 0 });
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = 120;
        console.Write(TrainingTable.Draw(board, steps: 10, now: TimeSpan.FromSeconds(1)));
        Assert.Matches(@"0 .* 4711 .* waits for 1", text.ToString());
        Assert.Contains("step 0/10", text.ToString(), StringComparison.Ordinal);
        console.Write(TrainingTable.Draw(board, steps: 10, now: TimeSpan.FromSeconds(5)));
        Assert.Contains("waiting for worker 1 (nothing heard for 5 s)", text.ToString(), StringComparison.Ordinal);
    }
}
