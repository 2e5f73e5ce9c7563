#!/usr/bin/env bash
# Measures how long a one-step story takes from start to exit, and how much memory the program needs while it idles.
# Method: release build; 30 runs of a one-step story at --speed max against the embedded receiver, wall time of each
# by the shell's clock, median and slowest; resident memory of `receive` from /proc, one second after its start line.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
program="${CARGO_TARGET_DIR:-target}/release/airudder-mock"
folder=$(mktemp -d)
trap 'rm -rf "$folder"; kill "${receiver:-0}" 2>/dev/null || true' EXIT
printf '[[steps]]\nsend = "session.transfer"\n' > "$folder/one.toml"

"$program" run "$folder/one.toml" --speed max --quiet --listen 127.0.0.1:0 > "$folder/first.txt"
for _ in $(seq 30); do
  start=$(date +%s%N)
  "$program" run "$folder/one.toml" --speed max --quiet --listen 127.0.0.1:0 > /dev/null
  echo $((($(date +%s%N) - start) / 10000))
done | sort -n > "$folder/times"
for _ in $(seq 30); do
  start=$(date +%s%N)
  "$program" --version > /dev/null
  echo $((($(date +%s%N) - start) / 10000))
done | sort -n > "$folder/bare"

"$program" receive --listen 127.0.0.1:0 > "$folder/receive.txt" &
receiver=$!
until [ -s "$folder/receive.txt" ]; do :; done
sleep 1
resident=$(awk '/VmRSS/ { print $2 }' "/proc/$receiver/status")

at() { sed -n "$2p" "$1" | awk '{ printf "%.2f ms", $1 / 100 }'; }
echo "one-step story, start to exit: median $(at "$folder/times" 15), slowest of 30 $(at "$folder/times" 30)"
echo "--version, start to exit:      median $(at "$folder/bare" 15), slowest of 30 $(at "$folder/bare" 30)"
echo "receive, idle: $((resident / 1024)).$((resident % 1024 * 10 / 1024)) MB resident"
