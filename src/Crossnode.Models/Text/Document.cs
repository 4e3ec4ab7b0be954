using System.IO.Hashing;

namespace Crossnode.Models.Text;

/// <summary>One text of a corpus.</summary>
/// <param name="Name">Its path, as reports show it.</param>
/// <param name="Content">Hash of the file as it was read; equal files count once.</param>
/// <param name="HoldOutKey">Decides the side of the split; documents with the same key are never on both sides.</param>
/// <param name="Text">What is learned.</param>
internal sealed record Document(string Name, UInt128 Content, string HoldOutKey, byte[] Text)
{
    public static UInt128 HashOf(ReadOnlySpan<byte> bytes) => XxHash128.HashToUInt128(bytes);
}
