# A program that knows the vendor's host alone, by HTTP::Tiny.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

my $api  = "https://api.airudder.com/service/cloud";
my $http = HTTP::Tiny->new(verify_SSL => 1);
my $body = encode_json({ APPKey => "AIRudderMockKey0000001", APPSecret => "AIRudderMockSecret0001" });
my $auth = $http->post("$api/auth", { headers => { "Content-Type" => "application/json" }, content => $body });
die $auth->{content} unless $auth->{success};
my $token  = decode_json($auth->{content})->{data}{token};
my $robots = $http->get("$api/robot", { headers => { Authorization => "Token $token" } });
die $robots->{content} unless $robots->{success} && decode_json($robots->{content})->{code} == 200;
print "HTTP::Tiny\n";
