using Crossnode.Cli.Output;
using Crossnode.Cli.Training;

namespace Crossnode.Cli.Tests.Training;

[Trait("tier", "unit")]
public sealed class RunLinesTests
{
    // Other programs read these keys: this text is the format.
    [Fact]
    public void Summary_has_exactly_the_documented_keys() =>
        Assert.Equal(
            """{"kind":"summary","heldOutLoss":1.25,"threeByteModelLoss":1.5,"fourByteModelLoss":1.125,"steps":10,"wallSeconds":3.5,"views":2,"members":[{"id":0,"payloadBytesSent":100,"wireBytesSent":101,"stateHash":"ab"}]}""",
            JsonLines.Write(new SummaryLine("summary", 1.25, 1.5, 1.125, 10, 3.5, 2, [new SummaryMember(0, 100, 101, "ab")])));

    [Fact]
    public void Summary_says_null_for_what_the_run_did_not_get_to() =>
        Assert.Equal(
            """{"kind":"summary","heldOutLoss":null,"threeByteModelLoss":null,"fourByteModelLoss":null,"steps":0,"wallSeconds":1,"views":0,"members":[{"id":3,"payloadBytesSent":0,"wireBytesSent":0,"stateHash":null}]}""",
            JsonLines.Write(new SummaryLine("summary", null, null, null, 0, 1, 0, [new SummaryMember(3, 0, 0, null)])));

    [Fact]
    public void Step_has_exactly_the_documented_keys() =>
        Assert.Equal(
            """{"kind":"step","step":4,"loss":2.5,"learningRate":0.001,"gradientNorm":0.5,"bytesPerSecond":1000,"view":2,"members":[0,2],"attempts":1,"seconds":9}""",
            JsonLines.Write(new StepLine("step", 4, 2.5, 0.001, 0.5, 1000, 2, [0, 2], 1, 9)));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(9_999, "9999 B")]
    [InlineData(1_500_000, "1500 kB")]
    [InlineData(25_000_000_000, "25.0 GB")]
    public void Sizes_have_units(long bytes, string text) => Assert.Equal(text, RunTexts.Size(bytes));

    [Fact]
    public void Text_of_a_model_cannot_command_the_terminal() =>
        Assert.Equal("a\uFFFD[31mb\nc\uFFFD", RunTexts.Printable([.. "a\u001b[31mb\nc"u8, 0xC3]));
}
