using System.Text;
using System.Text.Json;
using System.Xml;
using Microsoft.OData.Edm;
using Microsoft.OData.Edm.Csdl;
using Microsoft.OData.Edm.Vocabularies;
using Microsoft.OData.Edm.Vocabularies.V1;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.OData;

/// <summary>The feed's sets as OData's own model, and that as XML or JSON.</summary>
internal static class FeedModel
{
    private const string Namespace = "Write";
    private const string Container = "Feed";
    private const string Aggregation = "Org.OData.Aggregation.V1";
    private const string Capabilities = "Org.OData.Capabilities.V1";

    private static readonly string[] RowTransformations =
        ["filter", "search", "identity", "compute", "groupby", "aggregate", "concat", "topcount", "bottomcount", "orderby", "skip", "top"];

    private static readonly EdmTerm CustomAggregate = new(Aggregation, "CustomAggregate", EdmCoreModel.Instance.GetString(true));
    private static readonly EdmTerm ApplySupported = new(Aggregation, "ApplySupported", ApplySupportedType());

    /// <summary>What cannot be done with a set, as Capabilities says it.</summary>
    private static readonly (IEdmTerm Term, string Property)[] Restrictions =
        [(Capability("InsertRestrictions"), "Insertable"), (Capability("UpdateRestrictions"), "Updatable"), (Capability("DeleteRestrictions"), "Deletable"), (Capability("ExpandRestrictions"), "Expandable")];

    public static string TypeName(FeedSet set) => Namespace + "." + set.Name;

    public static byte[] WriteXml(IReadOnlyList<FeedSet> sets, bool openTypes)
    {
        using var stream = new MemoryStream();
        using (var xml = XmlWriter.Create(stream, new XmlWriterSettings { Encoding = new UTF8Encoding(false), Indent = true }))
        {
            Check(CsdlWriter.TryWriteCsdl(Build(sets, openTypes), xml, CsdlTarget.OData, out var errors), errors);
        }

        return stream.ToArray();
    }

    public static byte[] WriteJson(IReadOnlyList<FeedSet> sets, bool openTypes)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, AnswerJson.WriterOptions))
        {
            var model = Build(sets, openTypes);
            model.SetEdmVersion(EdmConstants.EdmVersion401);
            Check(CsdlWriter.TryWriteCsdl(model, json, new CsdlJsonWriterSettings(), out var errors), errors);
        }

        return stream.ToArray();
    }

    private static EdmModel Build(IReadOnlyList<FeedSet> sets, bool openTypes)
    {
        var model = new EdmModel();
        model.SetEdmVersion(EdmConstants.EdmVersion4);
        var references = new List<IEdmReference>();
        foreach (var (space, alias) in new[] { (Aggregation, "Aggregation"), ("Org.OData.Core.V1", "Core"), (Capabilities, "Capabilities") })
        {
            var reference = new EdmReference(new Uri($"https://oasis-tcs.github.io/odata-vocabularies/vocabularies/{space}.xml"));
            reference.AddInclude(new EdmInclude(alias, space));
            references.Add(reference);
        }

        model.SetEdmReferences(references);
        var container = new EdmEntityContainer(Namespace, Container);
        Annotate(model, container, CoreVocabularyModel.Instance.FindDeclaredTerm("Org.OData.Core.V1.ODataVersions"), null, new EdmStringConstant("4.0,4.01"));
        Annotate(model, container, Capability("BatchSupported"), null, new EdmBooleanConstant(true));
        Annotate(model, container, Capability("AsynchronousRequestsSupported"), null, new EdmBooleanConstant(false));
        foreach (var set in sets)
        {
            var type = new EdmEntityType(Namespace, set.Name, baseType: null, isAbstract: false, isOpen: openTypes);
            foreach (var column in set.Columns)
            {
                var property = type.AddStructuralProperty(column.Name, EdmTypes.Of(column.Type, isNullable: column.Name != set.Key));
                if (column.Name == set.Key)
                {
                    type.AddKeys(property);
                }

                Describe(model, property, set.DescriptionOf(column.Name));
            }

            model.AddElement(type);
            var entitySet = container.AddEntitySet(set.Name, type);
            Describe(model, entitySet, set.Description);
            Annotate(model, entitySet, ApplySupported, null, new EdmRecordExpression(
                new EdmPropertyConstructor("Transformations", Texts(set is MetricsFeedSet ? RowTransformations.Where(t => t is not "concat") : RowTransformations)),
                new EdmPropertyConstructor("CustomAggregationMethods", new EdmCollectionExpression()),
                new EdmPropertyConstructor("Rollup", new EdmStringConstant("MultipleHierarchies"))));
            foreach (var (term, property) in Restrictions)
            {
                Annotate(model, entitySet, term, null, new EdmRecordExpression(new EdmPropertyConstructor(property, new EdmBooleanConstant(false))));
            }

            if (set is MetricsFeedSet metrics)
            {
                foreach (var metric in metrics.Metrics)
                {
                    Annotate(model, entitySet, CustomAggregate, metric.Name, new EdmStringConstant("Edm.PrimitiveType"));
                }
            }
            else
            {
                foreach (var (name, custom) in set.Customs.Where(c => c.Value.Value is not null).OrderBy(c => c.Key, StringComparer.Ordinal))
                {
                    Annotate(model, entitySet, CustomAggregate, name, new EdmStringConstant("Edm." + EdmTypes.Kind(custom.Type)));
                }
            }
        }

        model.AddElement(container);
        return model;
    }

    private static IEdmTerm Capability(string name) => CapabilitiesVocabularyModel.Instance.FindDeclaredTerm(Capabilities + "." + name);

    private static EdmComplexTypeReference ApplySupportedType()
    {
        var (type, texts) = (new EdmComplexType(Aggregation, "ApplySupportedType"), new EdmCollectionTypeReference(new EdmCollectionType(EdmCoreModel.Instance.GetString(true))));
        type.AddStructuralProperty("Transformations", texts);
        type.AddStructuralProperty("CustomAggregationMethods", texts);
        type.AddStructuralProperty("Rollup", EdmCoreModel.Instance.GetString(true));
        return new EdmComplexTypeReference(type, true);
    }

    private static EdmCollectionExpression Texts(IEnumerable<string> texts) => new(texts.Select(t => new EdmStringConstant(t)));

    private static void Describe(EdmModel model, IEdmVocabularyAnnotatable target, string? description)
    {
        if (description is not null)
        {
            Annotate(model, target, CoreVocabularyModel.DescriptionTerm, null, new EdmStringConstant(description));
        }
    }

    private static void Annotate(EdmModel model, IEdmVocabularyAnnotatable target, IEdmTerm term, string? qualifier, IEdmExpression value)
    {
        var annotation = new EdmVocabularyAnnotation(target, term, qualifier, value);
        annotation.SetSerializationLocation(model, EdmVocabularyAnnotationSerializationLocation.Inline);
        model.AddVocabularyAnnotation(annotation);
    }

    private static void Check(bool isWritten, IEnumerable<Microsoft.OData.Edm.Validation.EdmError> errors)
    {
        if (!isWritten)
        {
            throw new InvalidOperationException("The feed's model cannot be written: " + QueryForm.Short(string.Join("; ", errors.Select(e => e.ErrorMessage))));
        }
    }
}
