using Microsoft.AspNetCore.OData.Query;
using Microsoft.AspNetCore.OData.Routing.Controllers;
using Microsoft.EntityFrameworkCore;

namespace Write.DataPlatform.ODataPeer;

/// <summary>A row of the table that both sides serve.</summary>
public sealed class Row
{
    public string Id { get; set; } = "";

    public DateOnly Day { get; set; }

    public DateOnly Month { get; set; }

    public string? Item { get; set; }

    public string? Device { get; set; }

    public long? Count { get; set; }

    public long? Amount { get; set; }

    public DateTime LoadedAt { get; set; }
}

public sealed class RowContext(DbContextOptions<RowContext> options) : DbContext(options)
{
    public DbSet<Row> Rows => Set<Row>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<Row>().ToTable("rows");
}

/// <summary>As the documentation does it: pages by the server, in a stable order.</summary>
public sealed class RowsController(RowContext context) : ODataController
{
    [EnableQuery(PageSize = 50_000, MaxNodeCount = 1_000)]
    public IQueryable<Row> Get() => context.Rows;
}

/// <summary>As fast as it goes: one page, in no order that costs anything.</summary>
public sealed class TunedController(RowContext context) : ODataController
{
    [EnableQuery(EnsureStableOrdering = false, HandleNullPropagation = HandleNullPropagationOption.False, MaxNodeCount = 1_000)]
    public IAsyncEnumerable<Row> Get(ODataQueryOptions<Row> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return context.Rows.AsAsyncEnumerable();
    }
}
