using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Api.Lambda;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Api.OData;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Api.Tokens;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Api.Commands;

/// <summary>The process cannot start; the message says everything that is wrong.</summary>
internal sealed class StartupException(IReadOnlyList<string> problems)
    : Exception(problems.Count == 1 ? problems[0] : $"{problems.Count} problems:" + string.Concat(problems.Select(p => Environment.NewLine + "  " + p)))
{
    public IReadOnlyList<string> Problems { get; } = problems;
}

/// <summary>Checks the whole configuration and the model before anything begins, and reports all that is wrong at once.</summary>
internal static class Startup
{
    private const string Root = "DataPlatform";

    // The settings beside the slices' sections.
    private static readonly string[] Plain = ["Data", "Models", "CursorKey"];

    private static readonly Dictionary<string, Type> Sections = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Lake"] = typeof(LakeOptions),
        ["Gold"] = typeof(GoldOptions),
        ["Refresh"] = typeof(RefreshOptions),
        ["OData"] = typeof(ODataOptions),
        ["Jwt"] = typeof(JwtOptions),
        ["Limits"] = typeof(LimitOptions),
        ["Alerts"] = typeof(AlertOptions),
        ["Answers"] = typeof(AnswerOptions),
        ["Web"] = typeof(WebOptions),
        ["Lambda"] = typeof(LambdaOptions),
        ["Stream"] = typeof(StreamOptions),
        ["MicroBatches"] = typeof(BatchOptions),
    };

    /// <exception cref="StartupException">Something is wrong.</exception>
    public static void Check(IServiceProvider services)
    {
        var problems = Spelling(services.GetRequiredService<IConfiguration>());
        if (problems.Count == 0)
        {
            // A value that cannot be read hides the checks of its section.
            Validate<ModelOptions>(services, problems);
            Validate<LakeOptions>(services, problems);
            Validate<GoldOptions>(services, problems);
            Validate<RefreshOptions>(services, problems);
            Validate<JwtOptions>(services, problems);
            Validate<LimitOptions>(services, problems);
            Validate<AlertOptions>(services, problems);
            Validate<AnswerOptions>(services, problems);
            Validate<WebOptions>(services, problems);
            Validate<LambdaOptions>(services, problems);
            Validate<StreamOptions>(services, problems);
            Validate<BatchOptions>(services, problems);
        }

        if (problems.Count == 0)
        {
            try
            {
                services.GetRequiredService<ILake>();
            }
            catch (LakeException exception)
            {
                problems.Add(exception.Message);
            }
        }

        try
        {
            services.GetRequiredService<ModelStore>();
        }
        catch (ModelLoadException exception)
        {
            problems.AddRange(exception.Problems.Select(p => Print(p)));
        }
        catch (OptionsValidationException)
        {
            // Told above.
        }

        if (problems.Count > 0)
        {
            throw new StartupException(problems);
        }
    }

    /// <summary>Checks, then makes what the stores need.</summary>
    /// <exception cref="StartupException">Something is wrong.</exception>
    public static async Task PrepareAsync(IServiceProvider services, CancellationToken cancellationToken = default)
    {
        Check(services);
        try
        {
            await services.GetRequiredService<IGoldStore>().InitializeAsync(cancellationToken);
        }
        catch (GoldStoreException exception)
        {
            throw new StartupException([exception.Message]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StartupException([$"The data folder cannot be used: {exception.Message}"]);
        }
    }

    /// <param name="problem">The problem.</param>
    /// <param name="folder">The model's folder, where more than one is looked at.</param>
    public static string Print(ModelProblem problem, string? folder = null) =>
        $"{(problem.Position is null ? "" : (folder is null ? "" : folder + Path.DirectorySeparatorChar) + problem.Position + " ")}{problem.Code}: {problem.Message}{(problem.Suggestion is null ? "" : " " + problem.Suggestion)}";

    private static void Validate<T>(IServiceProvider services, List<string> problems) where T : class
    {
        try
        {
            _ = services.GetRequiredService<IOptions<T>>().Value;
        }
        catch (OptionsValidationException exception)
        {
            problems.AddRange(exception.Failures);
        }
    }

    /// <summary>Settings that do not exist and values that are none of their type's.</summary>
    /// <summary>Settings that do not exist, and values that cannot be read.</summary>
    internal static List<string> Spelling(IConfiguration configuration)
    {
        var problems = new List<string>();
        foreach (var setting in configuration.GetSection(Root).GetChildren())
        {
            if (Sections.TryGetValue(setting.Key, out var type))
            {
                CheckSection(setting, type, problems);
            }
            else if (!Plain.Contains(setting.Key, StringComparer.OrdinalIgnoreCase))
            {
                problems.Add(Unknown(setting.Path, setting.Key, [.. Plain, .. Sections.Keys]));
            }
        }

        return problems;
    }

    private static void CheckSection(IConfigurationSection section, Type type, List<string> problems)
    {
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance);
        foreach (var value in section.GetChildren())
        {
            var property = properties.FirstOrDefault(p => p.Name.Equals(value.Key, StringComparison.OrdinalIgnoreCase));
            if (property is null)
            {
                problems.Add(Unknown(value.Path, value.Key, properties.Select(p => p.Name)));
            }
            else if (property.PropertyType.IsArray)
            {
                // Its values are texts, which its section checks.
            }
            else if (property.PropertyType is { IsGenericType: true } map && map.GetGenericTypeDefinition() == typeof(Dictionary<,>))
            {
                foreach (var entry in value.GetChildren())
                {
                    CheckSection(entry, map.GetGenericArguments()[1], problems);
                }
            }
            else if (property.PropertyType.IsClass && property.PropertyType != typeof(string))
            {
                CheckSection(value, property.PropertyType, problems);
            }
            else if (value.Value is { } text && !IsReadable(text, property.PropertyType, out var wanted))
            {
                problems.Add($"{value.Path} is '{text}'; it must be {wanted}.");
            }
        }
    }

    private static string Unknown(string path, string key, IEnumerable<string> known)
    {
        var names = known.ToList();
        return $"There is no setting {path}. {Suggestion.For(key, names) ?? $"Known are {string.Join(", ", names)}."}";
    }

    private static bool IsReadable(string text, Type type, out string wanted)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        wanted = type.IsEnum ? string.Join(" or ", Enum.GetNames(type))
            : type == typeof(TimeSpan) ? "a time such as 00:15:00"
            : type == typeof(bool) ? "true or false"
            : type == typeof(string) ? "text"
            : "a number";
        if (type == typeof(string) || text.Length == 0)
        {
            return true;
        }

        try
        {
            return TypeDescriptor.GetConverter(type).ConvertFromString(null, CultureInfo.InvariantCulture, text) is not null;
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or OverflowException or NotSupportedException)
        {
            return false;
        }
    }
}
