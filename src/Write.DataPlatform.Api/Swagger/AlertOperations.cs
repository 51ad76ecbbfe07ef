using Microsoft.OpenApi;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Swagger;

/// <summary>The operations of alerts and reports.</summary>
internal static class AlertOperations
{
    public static void Describe(Operations to)
    {
        OpenApiSchema Moment(string description) => Schemas.OrNull(Schemas.Text(description, "date-time"));
        OpenApiSchema Status() => Schemas.OneOf(null, Schemas.Words<AlertStatus>());
        (string, IOpenApiSchema)[] waiting = [("waiting", Schemas.Whole("Messages that are not delivered yet")),
            ("givenUp", Schemas.OrNull(Schemas.Object("The last message, if it was given up", ("at", Schemas.Text(format: "date-time")), ("reason", Schemas.OrNull(Schemas.Text())), ("messageId", Schemas.OrNull(Schemas.Text()))))), ("problems", Schemas.List(Schemas.Text(), "What keeps it from being evaluated or delivered"))];
        var alert = to.Named("Alert", Schemas.Object(
            null,
            [
                ("name", Schemas.Text()), ("href", Schemas.Text()), ("description", Schemas.OrNull(Schemas.Text())), ("severity", Schemas.OneOf(null, Schemas.Words<Severity>())), ("tenant", Schemas.OrNull(Schemas.Text())),
                ("condition", Schemas.Text()), ("status", Status()), ("since", Moment("Since when")), ("period", Schemas.OrNull(Schemas.Text("The period last judged"))), ("detail", Schemas.OrNull(Schemas.Text())),
                ("error", Schemas.OrNull(Schemas.Text("Why the last evaluation failed"))), ("groups", Schemas.Whole()), ("firing", Schemas.Whole("Groups that fire")), ("channel", Schemas.OrNull(Schemas.Text("For operators"))), .. waiting,
                ("evaluatedAt", Moment("The last evaluation")), ("nextAt", Moment("The next")),
            ]));
        var report = to.Named("Report", Schemas.Object(
            null,
            [
                ("name", Schemas.Text()), ("href", Schemas.Text()), ("description", Schemas.OrNull(Schemas.Text())), ("tenant", Schemas.OrNull(Schemas.Text())), ("format", Schemas.OneOf(null, Schemas.Words<ReportFormat>())),
                ("status", Schemas.OneOf(null, Schemas.Words<ReportStatus>())), ("error", Schemas.OrNull(Schemas.Text())), ("channel", Schemas.OrNull(Schemas.Text("For operators"))), .. waiting,
                ("sentAt", Moment("The last delivery")), ("madeAt", Moment("When the last one was made")), ("nextAt", Moment("The next")),
            ]));
        var group = to.Named("AlertGroup", Schemas.Object(
            null, ("key", new OpenApiSchema { Type = JsonSchemaType.Object, Description = "Its values by dimension" }), ("status", Status()), ("since", Schemas.Text(format: "date-time")), ("value", Schemas.OrNull(Schemas.Number())),
            ("reference", Schemas.OrNull(Schemas.Number("What it was held against"))), ("measure", Schemas.OrNull(Schemas.Number("What was compared with the limits"))), ("detail", Schemas.OrNull(Schemas.Text()))));
        var events = to.Named("Deliveries", Schemas.Object(
            null,
            ("history", Schemas.List(Schemas.Object(null, ("at", Schemas.Text(format: "date-time")), ("event", Schemas.OneOf(null, Schemas.Words<AlertEvent>())), ("groups", Schemas.List(Schemas.Text())), ("detail", Schemas.OrNull(Schemas.Text())), ("messageId", Schemas.OrNull(Schemas.Text()))), "The latest first")),
            ("messages", Schemas.List(Schemas.Object(
                null, ("id", Schemas.Text()), ("type", Schemas.Text()), ("channel", Schemas.OrNull(Schemas.Text("For operators"))), ("createdAt", Schemas.Text(format: "date-time")), ("attempts", Schemas.Whole()), ("nextAttemptAt", Moment("The next attempt")), ("lastError", Schemas.OrNull(Schemas.Text()))), "What is not delivered yet"))));
        OpenApiSchema Delivery() => Schemas.Object(null, ("messageId", Schemas.Text()), ("isDelivered", Schemas.Flag()), ("problem", Schemas.OrNull(Schemas.Text())));

        var name = Operations.Path("name", "The alert");
        to.Add(HttpMethod.Get, "/v1/alerts", to.Operation("Alerts", "listAlerts", "The alerts and their states", "All for operators, its own for a tenant.", Schemas.Object(null, ("alerts", Schemas.List(alert))), 401, 403, 503));
        var one = to.Operation("Alerts", "getAlert", "An alert with its groups, its history and what waits", null, Schemas.Object(null, ("alert", alert), ("groups", Schemas.List(group)), ("events", events)), 401, 403, 404, 503);
        one.Parameters = [name];
        to.Add(HttpMethod.Get, "/v1/alerts/{name}", one);
        var test = to.Operation(
            "Alerts", "testAlert", "Evaluates an alert now", "No state changes. With `deliver` what it comes to is sent to its channel as `alert.test`.",
            Schemas.Object(null, ("alert", Schemas.Text()), ("status", Status()), ("period", Schemas.Text()), ("error", Schemas.OrNull(Schemas.Text())), ("groups", Schemas.List(group)), ("delivery", Schemas.OrNull(Delivery()))), 400, 401, 403, 404, 503);
        test.Parameters = [name, Operations.Query("deliver", Schemas.Flag())];
        to.Add(HttpMethod.Post, "/v1/alerts/{name}/test", test);

        var its = Operations.Path("name", "The report");
        to.Add(HttpMethod.Get, "/v1/reports", to.Operation("Alerts", "listReports", "The scheduled reports", "All for operators, its own for a tenant.", Schemas.Object(null, ("reports", Schemas.List(report))), 401, 403, 503));
        var its1 = to.Operation("Alerts", "getReport", "A report with its history and what waits", null, Schemas.Object(null, ("report", report), ("events", events)), 401, 403, 404, 503);
        its1.Parameters = [its];
        to.Add(HttpMethod.Get, "/v1/reports/{name}", its1);
        var send = to.Operation("Alerts", "sendReport", "Makes a report now and sends it", null, Delivery(), 400, 401, 403, 404, 422, 503, 504);
        send.Parameters = [its];
        to.Add(HttpMethod.Post, "/v1/reports/{name}/send", send);
    }
}
