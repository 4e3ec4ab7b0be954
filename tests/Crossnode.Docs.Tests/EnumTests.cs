using System.Globalization;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Wire;

namespace Crossnode.Docs.Tests;

/// <summary>Tables of numbers are those of the code: no value is missing, none has another name.</summary>
[Trait("tier", "unit")]
public sealed class EnumTests
{
    private const string Protocol = "docs/reference/protocol.md";
    private const string Errors = "docs/reference/errors.md";

    [Fact]
    public void ErrorKind_is_documented() => Check<ErrorKind>(Errors);

    [Fact]
    public void StreamPurpose_is_documented() => Check<StreamPurpose>(Protocol);

    [Fact]
    public void PreambleStatus_is_documented() => Check<PreambleStatus>(Protocol);

    [Fact]
    public void FrameType_is_documented() => Check<FrameType>(Protocol);

    [Fact]
    public void CollectiveKind_is_documented() => Check<CollectiveKind>(Protocol);

    [Fact]
    public void ElementType_is_documented() => Check<ElementType>(Protocol);

    [Fact]
    public void ReduceOperator_is_documented() => Check<ReduceOperator>(Protocol);

    [Fact]
    public void RunPhase_is_documented() => Check<RunPhase>(Protocol);

    [Fact]
    public void ElementType_has_the_documented_sizes() => Assert.All(
        Documents.Table(Protocol, "enum: ElementType"),
        row => Assert.Equal(row[2].Split(';')[0], Enum.Parse<ElementType>(row[1]).Size().ToString(CultureInfo.InvariantCulture)));

    [Fact]
    public void Every_rule_that_can_be_switched_off_is_documented() => Assert.Equal(
        Enum.GetValues<ProtocolRules>().Where(rule => rule is not (ProtocolRules.None or ProtocolRules.All)).Select(rule => rule.ToString()),
        Documents.Table(Protocol, "enum: ProtocolRules").Select(row => row[0]));

    [Fact]
    public void Exceptions_in_the_table_of_errors_exist()
    {
        var known = typeof(CrossnodeException).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(CrossnodeException))).Select(t => t.Name);
        var named = Documents.Table(Errors, "enum: ErrorKind").SelectMany(row => row[2].Split(", ")).Select(name => name.Trim('`')).Distinct();
        Assert.Equal(known.Order(), named.Order());
    }

    private static void Check<T>(string page)
        where T : struct, Enum =>
        Assert.Equal(
            Enum.GetValues<T>().Select(value => $"{Convert.ToInt64(value, CultureInfo.InvariantCulture)} {value}"),
            Documents.Table(page, $"enum: {typeof(T).Name}").Select(row => $"{row[0]} {row[1]}"));
}
