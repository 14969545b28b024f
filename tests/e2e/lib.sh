#!/usr/bin/env bash
# lib.sh - sourced by the scripts of tests/e2e and tests/first-hour: TAP, a home of their own, waiting.
#
#   . "${BASH_SOURCE[0]%/*}/lib.sh"        (first-hour: ../e2e/lib.sh)
#   new_home                    a copy of the Flink home in $HOME_DIR with ports of its own and the
#                               pid folder $FLINK_PID_DIR; everything in it is stopped and removed at exit
#   is NAME WANTED GOT          like NAME PATTERN GOT (bash pattern)     ok NAME command…
#   await SECONDS command…      until the command succeeds; false when the time is over
#   skip_all WHY                ends the script with one skipped test
#   free_port                   PORT is a port that nobody listens on
# A test prints what it saw when it fails. The repository is $ROOT, what make built $OUT.
set -u

ROOT=$(cd -P "${BASH_SOURCE[0]%/*}/../.." && pwd)
OUT=${OUT:-$ROOT/build/${BUILD:-release}}
TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/cflink test.XXXXXX") # with a space in it, on purpose
export FLINK_PID_DIR=$TEST_DIR/pids
unset FLINK_CONF_DIR FLINK_LOG_DIR FLINK_PROPERTIES FLINK_IDENT_STRING
test_number=0 test_failed=0

passed() { echo "ok $((++test_number)) - $1"; }
failed() {
	echo "not ok $((++test_number)) - $1"
	shift
	printf '%s\n' "$@" | sed 's/^/# /'
	test_failed=1
}
is() { if [[ $3 == "$2" ]]; then passed "$1"; else failed "$1" "wanted:" "$2" "got:" "$3"; fi; }
# shellcheck disable=SC2053
like() { if [[ $3 == $2 ]]; then passed "$1"; else failed "$1" "wanted, as a pattern:" "$2" "got:" "$3"; fi; }
ok() {
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then passed "$name"; else failed "$name" "$* failed:" "$said"; fi
}
skip_all() {
	echo "ok $((++test_number)) - ${0##*/} # SKIP $1"
	exit 0
}

await() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.02
	done
}

free_port() {
	PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
}

new_home() {
	HOME_DIR=$TEST_DIR/flink
	"$ROOT/scripts/make-home" "$OUT" "$HOME_DIR" || exit 1
	free_port
	RPC_PORT=$PORT
	free_port
	REST_PORT=$PORT
	printf '%s\n' "jobmanager.rpc.address: localhost" "jobmanager.rpc.port: $RPC_PORT" "rest.port: $REST_PORT" \
		"taskmanager.numberOfTaskSlots: 2" >"$HOME_DIR/conf/flink-conf.yaml"
	export FLINK_CONF_DIR=$HOME_DIR/conf
}

at_exit() {
	[[ -z ${HOME_DIR-} ]] || "$HOME_DIR/bin/stop-cluster.sh" >/dev/null 2>&1
	rm -rf "$TEST_DIR"
	exit "$test_failed"
}
trap at_exit EXIT
