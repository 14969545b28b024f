#!/usr/bin/env bash
# quickstart.sh - from a fresh clone to counted words: installs what is missing, builds, starts a cluster,
# feeds a text file through a socket to the socket word count, prints the counts and where the web page is.
# The cluster stays up. May be run again.
#
# usage: scripts/quickstart.sh [TEXT FILE]
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."
root=$PWD
text=${1:-docs/architecture.md}
[[ -r $text ]] || { echo "$text cannot be read" >&2; exit 1; }
text=$(realpath "$text")

step() { printf '\n== %s\n' "$*"; }

step "What is needed to build"
scripts/install-deps.sh build
echo "all there"

step "Building"
make -j"$(nproc)" all

home=$root/build/flink
cd "$home"

step "Starting a cluster"
bin/start-cluster.sh

# A port that nobody listens on: 9000 as in the tutorial, else the next.
port=9000
while (exec 3<>"/dev/tcp/localhost/$port") 2>/dev/null; do
	((++port))
done

step "Counting the words of $text, in windows of 5 s"
server= results=
finish() {
	[[ -z $server ]] || kill "$server" 2>/dev/null || true
	[[ -z $results ]] || rm -f "$results"
}
trap finish EXIT
results=$(mktemp)
bin/text-server "$port" <"$text" &
server=$!
bin/flink run examples/streaming/SocketWindowWordCount.jar --hostname localhost --port "$port" | tee "$results" |
	grep -v ' : ' || true
[[ ${PIPESTATUS[0]} == 0 ]] || { echo "The job failed; see $home/log" >&2; exit 1; }
wait "$server" 2>/dev/null || true
server=

echo
echo "The most frequent words:"
sed -n 's/^\([[:alpha:]].*\) : \([0-9]*\)$/\2 \1/p' "$results" | sort -k1,1nr -k2 | head -n 10 | sed 's/^\([0-9]*\) \(.*\)/\2 : \1/'
words=$(sed -n 's/^.* : \([0-9]*\)$/\1/p' "$results" | awk '{ sum += $1 } END { print sum + 0 }')
echo "$words words in all; the same lines are in $home/log/latest.out"

step "The cluster is up"
bin/start-cluster.sh 2>/dev/null | grep '^1 JobManager' || true
printf 'Another job:  cd %q && bin/flink run examples/streaming/WordCount.jar\n' "$home"
printf 'Stop it:      %q\n' "$home/bin/stop-cluster.sh"
