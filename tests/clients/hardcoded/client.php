<?php
// A program that knows the vendor's host alone, by curl.

function ask(string $url, ?array $body, array $headers): array
{
    $curl = curl_init($url);
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    curl_setopt($curl, CURLOPT_HTTPHEADER, [...$headers, "Content-Type: application/json"]);
    if ($body !== null) {
        curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body));
    }
    $answer = curl_exec($curl);
    if ($answer === false) {
        throw new Exception(curl_error($curl));
    }
    return json_decode($answer, true);
}

$api = "https://api.airudder.com/service/cloud";
$auth = ask("$api/auth", ["APPKey" => "AIRudderMockKey0000001", "APPSecret" => "AIRudderMockSecret0001"], []);
$robots = ask("$api/robot", null, ["Authorization: Token " . $auth["data"]["token"]]);
if ($robots["code"] !== 200) {
    throw new Exception(json_encode($robots));
}
echo "curl\n";
