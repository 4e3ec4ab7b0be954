using System.Globalization;
using Crossnode.Protocol.Control;

namespace Crossnode.Protocol.Wire;

/// <summary>What every control message must satisfy before any decision looks at it, whoever sent it.</summary>
public static class ControlCheck
{
    /// <summary>The longest HOST:PORT.</summary>
    public const int MaxEndpointLength = 256;

    /// <summary>The longest reason that a member gives; the coordinator joins those of all.</summary>
    public const int MaxReasonLength = 4096;

    /// <summary>The longest charter, in bytes.</summary>
    public const int MaxCharterLength = 1 << 20;

    /// <summary>Far above what any run reaches, so that sums of numbers do not overflow.</summary>
    public const long MaxNumber = 1L << 60;

    /// <summary>Says what is wrong; null when nothing is.</summary>
    public static string? Complaint(ControlMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return message.BodyCase switch
        {
            ControlMessage.BodyOneofCase.Hello => OfHello(message.Hello),
            ControlMessage.BodyOneofCase.Prepare when message.Prepare.View is null => "PREPARE without a view",
            ControlMessage.BodyOneofCase.NewView when message.NewView.View is null => "NEWVIEW without a view",
            ControlMessage.BodyOneofCase.Answer => OfAnswer(message.Answer),
            ControlMessage.BodyOneofCase.Probe => OfEndpoint(message.Probe.Endpoint),
            ControlMessage.BodyOneofCase.ProbeResult => OfReason(message.ProbeResult.Reason),
            ControlMessage.BodyOneofCase.LinkReport => OfReport(message.LinkReport),
            ControlMessage.BodyOneofCase.ChangeRequest => First(message.ChangeRequest.Condemned, OfCondemned),
            _ => null,
        };
    }

    private static string? OfHello(Hello hello) =>
        hello.Charter.Length > MaxCharterLength ? $"a charter of {hello.Charter.Length} bytes"
        : OfEndpoint(hello.Endpoint) ?? First(hello.Reports, OfReport) ?? First(hello.Condemned, OfCondemned);

    private static string? OfEndpoint(string endpoint) =>
        endpoint.Length > MaxEndpointLength ? $"an address of {endpoint.Length} characters" : null;

    private static string? OfAnswer(Answer answer) =>
        First(answer.Tags, OfTag) ?? First(answer.Reports, OfReport) ?? First(answer.Condemned, OfCondemned);

    private static string? OfTag(TagAnswer tag) =>
        IsNumber(tag.Committed) && IsNumber(tag.HighestStarted) && IsNumber(tag.DataComplete)
            ? null
            : string.Create(
                CultureInfo.InvariantCulture, $"numbers {tag.Committed}, {tag.DataComplete} and {tag.HighestStarted} of tag {tag.Tag}");

    private static string? OfCondemned(Condemned condemned) =>
        condemned.Sequence < 1 || !IsNumber(condemned.Sequence) ? $"operation number {condemned.Sequence}"
        : OfReason(condemned.Reason);

    private static string? OfReport(LinkReport report) => OfReason(report.Reason);

    private static string? OfReason(string reason) =>
        reason.Length > MaxReasonLength ? $"a reason of {reason.Length} characters" : null;

    private static bool IsNumber(long number) => number is >= 0 and <= MaxNumber;

    private static string? First<T>(IEnumerable<T> items, Func<T, string?> complaint)
    {
        foreach (var item in items)
        {
            if (complaint(item) is { } text)
            {
                return text;
            }
        }

        return null;
    }
}
