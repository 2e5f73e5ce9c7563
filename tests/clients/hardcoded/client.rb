# A program that knows the vendor's host alone, by net/http.
require "json"
require "net/http"

API = "https://api.airudder.com/service/cloud"
CREDENTIALS = { APPKey: "AIRudderMockKey0000001", APPSecret: "AIRudderMockSecret0001" }

answer = Net::HTTP.post(URI("#{API}/auth"), CREDENTIALS.to_json, "Content-Type" => "application/json")
token = JSON.parse(answer.body)["data"]["token"]
uri = URI("#{API}/robot")
request = Net::HTTP::Get.new(uri, "Authorization" => "Token #{token}")
robots = Net::HTTP.start(uri.host, uri.port, use_ssl: true) { |http| http.request(request) }
raise robots.body unless JSON.parse(robots.body)["code"] == 200

puts "net/http"
