using DuckDB.NET.Data;

namespace Write.DataPlatform.Api.Tests.Commands;

/// <summary>A model as MetricFlow writes it and the DuckDB database that it is of, with nulls and rows without a partner on either side.</summary>
public sealed class RentalWorld : IDisposable
{
    private const string Model = """
        semantic_model:
          name: bookings
          node_relation: { database: elsewhere, schema_name: rent, alias: fct_bookings }
          defaults: { agg_time_dimension: ds }
          measures:
            - { name: bookings, expr: "1", agg: sum, create_metric: true }
            - { name: booking_value, expr: amount, agg: sum, create_metric: true }
          dimensions:
            - { name: is_instant, type: categorical }
            - { name: ds, type: time, type_params: { time_granularity: day } }
          primary_entity: booking
          entities:
            - { name: listing, type: foreign, expr: listing_id }
        ---
        semantic_model:
          name: reviews
          node_relation: { schema_name: rent, alias: fct_reviews }
          defaults: { agg_time_dimension: filed_in }
          measures:
            - { name: reviews, expr: "1", agg: sum, create_metric: true }
            - { name: logins, expr: "1", agg: sum, agg_time_dimension: login, create_metric: true }
          dimensions:
            - { name: filed_in, type: time, type_params: { time_granularity: month } }
            - { name: login, type: time, type_params: { time_granularity: second } }
          primary_entity: review
          entities:
            - { name: listing, type: foreign, expr: listing_id }
        ---
        semantic_model:
          name: listings_latest
          node_relation: { schema_name: rent, alias: dim_listings }
          dimensions:
            - { name: country_latest, type: categorical, expr: country }
            - { name: is_lux_latest, type: categorical, expr: is_lux }
            - { name: created, type: time, expr: created_at, type_params: { time_granularity: day } }
          entities:
            - { name: listing, type: primary, expr: listing_id }
            - { name: user, type: foreign, expr: user_id }
        ---
        semantic_model:
          name: users_latest
          node_relation: { relation_name: elsewhere.rent.dim_users, alias: dim_users, schema_name: rent }
          dimensions:
            - { name: home_state_latest, type: categorical, expr: home_state }
          entities:
            - { name: user, type: primary, expr: user_id }
        ---
        tenants:
          - { name: us, where: "{{ Dimension('listing__country_latest') }} = 'us'" }
          - { name: nowhere, where: "{{ Dimension('listing__country_latest') }} is null" }
          - { name: instant, where: "{{ Dimension('booking__is_instant') }}" }
        ---
        project_configuration:
          time_spines:
            - node_relation: { schema_name: rent, alias: spine }
              primary_column: { name: ds, time_granularity: day }
        ---
        saved_query:
          name: short_countries
          query_params:
            metrics: [bookings]
            group_by: ["TimeDimension('metric_time', 'month')", "Entity('listing')"]
            where:
              - "{{ Dimension('listing__country_latest') }} is not null"
              - "length({{ Dimension('listing__country_latest') }}) + 1 = 3"
            order_by: ["Metric('bookings').descending(True)"]
            limit: 3
        """;

    private const string Rows = """
        CREATE SCHEMA rent;
        CREATE TABLE rent.fct_bookings AS SELECT i AS booking_id, DATE '2019-12-20' + CAST(i % 60 AS INTEGER) AS ds, CASE WHEN i % 11 = 0 THEN NULL ELSE i % 7 END AS listing_id,
          CASE WHEN i % 5 = 0 THEN NULL ELSE i % 2 = 0 END AS is_instant, CAST(i AS DECIMAL(10, 2)) / 4 AS amount FROM range(500) AS r(i);
        CREATE TABLE rent.fct_reviews AS SELECT i % 9 AS listing_id, DATE '2019-11-01' + to_months(CAST(i % 5 AS INTEGER)) AS filed_in, TIMESTAMP '2020-01-01' + to_minutes(i * 37) AS login FROM range(200) AS r(i);
        CREATE TABLE rent.dim_listings AS SELECT * FROM (VALUES (0, 'us', true, DATE '2019-01-05', 10), (1, 'us', false, DATE '2019-02-05', 11), (2, 'it', NULL, DATE '2019-02-20', 10), (3, NULL, true, NULL, NULL), (4, 'de, fr', false, DATE '2020-02-29', 99))
          AS v(listing_id, country, is_lux, created_at, user_id);
        CREATE VIEW rent.dim_users AS SELECT * FROM (VALUES (10, 'CA'), (11, 'NY'), (12, 'TX'), (13, NULL)) AS v(user_id, home_state);
        CREATE TABLE rent.spine AS SELECT CAST(x AS DATE) AS ds FROM range(TIMESTAMP '2019-12-01', TIMESTAMP '2020-03-01', INTERVAL 1 DAY) AS r(x);
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-rent-").FullName;

    public RentalWorld()
    {
        Directory.CreateDirectory(Models);
        File.WriteAllText(Path.Combine(Models, "rent.yaml"), Model);
        Sql(Rows);
    }

    public string Models => Path.Combine(_folder, "models");

    public string Database => Path.Combine(_folder, "rent.duckdb");

    /// <summary>What answers every query here.</summary>
    public string[] Lake => ["--models", Models, "--lake-db", Database];

    /// <summary>A statement's rows as CSV cells, by hand over the same file; null is nothing.</summary>
    public List<string> Sql(string sql) => Sql(Database, sql);

    /// <summary>The same over any database file.</summary>
    /// <param name="database">The file.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="cell">How a value is written; the invariant way unless said.</param>
    public static List<string> Sql(string database, string sql, Func<object, string?>? cell = null)
    {
        // The file may have the name of its schema.
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"ATTACH '{database}' AS by_hand; USE by_hand";
        command.ExecuteNonQuery();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "" : cell is null ? Convert.ToString(reader.GetValue(i), System.Globalization.CultureInfo.InvariantCulture) : cell(reader.GetValue(i)))));
        }

        return rows;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
