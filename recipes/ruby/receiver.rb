# A receiver of AI Rudder's callbacks with WEBrick: `gem install webrick`, then `ruby receiver.rb`
#
# It verifies signatures over the raw bytes, processes each event once, and responds before it works. When a user asks
# for a person, it accepts the conversation. Try it with `airudder-mock run story.toml -- ruby receiver.rb`.

require "digest"
require "fileutils"
require "json"
require "net/http"
require "openssl"
require "webrick"

PORT = Integer(ENV.fetch("PORT", "3000"))
AIRUDDER = ENV.fetch("AIRUDDER_MOCK_URL", "http://127.0.0.1:2478")
KEY = ENV.fetch("AIRUDDER_MOCK_SIGN_KEY", "a17d0de2a17d0de2a17d0de2a17d0de2") # names the secret
SECRET = ENV.fetch("AIRUDDER_MOCK_SECRET", "airudder-mock-secret")
SECRETS = [SECRET, ENV.fetch("AIRUDDER_MOCK_NEXT_SECRET", SECRET)].freeze # both valid while the secret is rotated
EVENTS = ENV.fetch("EVENTS", "events") # in your code: a table with a unique key
FileUtils.mkdir_p(EVENTS)
JOBS = Queue.new

def sign(raw, secret) = OpenSSL::HMAC.hexdigest("SHA256", secret, raw)

def genuine?(raw, given)
  SECRETS.any? do |secret|
    right = sign(raw, secret)
    right.bytesize == given.bytesize && OpenSSL.fixed_length_secure_compare(right, given) # which raises otherwise
  end
end

# The vendor does not sign callbacks of calls, tasks, workflows, the dialer and SMS, so anyone can send one. Chatbot
# callbacks are signed, and name their event; so is the end of a chat in a workflow.
def notice?(event) = event.is_a?(Hash) && !event.key?("event") && !event.key?("session_end_reason")

def sorted(value)
  case value
  when Hash then value.sort.to_h.transform_values { |inner| sorted(inner) }
  when Array then value.map { |inner| sorted(inner) }
  else value
  end
end

# Stores an event, and says whether it is new: the vendor repeats a callback without a timely response.
def take?(event)
  text = JSON.generate(sorted(event))
  # Check and record in one step: two of the same may arrive at once.
  File.open(File.join(EVENTS, Digest::SHA256.hexdigest(text)), File::WRONLY | File::CREAT | File::EXCL) { |file| file.write(text) }
  true
rescue Errno::EEXIST
  false
end

# Runs after the response, which does not wait for it.
def work(event)
  transfer = event["transfer"]
  return unless event["event"] == "session.transfer" && transfer.is_a?(Hash) && !transfer["call_id"].to_s.empty?

  body = JSON.generate(call_id: transfer["call_id"], result: "accepted")
  headers = { "Content-Type" => "application/json", "X-AIRudder-Sign-Key" => KEY, "X-AIRudder-Sign" => sign(body, SECRET) }
  [0.5, 1, 0].each do |pause| # the vendor may be down for a moment; a refusal is final
    status = posted("/api/v1/session/transfer_result", body, headers)
    puts "answered #{transfer["call_id"]} #{status}"
    break if status.to_i.between?(1, 499)

    sleep pause
  end
end

# The status of the response, or why there is none.
def posted(path, body, headers)
  Net::HTTP.post(URI(AIRUDDER + path), body, headers).code
rescue SystemCallError, IOError, Timeout::Error => e
  e.message
end

def answer(response, status, fields)
  response.status = status
  response["Content-Type"] = "application/json"
  response.body = JSON.generate(fields)
end

$stdout.sync = true
4.times { Thread.new { loop { work(JOBS.pop) } } }
server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: PORT, AccessLog: [], Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN))

server.mount_proc("/callbacks") do |request, response|
  raw = request.body || "" # the raw bytes, before any parser
  given = request["X-AIRudder-Sign"] || ""
  event = begin
    JSON.parse(raw)
  rescue JSON::ParserError
    nil
  end
  is_right = genuine?(raw, given) || (given.empty? && notice?(event))
  next answer(response, 401, error: "wrong signature") unless is_right
  next answer(response, 400, error: "not an event") unless event.is_a?(Hash)

  JOBS << event if take?(event)
  answer(response, 200, {})
end

# How many events were accepted, for `airudder-mock audit --probe`.
server.mount_proc("/probe") { |_, response| answer(response, 200, worked: Dir.children(EVENTS).length) }

trap("TERM") { server.shutdown }
trap("INT") { server.shutdown }
server.start
