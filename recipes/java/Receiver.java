// A receiver of AI Rudder's callbacks with the JDK's own server (17) and Gson: `java -cp gson.jar Receiver.java`
//
// It verifies signatures over the raw bytes, processes each event once, and responds before it works. When a user asks
// for a person, it accepts the conversation. Under Spring, take the body as `@RequestBody byte[]` and the rest as it is here.

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Receiver {
    static final int PORT = Integer.parseInt(env("PORT", "3000"));
    static final String AIRUDDER = env("AIRUDDER_MOCK_URL", "http://127.0.0.1:2478");
    static final String KEY = env("AIRUDDER_MOCK_SIGN_KEY", "a17d0de2a17d0de2a17d0de2a17d0de2"); // names the secret
    static final String SECRET = env("AIRUDDER_MOCK_SECRET", "airudder-mock-secret");
    // Both are valid while the secret is rotated.
    static final List<String> SECRETS = List.of(SECRET, env("AIRUDDER_MOCK_NEXT_SECRET", SECRET));
    static final Path EVENTS = Path.of(env("EVENTS", "events")); // in your code: a table with a unique key
    static final ExecutorService WORKERS = Executors.newFixedThreadPool(4);
    static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    static String env(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    static String sign(byte[] raw, String secret) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        return HexFormat.of().formatHex(mac.doFinal(raw));
    }

    static boolean isGenuine(byte[] raw, String given) throws GeneralSecurityException {
        for (String secret : SECRETS) {
            byte[] right = sign(raw, secret).getBytes(StandardCharsets.UTF_8);
            if (MessageDigest.isEqual(right, given.getBytes(StandardCharsets.UTF_8))) return true;
        }
        return false;
    }

    /** Returns nothing if it is not an event. */
    static JsonObject parsed(byte[] raw) {
        try {
            return JsonParser.parseString(new String(raw, StandardCharsets.UTF_8)).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException error) {
            return null;
        }
    }

    /**
     * The vendor does not sign callbacks of calls, tasks, workflows, the dialer and SMS, so anyone can send one. Chatbot
     * callbacks are signed, and name their event; so is the end of a chat in a workflow.
     */
    static boolean isNotice(JsonObject event) {
        return event != null && !event.has("event") && !event.has("session_end_reason");
    }

    static JsonElement sorted(JsonElement value) {
        if (value instanceof JsonArray list) {
            JsonArray result = new JsonArray();
            list.forEach(inner -> result.add(sorted(inner)));
            return result;
        }
        if (!(value instanceof JsonObject object)) return value;
        JsonObject result = new JsonObject();
        new TreeMap<>(object.asMap()).forEach((key, inner) -> result.add(key, sorted(inner)));
        return result;
    }

    /** Stores an event, and says whether it is new: the vendor repeats a callback without a timely response. */
    static boolean take(JsonObject event) throws IOException, GeneralSecurityException {
        byte[] text = new Gson().toJson(sorted(event)).getBytes(StandardCharsets.UTF_8);
        Path path = EVENTS.resolve(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text)));
        try {
            Files.write(path, text, StandardOpenOption.CREATE_NEW); // check and record in one step: two may arrive at once
            return true;
        } catch (FileAlreadyExistsException known) {
            return false;
        }
    }

    /** Runs after the response, which does not wait for it. */
    static void work(JsonObject event) {
        if (!new JsonPrimitive("session.transfer").equals(event.get("event"))) return;
        if (!(event.get("transfer") instanceof JsonObject transfer) || !transfer.has("call_id")) return;
        String id = transfer.get("call_id").getAsString();
        if (id.isEmpty()) return;
        byte[] body = new Gson().toJson(Map.of("call_id", id, "result", "accepted")).getBytes(StandardCharsets.UTF_8);
        try {
            HttpRequest request = HttpRequest.newBuilder(URI.create(AIRUDDER + "/api/v1/session/transfer_result"))
                    .header("Content-Type", "application/json")
                    .header("X-AIRudder-Sign-Key", KEY)
                    .header("X-AIRudder-Sign", sign(body, SECRET))
                    .timeout(Duration.ofSeconds(10))
                    .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                    .build();
            for (int pause : new int[] {500, 1000, 0}) { // the vendor may be down for a moment; a refusal is final
                try {
                    int status = CLIENT.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
                    System.out.println("answered " + id + " " + status);
                    if (status < 500) return;
                } catch (IOException error) {
                    System.out.println("not accepted " + id + " " + error);
                }
                Thread.sleep(pause);
            }
        } catch (GeneralSecurityException | InterruptedException error) {
            System.out.println("not accepted " + id + " " + error);
        }
    }

    static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    static void hook(HttpExchange exchange) throws IOException {
        byte[] raw = exchange.getRequestBody().readAllBytes(); // the raw bytes, before any parser
        // Two signatures are never right.
        String given = String.join(", ", exchange.getRequestHeaders().getOrDefault("X-AIRudder-Sign", List.of()));
        JsonObject event = parsed(raw);
        boolean isNew;
        try {
            if (!isGenuine(raw, given) && (!given.isEmpty() || !isNotice(event))) {
                answer(exchange, 401, "{\"error\":\"wrong signature\"}");
                return;
            }
            if (event == null) {
                answer(exchange, 400, "{\"error\":\"not an event\"}");
                return;
            }
            isNew = take(event);
        } catch (GeneralSecurityException error) {
            throw new IOException(error);
        }
        answer(exchange, 200, "{}");
        if (isNew) WORKERS.submit(() -> work(event));
    }

    /** How many events were accepted, for `airudder-mock audit --probe`. */
    static void probe(HttpExchange exchange) throws IOException {
        answer(exchange, 200, "{\"worked\":" + EVENTS.toFile().list().length + "}");
    }

    public static void main(String[] args) throws IOException {
        Files.createDirectories(EVENTS);
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", PORT), 128);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/callbacks", Receiver::hook);
        server.createContext("/probe", Receiver::probe);
        server.start();
    }
}
