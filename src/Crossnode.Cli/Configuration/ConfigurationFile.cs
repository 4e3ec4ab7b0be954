using System.Text.Json;
using System.Text.Json.Nodes;

namespace Crossnode.Cli.Configuration;

/// <summary>A configuration as JSON: one object whose keys are those of the settings. Comments and trailing commas are fine.</summary>
internal static class ConfigurationFile
{
    private static readonly JsonDocumentOptions Lenient = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
    };

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Reads a file over a configuration.</summary>
    /// <exception cref="UsageException">It cannot be read, is not JSON, or has a key or a value that it must not have.</exception>
    public static T Read<T>(string path, T configuration, IReadOnlyList<Setting<T>> settings)
        where T : class
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException(exception switch
            {
                FileNotFoundException or DirectoryNotFoundException => $"There is no configuration file {path}: check how it is spelt.",
                _ when Directory.Exists(path) => $"--config {path} is a folder: name the file in it.",
                UnauthorizedAccessException => $"The configuration file {path} may not be read: give yourself permission.",
                _ => $"The configuration file {path} cannot be read: {exception.Message}",
            });
        }
        return Parse(text, path, configuration, settings);
    }

    /// <summary>Reads JSON over a configuration; the name is for error messages.</summary>
    public static T Parse<T>(string text, string name, T configuration, IReadOnlyList<Setting<T>> settings)
        where T : class
    {
        try
        {
            using var document = JsonDocument.Parse(text, Lenient);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new UsageException($"{name} must be one JSON object, such as {{ \"steps\": 100 }}.");
            }
            var seen = new HashSet<string>();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                var setting = settings.FirstOrDefault(s => s.Key == property.Name)
                    ?? throw new UsageException($"{name}: there is no key \"{property.Name}\"{Spelling.DidYouMean(property.Name, settings.Select(s => s.Key))}");
                if (!seen.Add(property.Name))
                {
                    throw new UsageException($"{name}: the key \"{property.Name}\" stands there twice; keep one of them.");
                }
                configuration = setting.Write(configuration, property.Value, name);
            }
            return configuration;
        }
        catch (JsonException exception)
        {
            throw new UsageException($"{name} is not JSON: line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1} does not fit.");
        }
    }

    /// <summary>Writes every setting, so that the file makes the same run again.</summary>
    public static string Write<T>(T configuration, IReadOnlyList<Setting<T>> settings, bool indented = true)
        where T : class
    {
        var json = new JsonObject(settings.Select(s => KeyValuePair.Create<string, JsonNode?>(s.Key, s.Read(configuration))));
        return indented ? json.ToJsonString(Indented) : json.ToJsonString();
    }
}
