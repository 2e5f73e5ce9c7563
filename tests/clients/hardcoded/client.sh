#!/bin/sh
# A program that knows the vendor's hosts alone, by curl.
set -eu
token=$(curl -sSf https://api.airudder.com/service/cloud/auth -d APPKey=AIRudderMockKey0000001 -d APPSecret=AIRudderMockSecret0001 |
  sed 's/.*"token":"\([^"]*\)".*/\1/')
curl -sSf https://api.airudder.com/service/cloud/robot -H "Authorization: Token $token" | grep -q '"code":200'
echo "curl"
# Number detection has a host of its own. It is asked without a signature, which it says.
curl -sS https://detection.airudder.com/service/cloud/emptycheck --json '{}' | grep -q '"code"'
echo "detection"
# Plain HTTP goes the same way.
http_proxy=${http_proxy:-$https_proxy} curl -sSf http://api.airudder.com/service/cloud/robot -H "Authorization: Token $token" | grep -q '"code":200'
echo "plain"
# Another host is not reached, and it is said how it would be.
if curl -sSv https://elsewhere.example/ 2>log.txt; then exit 1; fi
grep -q "403 this proxy of airudder-mock plays api.airudder.com.*--proxy-host elsewhere.example" log.txt
echo "refused"
