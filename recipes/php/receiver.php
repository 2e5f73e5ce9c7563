<?php
// A receiver of AI Rudder's callbacks, with nothing but PHP 8: `PHP_CLI_SERVER_WORKERS=8 php -S 127.0.0.1:3000 receiver.php`
//
// It verifies signatures over the raw bytes, processes each event once, and responds before it works. When a user asks
// for a person, it accepts the conversation. Under PHP-FPM it is the same file.
declare(strict_types=1);

define('AIRUDDER', getenv('AIRUDDER_MOCK_URL') ?: 'http://127.0.0.1:2478');
define('KEY', getenv('AIRUDDER_MOCK_SIGN_KEY') ?: 'a17d0de2a17d0de2a17d0de2a17d0de2'); // names the secret
define('SECRET', getenv('AIRUDDER_MOCK_SECRET') ?: 'airudder-mock-secret');
define('SECRETS', [SECRET, getenv('AIRUDDER_MOCK_NEXT_SECRET') ?: SECRET]); // both valid while the secret is rotated
define('EVENTS', getenv('EVENTS') ?: __DIR__ . '/events'); // in your code: a table with a unique key

function is_genuine(string $raw, string $given): bool
{
    foreach (SECRETS as $secret) {
        if (hash_equals(hash_hmac('sha256', $raw, $secret), $given)) {
            return true;
        }
    }
    return false;
}

function is_event(mixed $value): bool
{
    return is_array($value) && !array_is_list($value);
}

/**
 * The vendor does not sign callbacks of calls, tasks, workflows, the dialer and SMS, so anyone can send one. Chatbot
 * callbacks are signed, and name their event; so is the end of a chat in a workflow.
 */
function is_notice(mixed $event): bool
{
    return is_event($event) && !isset($event['event']) && !isset($event['session_end_reason']);
}

function sorted(mixed $value): mixed
{
    if (!is_array($value)) {
        return $value;
    }
    if (!array_is_list($value)) {
        ksort($value, SORT_STRING);
    }
    return array_map(sorted(...), $value);
}

/** Stores an event, and says whether it is new: the vendor repeats a callback without a timely response. */
function take(array $event): bool
{
    $text = json_encode(sorted($event), JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION);
    $path = EVENTS . '/' . hash('sha256', $text);
    $file = @fopen($path, 'x'); // check and record in one step: two may arrive at once
    if ($file === false) {
        if (file_exists($path)) {
            return false;
        }
        throw new RuntimeException("$path can't be written");
    }
    fwrite($file, $text);
    fclose($file);
    return true;
}

/** Runs after the response, which does not wait for it. */
function work(array $event): void
{
    $call_id = $event['transfer']['call_id'] ?? null;
    if (($event['event'] ?? null) !== 'session.transfer' || !is_string($call_id) || $call_id === '') {
        return;
    }
    $body = json_encode(['call_id' => $call_id, 'result' => 'accepted'], JSON_THROW_ON_ERROR);
    $signature = hash_hmac('sha256', $body, SECRET);
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => "Content-Type: application/json\r\nX-AIRudder-Sign-Key: " . KEY . "\r\nX-AIRudder-Sign: $signature",
        'content' => $body,
        'timeout' => 10,
        'ignore_errors' => true,
    ]]);
    foreach ([500_000, 1_000_000, 0] as $pause) { // the vendor may be down for a moment; a refusal is final
        $http_response_header = [];
        @file_get_contents(AIRUDDER . '/api/v1/session/transfer_result', false, $context);
        $status = (int) substr($http_response_header[0] ?? 'HTTP/1.1 000', 9, 3);
        error_log("answered $call_id $status");
        if ($status !== 0 && $status < 500) {
            return;
        }
        usleep($pause);
    }
}

/** Answers, and lets the client go before what follows. */
function answer(int $status, object|array $fields): void
{
    $body = json_encode($fields, JSON_THROW_ON_ERROR);
    http_response_code($status);
    header('Content-Type: application/json');
    header('Content-Length: ' . strlen($body));
    echo $body;
    if (function_exists('fastcgi_finish_request')) {
        fastcgi_finish_request();
    } else {
        flush();
    }
}

function hook(): void
{
    $raw = file_get_contents('php://input'); // the raw bytes, before any parser: not $_POST
    $given = $_SERVER['HTTP_X_AIRUDDER_SIGN'] ?? '';
    $event = json_decode($raw, true);
    if (!is_genuine($raw, $given) && ($given !== '' || !is_notice($event))) {
        answer(401, ['error' => 'wrong signature']);
        return;
    }
    if (!is_event($event)) {
        answer(400, ['error' => 'not an event']);
        return;
    }
    $is_new = take($event);
    answer(200, new stdClass());
    if ($is_new) {
        work($event);
    }
}

if (!is_dir(EVENTS)) {
    @mkdir(EVENTS, 0700, true);
}
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    hook();
} else { // how many events were accepted, for `airudder-mock audit --probe`
    answer(200, ['worked' => count(scandir(EVENTS)) - 2]);
}
