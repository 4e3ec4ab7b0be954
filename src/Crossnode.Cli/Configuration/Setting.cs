using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Crossnode.Cli.Configuration;

/// <summary>One value of a configuration: a key of the file and a flag of the command line at once.</summary>
/// <typeparam name="T">The configuration.</typeparam>
internal sealed class Setting<T>
    where T : class
{
    private readonly Func<T, JsonNode> _read;
    private readonly Func<T, JsonElement, T?> _write;
    private readonly Func<string, JsonElement?> _parse;

    private Setting(
        string key, string description, string valueName, string wanted,
        Func<T, JsonNode> read, Func<T, JsonElement, T?> write, Func<string, JsonElement?> parse)
    {
        (Key, Description, ValueName, Wanted) = (key, description, valueName, wanted);
        (_read, _write, _parse) = (read, write, parse);
    }

    /// <summary>The key in the file: camelCase.</summary>
    public string Key { get; }

    /// <summary>What it means, with units.</summary>
    public string Description { get; }

    /// <summary>What stands for the value in the help.</summary>
    public string ValueName { get; }

    /// <summary>What a value must be, for error messages.</summary>
    public string Wanted { get; }

    /// <summary>Whether the flag takes several values.</summary>
    public bool IsList { get; private init; }

    /// <summary>Whether the flag alone means true.</summary>
    public bool IsSwitch { get; private init; }

    /// <summary>The flag: --kebab-case.</summary>
    public string Flag => "--" + string.Concat(Key.Select(c => char.IsUpper(c) ? $"-{char.ToLowerInvariant(c)}" : c.ToString()));

    public static Setting<T> Whole(string key, string description, int smallest, Func<T, int> read, Func<T, int, T> write) =>
        Whole(key, description, smallest, int.MaxValue, read, write);

    public static Setting<T> Whole(
        string key, string description, int smallest, int largest, Func<T, int> read, Func<T, int, T> write) => new(
        key, description, "N", largest == int.MaxValue ? $"a whole number of at least {smallest}" : $"a whole number from {smallest} to {largest}",
        c => read(c),
        (c, json) => json.ValueKind == JsonValueKind.Number && json.TryGetInt32(out var value) && value >= smallest && value <= largest ? write(c, value) : default,
        Number);

    public static Setting<T> Real(
        string key, string description, double smallest, double largest, Func<T, double> read, Func<T, double, T> write) => new(
        key, description, "X", double.IsPositiveInfinity(largest) ? Invariant($"a number of at least {smallest}") : Invariant($"a number from {smallest} to {largest}"),
        c => read(c),
        (c, json) => json.ValueKind == JsonValueKind.Number && json.TryGetDouble(out var value) && value >= smallest && value <= largest && double.IsFinite(value)
            ? write(c, value)
            : default,
        Number);

    public static Setting<T> Text(string key, string description, string valueName, Func<T, string> read, Func<T, string, T> write) => new(
        key, description, valueName, "a text",
        c => read(c),
        (c, json) => json.ValueKind == JsonValueKind.String ? write(c, json.GetString()!) : default,
        text => JsonSerializer.SerializeToElement(text));

    public static Setting<T> Choice(
        string key, string description, IReadOnlyList<string> values, Func<T, string> read, Func<T, string, T> write) => new(
        key, description, "NAME", string.Join(" or ", values),
        c => read(c),
        (c, json) => json.ValueKind == JsonValueKind.String && values.Contains(json.GetString()!) ? write(c, json.GetString()!) : default,
        text => JsonSerializer.SerializeToElement(text));

    public static Setting<T> List(
        string key, string description, string valueName, Func<T, IReadOnlyList<string>> read, Func<T, IReadOnlyList<string>, T> write) => new(
        key, description, valueName, "a list of texts",
        c => new JsonArray([.. read(c).Select(text => JsonValue.Create(text))]),
        (c, json) => json.ValueKind == JsonValueKind.Array && json.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String)
            ? write(c, [.. json.EnumerateArray().Select(e => e.GetString()!)])
            : default,
        text => JsonSerializer.SerializeToElement(new[] { text }))
    { IsList = true };

    public static Setting<T> Switch(string key, string description, Func<T, bool> read, Func<T, bool, T> write) => new(
        key, description, "true|false", "true or false",
        c => read(c),
        (c, json) => json.ValueKind is JsonValueKind.True or JsonValueKind.False ? write(c, json.GetBoolean()) : default,
        text => bool.TryParse(text, out var value) ? JsonSerializer.SerializeToElement(value) : null)
    { IsSwitch = true };

    /// <summary>The value, as the file spells it.</summary>
    public JsonNode Read(T configuration) => _read(configuration);

    /// <summary>Takes the value of a file.</summary>
    /// <exception cref="UsageException">It is not what it must be.</exception>
    public T Write(T configuration, JsonElement value, string file) =>
        _write(configuration, value)
        ?? throw new UsageException($"{file}: \"{Key}\" must be {Wanted}, not {value.GetRawText()}.");

    /// <summary>Takes the value of a flag.</summary>
    /// <exception cref="UsageException">It is not what it must be.</exception>
    public T Write(T configuration, IReadOnlyList<string> texts)
    {
        var value = IsList ? JsonSerializer.SerializeToElement(texts) : _parse(texts[0]);
        return (value is { } json ? _write(configuration, json) : default)
            ?? throw new UsageException($"{Flag} must be {Wanted}, not '{string.Join(' ', texts)}'.");
    }

    private static JsonElement? Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? JsonSerializer.SerializeToElement(value)
            : null;

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
