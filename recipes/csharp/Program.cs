// A receiver of AI Rudder's callbacks with ASP.NET Core 8: `dotnet run`
//
// Unrun: the machine that checks these recipes has no .NET. Run `airudder-mock audit` against it before you rely on it.
//
// It verifies signatures over the raw bytes, processes each event once, and responds before it works. When a user asks
// for a person, it accepts the conversation.

using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

string Env(string name, string otherwise) => Environment.GetEnvironmentVariable(name) ?? otherwise;
var airudder = Env("AIRUDDER_MOCK_URL", "http://127.0.0.1:2478");
var key = Env("AIRUDDER_MOCK_SIGN_KEY", "a17d0de2a17d0de2a17d0de2a17d0de2"); // names the secret
var secret = Env("AIRUDDER_MOCK_SECRET", "airudder-mock-secret");
string[] secrets = [secret, Env("AIRUDDER_MOCK_NEXT_SECRET", secret)]; // both valid while the secret is rotated
var events = Directory.CreateDirectory(Env("EVENTS", "events")).FullName; // in your code: a table with a unique key
var client = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };

string Sign(byte[] raw, string by) => Convert.ToHexString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(by), raw)).ToLowerInvariant();

bool IsGenuine(byte[] raw, string given) => secrets.Any(by =>
    CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Sign(raw, by)), Encoding.UTF8.GetBytes(given)));

// The vendor does not sign callbacks of calls, tasks, workflows, the dialer and SMS, so anyone can send one. Chatbot
// callbacks are signed, and name their event; so is the end of a chat in a workflow.
bool IsNotice(JsonObject? taken) => taken is not null && !taken.ContainsKey("event") && !taken.ContainsKey("session_end_reason");

JsonNode? Sorted(JsonNode? value) => value switch
{
    JsonObject table => new JsonObject(table.OrderBy(pair => pair.Key, StringComparer.Ordinal)
        .Select(pair => KeyValuePair.Create(pair.Key, Sorted(pair.Value)))),
    JsonArray list => new JsonArray(list.Select(Sorted).ToArray()),
    _ => value?.DeepClone(),
};

// Stores an event, and says whether it is new: the vendor repeats a callback without a timely response.
bool Take(JsonObject taken)
{
    var text = Encoding.UTF8.GetBytes(Sorted(taken)!.ToJsonString());
    var path = Path.Combine(events, Convert.ToHexString(SHA256.HashData(text)));
    try
    {
        using var file = new FileStream(path, FileMode.CreateNew); // check and record in one step: two may arrive at once
        file.Write(text);
        return true;
    }
    catch (IOException) when (File.Exists(path))
    {
        return false;
    }
}

// Runs after the response, which does not wait for it.
async Task Work(JsonObject taken)
{
    if (taken["event"] is not JsonValue name || name.ToString() != "session.transfer") return;
    var callId = (taken["transfer"] as JsonObject)?["call_id"]?.ToString();
    if (string.IsNullOrEmpty(callId)) return;
    var body = Encoding.UTF8.GetBytes(new JsonObject { ["call_id"] = callId, ["result"] = "accepted" }.ToJsonString());
    foreach (var pause in new[] { 500, 1000, 0 }) // the vendor may be down for a moment; a refusal is final
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new("application/json");
        content.Headers.Add("X-AIRudder-Sign-Key", key);
        content.Headers.Add("X-AIRudder-Sign", Sign(body, secret));
        try
        {
            var response = await client.PostAsync(airudder + "/api/v1/session/transfer_result", content);
            Console.WriteLine($"answered {callId} {(int)response.StatusCode}");
            if ((int)response.StatusCode < 500) return;
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException)
        {
            Console.WriteLine($"not accepted {callId} {error.Message}");
        }
        await Task.Delay(pause);
    }
}

var app = WebApplication.CreateBuilder(args).Build();
app.Urls.Add("http://127.0.0.1:" + Env("PORT", "3000"));

app.MapPost("/callbacks", async (HttpRequest request) =>
{
    using var buffer = new MemoryStream();
    await request.Body.CopyToAsync(buffer); // the raw bytes, before any parser: no [FromBody]
    var raw = buffer.ToArray();
    var given = request.Headers["X-AIRudder-Sign"].ToString(); // two signatures are never right
    JsonObject? taken;
    try
    {
        taken = JsonNode.Parse(raw) as JsonObject;
    }
    catch (System.Text.Json.JsonException)
    {
        taken = null;
    }
    if (!IsGenuine(raw, given) && (given != "" || !IsNotice(taken))) return Results.Json(new { error = "wrong signature" }, statusCode: 401);
    if (taken is null) return Results.Json(new { error = "not an event" }, statusCode: 400);
    if (Take(taken)) _ = Task.Run(() => Work(taken));
    return Results.Json(new { });
});

// How many events were accepted, for `airudder-mock audit --probe`.
app.MapGet("/probe", () => new { worked = Directory.GetFiles(events).Length });

app.Run();
