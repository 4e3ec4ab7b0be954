using System.Text;
using Crossnode.Core.Errors;
using Crossnode.Training.Joining;

namespace Crossnode.Training.Tests.Joining;

[Trait("tier", "unit")]
public sealed class OperationDescriptionTests
{
    [Fact]
    public void Description_comes_back_as_it_was_sent()
    {
        var sent = new OperationDescription
        {
            Purpose = OperationPurpose.Step,
            Step = 12,
            Version = 11,
            Model = "abc",
            Level = [new DescribedParticipant(3, ulong.MaxValue)],
            LearningRates = [0.1, 1.0 / 3],
            Carried = new Dictionary<string, byte[]> { ["sampler"] = [9, 8, 7] },
        };

        var read = OperationDescription.Parse(sent.ToBytes());

        Assert.Equal(12, read.Step);
        Assert.Equal(11, read.Version);
        Assert.Equal(OperationPurpose.Step, read.Purpose);
        Assert.Equal(sent.Level, read.Level);
        Assert.Equal(sent.LearningRates, read.LearningRates);
        Assert.Equal([9, 8, 7], read.Carried["sampler"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{\"Format\":2,\"Purpose\":0,\"Step\":1,\"Version\":0,\"Model\":\"\"}")]
    public void Anything_else_is_refused_with_a_sentence(string text) =>
        Assert.Throws<ProtocolException>(() => OperationDescription.Parse(Encoding.UTF8.GetBytes(text)));
}
