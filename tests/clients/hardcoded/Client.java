import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.HttpsURLConnection;

/** A program that knows the vendor's host alone, by both clients of the standard library. */
public class Client {
    static final String API = "https://api.airudder.com/service/cloud";
    static final String CREDENTIALS =
        "{\"APPKey\": \"AIRudderMockKey0000001\", \"APPSecret\": \"AIRudderMockSecret0001\"}";

    static String byHttpClient(String url, String body, String token) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).header("Content-Type", "application/json");
        if (body != null) request.POST(HttpRequest.BodyPublishers.ofString(body));
        if (token != null) request.header("Authorization", "Token " + token);
        return HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString()).body();
    }

    static String byConnection(String url, String body, String token) throws Exception {
        HttpsURLConnection connection = (HttpsURLConnection) new URL(url).openConnection();
        connection.setRequestProperty("Content-Type", "application/json");
        if (token != null) connection.setRequestProperty("Authorization", "Token " + token);
        if (body != null) {
            connection.setDoOutput(true);
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body.getBytes("UTF-8"));
            }
        }
        return new String(connection.getInputStream().readAllBytes(), "UTF-8");
    }

    static void check(String name, String answer, String robots) {
        if (!robots.contains("\"code\":200")) throw new IllegalStateException(answer + robots);
        System.out.println(name);
    }

    static String token(String answer) {
        Matcher matcher = Pattern.compile("\"token\":\"([^\"]*)\"").matcher(answer);
        if (!matcher.find()) throw new IllegalStateException(answer);
        return matcher.group(1);
    }

    public static void main(String[] args) throws Exception {
        String answer = byHttpClient(API + "/auth", CREDENTIALS, null);
        check("HttpClient", answer, byHttpClient(API + "/robot", null, token(answer)));
        answer = byConnection(API + "/auth", CREDENTIALS, null);
        check("HttpsURLConnection", answer, byConnection(API + "/robot", null, token(answer)));
    }
}
