using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.OData;
using Microsoft.EntityFrameworkCore;
using Microsoft.OData.ModelBuilder;
using Write.DataPlatform.ODataPeer;

// Serves the rows of a SQLite file: dotnet exec Write.DataPlatform.ODataPeer.dll FILE. Prints "listening URL" and ends with its standard input.
var model = new ODataConventionModelBuilder();
model.EntitySet<Row>("Rows");
model.EntitySet<Row>("Tuned");

var builder = WebApplication.CreateBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls("http://127.0.0.1:0");
builder.Services.AddDbContextPool<RowContext>(options => options.UseSqlite("Data Source=" + args[0] + ";Mode=ReadOnly;Cache=Shared").UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking));
builder.Services.AddControllers().AddOData(options => options.EnableQueryFeatures(maxTopValue: null).SkipToken().AddRouteComponents("odata", model.GetEdmModel()));

var app = builder.Build();
app.MapControllers();
await app.StartAsync();
Console.WriteLine("listening " + app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
await Console.In.ReadToEndAsync();
await app.StopAsync();
