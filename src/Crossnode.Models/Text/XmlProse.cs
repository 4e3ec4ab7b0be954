using System.Text;
using System.Xml;

namespace Crossnode.Models.Text;

/// <summary>Turns a file of XML API documentation into lines of prose.</summary>
internal static class XmlProse
{
    /// <summary>Elements whose text is one line: what a reader would read as a sentence or a paragraph of its own.</summary>
    private static readonly HashSet<string> Blocks =
        ["member", "summary", "remarks", "param", "typeparam", "returns", "value", "exception", "para", "item", "listheader", "example"];

    /// <summary>Programs and the documented assembly's name; no prose.</summary>
    private static readonly HashSet<string> Skipped = ["code", "assembly", "altmember", "seealso", "inheritdoc", "include"];

    /// <summary>Appends the prose of a documentation file.</summary>
    /// <returns>False, with nothing appended, when the file is XML of another kind or broken.</returns>
    public static bool TryAppend(byte[] file, StringBuilder target)
    {
        var start = target.Length;
        try
        {
            using var reader = XmlReader.Create(
                new MemoryStream(file, writable: false),
                new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, IgnoreComments = true });
            if (reader.MoveToContent() == XmlNodeType.Element && reader.LocalName == "doc")
            {
                AppendDocument(reader, target);
                return true;
            }
            return false;
        }
        catch (XmlException)
        {
            target.Length = start;
            return false;
        }
    }

    private static void AppendDocument(XmlReader reader, StringBuilder target)
    {
        var lines = new LineWriter(target);
        while (reader.Read())
        {
            if (reader.NodeType == XmlNodeType.Element && Skipped.Contains(reader.LocalName))
            {
                // Skip stands on the node after the element, which the loop's Read would pass over.
                using var subtree = reader.ReadSubtree();
                while (subtree.Read())
                {
                }
            }
            else if (reader.NodeType == XmlNodeType.Element)
            {
                if (Blocks.Contains(reader.LocalName))
                {
                    lines.End();
                }
                else
                {
                    lines.Append(Reference(reader));
                }
            }
            else if (reader.NodeType == XmlNodeType.EndElement && Blocks.Contains(reader.LocalName))
            {
                lines.End();
            }
            else if (reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace or XmlNodeType.Whitespace)
            {
                lines.Append(reader.Value);
            }
        }
        lines.End();
    }

    /// <summary>What a reader sees in place of an empty reference: its word, or the last name of what it points to.</summary>
    private static string Reference(XmlReader reader)
    {
        if (!reader.IsEmptyElement)
        {
            return "";
        }
        var name = reader.GetAttribute("langword") ?? reader.GetAttribute("name") ?? "";
        return name.Length > 0 ? name : LastName(reader.GetAttribute("cref") ?? "");
    }

    private static string LastName(string target)
    {
        var end = target.IndexOfAny(['(', '{', '`', '~']);
        var name = end < 0 ? target : target[..end];
        name = name[(name.LastIndexOf(':') + 1)..].TrimEnd('.');
        return name[(name.LastIndexOf('.') + 1)..];
    }

    /// <summary>Collapses white space, and keeps lines that read like prose.</summary>
    /// <remarks>Of the SDK's lines 11 % do not, 6 % of the bytes: signatures of processor instructions, above all.</remarks>
    private sealed class LineWriter(StringBuilder target)
    {
        private const int FewestWords = 3;
        private const double LeastLowerCaseShare = 0.75;
        private int _start = target.Length;
        private int _words;
        private int _lowerCaseOrSpace;
        private bool _pendingSpace;

        public void Append(string text)
        {
            foreach (var c in text)
            {
                if (char.IsWhiteSpace(c) || char.IsControl(c))
                {
                    _pendingSpace = true;
                    continue;
                }
                if (target.Length == _start)
                {
                    _words = 1;
                }
                else if (_pendingSpace)
                {
                    target.Append(' ');
                    _words++;
                    _lowerCaseOrSpace++;
                }
                _pendingSpace = false;
                _lowerCaseOrSpace += char.IsLower(c) ? 1 : 0;
                target.Append(c);
            }
        }

        public void End()
        {
            var length = target.Length - _start;
            if (_words >= FewestWords && _lowerCaseOrSpace >= LeastLowerCaseShare * length)
            {
                target.Append('\n');
            }
            else
            {
                target.Length = _start;
            }
            _start = target.Length;
            _words = 0;
            _lowerCaseOrSpace = 0;
            _pendingSpace = false;
        }
    }
}
