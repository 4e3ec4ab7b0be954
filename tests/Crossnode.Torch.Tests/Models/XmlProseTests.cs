using System.Text;
using Crossnode.Models.Text;

namespace Crossnode.Torch.Tests.Models;

[Trait("tier", "unit")]
public class XmlProseTests
{
    [Fact]
    public void Blocks_become_lines_without_tags()
    {
        Assert.Equal(
            "Gets the count of the list.\nThe number of items, or null when a < b holds.\nIt is true for an Item here.\nSecond paragraph of words.\n",
            Prose("""
                <summary>Gets the
                    count of the <see cref="T:System.Collections.Generic.List`1">list</see>.</summary>
                <param name="items">The number of <paramref name="items" />, or <see langword="null" /> when a &lt; b holds.</param>
                <remarks><para>It is <c>true</c> for an <see cref="M:Acme.Item(System.Int32)" /> here.</para><para>Second paragraph of words.</para></remarks>
                """));
    }

    [Fact]
    public void Code_and_inherited_documentation_are_left_out() =>
        Assert.Equal(
            "Some words before it.\nThis follows the program.\n",
            Prose("<summary>Some words before it.</summary><inheritdoc cref=\"T:A.B\" /><example><code>var x = new Thing and more words;</code>This follows the program.</example>"));

    [Theory]
    [InlineData("VPADDQ zmm1 {k1}{z}, zmm2, zmm3/m512/m64bcst")]
    [InlineData("__m128i _mm_insert_epi8 (__m128i a, int i, const int imm8)")]
    [InlineData("Two words")]
    [InlineData("")]
    public void Lines_that_are_no_prose_are_left_out(string text) => Assert.Equal("", Prose($"<summary>{text}</summary>"));

    [Theory]
    [InlineData("<other><summary>Words that are no documentation.</summary></other>")]
    [InlineData("<doc><members><member name=\"T:A\"><summary>Words that end too early")]
    [InlineData("no markup at all, only words")]
    public void Other_or_broken_files_add_nothing(string file)
    {
        var target = new StringBuilder("before");
        Assert.False(XmlProse.TryAppend(Encoding.UTF8.GetBytes(file), target));
        Assert.Equal("before", target.ToString());
    }

    private static string Prose(string member)
    {
        var target = new StringBuilder();
        var file = $"<?xml version=\"1.0\"?><doc><assembly><name>Some assembly name here</name></assembly><members><member name=\"T:A.B\">{member}</member></members></doc>";
        Assert.True(XmlProse.TryAppend(Encoding.UTF8.GetBytes(file), target));
        return target.ToString();
    }
}
