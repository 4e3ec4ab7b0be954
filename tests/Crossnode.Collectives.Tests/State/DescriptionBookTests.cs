using Crossnode.Collectives.State;

namespace Crossnode.Collectives.Tests.State;

/// <summary>Goal: a holder does not answer the same question again and again with what the asker knows.</summary>
[Trait("tier", "unit")]
public sealed class DescriptionBookTests
{
    [Fact]
    public void Who_knows_what_is_provisional_waits_for_the_rest()
    {
        var book = new DescriptionBook(4, 1000);
        book.Add(3, new byte[] { 1 }, isProvisional: true);
        Assert.Equal(DescriptionBook.Answer.Here, book.Find(3, knowsProvisional: false, out var first, out var isProvisional));
        Assert.True(isProvisional);
        Assert.Equal([1], first.ToArray());
        Assert.Equal(DescriptionBook.Answer.NotYet, book.Find(3, knowsProvisional: true, out _, out _));
        book.Add(3, new byte[] { 2 }, isProvisional: false);
        Assert.Equal(DescriptionBook.Answer.Here, book.Find(3, knowsProvisional: true, out var rest, out isProvisional));
        Assert.False(isProvisional);
        Assert.Equal([2], rest.ToArray());
    }
}
