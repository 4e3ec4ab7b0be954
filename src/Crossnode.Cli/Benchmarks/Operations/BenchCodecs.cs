using Crossnode.Core;

namespace Crossnode.Cli.Benchmarks.Operations;

/// <summary>Codecs by the names that people type.</summary>
internal static class BenchCodecs
{
    private static readonly (string Name, Codec Codec)[] All =
    [
        (BenchConfiguration.NoCodec, Codec.None),
        ("f16", Codec.Float16),
        ("bf16", Codec.BFloat16),
        ("int8", Codec.Int8),
        ("e3m0", Codec.E3M0),
        ("sign", Codec.Sign),
    ];

    /// <summary>The names, the default one first.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(one => one.Name)];

    /// <summary>The codec of a name that is one of <see cref="Names"/>.</summary>
    public static Codec Named(string name) => All.First(one => one.Name == name).Codec;
}
