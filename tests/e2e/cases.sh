# shellcheck shell=bash
# cases.sh - a Flink home of its own for each test, on ports that the kernel handed out, and small checks.
#
# Source it, define functions named test_…, end with `run_tests`. A test fails by calling fail (or any
# failing command under errexit); it runs in its own subshell with a fresh home that is removed
# afterwards, and every process it started is ended by pid.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD:-release}
source_home=${FLINK_SOURCE_HOME:-$root/build/flink}

fail() {
	echo "    $*" >&2
	exit 1
}

# free_ports N: N different ports that nothing holds just now, from below the range in which the kernel
# finds ports for outgoing connections: one of those could take a port before its daemon does.
free_ports() {
	python3 - "$1" <<'PY'
import random, socket, sys
sockets = []
while len(sockets) < int(sys.argv[1]):
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", random.randrange(10240, 32768)))
    except OSError:
        continue
    sockets.append(s)
print(*[s.getsockname()[1] for s in sockets])
PY
}

# make_home DIR [SETTING…]: a copy of build/flink (its name has a space, on purpose) with own ports.
make_home() {
	local home=$1 setting
	shift
	mkdir -p "$home/conf" "$home/log"
	for part in bin lib include examples web opt; do
		[[ -e $source_home/$part ]] && cp -RP "$source_home/$part" "$home/$part"
	done
	read -r rpc_port rest_port text_port spare_port < <(free_ports 4)
	{
		echo "jobmanager.rpc.address: localhost"
		echo "jobmanager.rpc.port: $rpc_port"
		echo "rest.port: $rest_port"
		echo "taskmanager.host: localhost"
		echo "taskmanager.bind-host: localhost"
		echo "taskmanager.numberOfTaskSlots: 1"
		echo "io.tmp.dirs: $home/tmp"
		for setting in "$@"; do echo "$setting"; done
	} >"$home/conf/flink-conf.yaml"
	mkdir -p "$home/tmp"
	echo "localhost:$rest_port" >"$home/conf/masters"
	echo localhost >"$home/conf/workers"
	export FLINK_HOME=$home FLINK_CONF_DIR=$home/conf FLINK_LOG_DIR=$home/log FLINK_PID_DIR=$home/pid
	mkdir -p "$home/pid"
	home_dir=$home
}

rest() { # rest PATH: the body; fails on an error status
	curl -fsS --max-time 10 "http://localhost:$rest_port$1"
}

# until_true SECONDS COMMAND…: polls; prints what was seen last on failure
until_true() {
	local deadline=$((SECONDS + $1)) seen
	shift
	while ! seen=$("$@" 2>&1); do
		if ((SECONDS >= deadline)); then
			echo "    waited in vain for: $*" >&2
			[[ -n $seen ]] && echo "    last: $seen" >&2
			return 1
		fi
		read -r -t 0.02 <> <(:) || true
	done
}

overview_is() { # overview_is FIELD VALUE
	local value
	value=$(rest /overview | jq -r ".\"$1\"") || return 1
	echo "$1 is $value, not $2"
	[[ $value == "$2" ]]
}

job_is() { # job_is ID STATUS
	local value
	value=$(rest "/jobs/$1/status" | jq -r .status) || return 1
	echo "status is $value, not $2"
	[[ $value == "$2" ]]
}

contains() { # contains TEXT PART
	[[ $1 == *"$2"* ]] || fail "\"$2\" is missing in: $1"
}

same() { # same WANTED GOT: two texts, which may have many lines
	[[ $1 == "$2" ]] || fail "$(printf 'wanted:\n%s\ngot:\n%s' "$1" "$2")"
}

file_has() { # file_has FILE PATTERN
	grep -qE -- "$2" "$1" || { echo "$1 has no line like $2"; tail -n 5 "$1" 2>/dev/null; return 1; }
}

# nc on $text_port; what is written to file descriptor 9 goes out, closing it ends the stream.
open_text_server() {
	mkfifo words
	nc -N -l "$text_port" <words >/dev/null & # not by background: opening the pipe waits for us
	started_pids+=("$!")
	exec 9>words
}

# Starts a command in the background and remembers its pid: background NAME COMMAND…; $! is in $pid
background() {
	"$@" 9>&- & # 9: the text server's input, which must have one writer
	pid=$!
	started_pids+=("$pid")
}

clean_up() {
	local p
	set +e # a process that is gone already fails nothing
	if [[ -n ${home_dir:-} && -x $home_dir/bin/stop-cluster.sh ]]; then
		"$home_dir/bin/taskmanager.sh" stop-all >/dev/null 2>&1
		"$home_dir/bin/jobmanager.sh" stop-all >/dev/null 2>&1
	fi
	for p in "${started_pids[@]:-}"; do
		[[ -n $p ]] && kill -9 "$p" 2>/dev/null
	done
	[[ -n ${scratch:-} ]] && rm -rf "$scratch"
}

# TAP: one line per test_… function; what a failing one said comes before its line as comments.
run_tests() {
	local name number=0 failed=0 status said
	for name in $(declare -F | sed -n 's/^declare -f \(test_.*\)/\1/p'); do
		[[ -n ${ONLY:-} && $name != *"$ONLY"* ]] && continue
		said=$(mktemp)
		(
			set -e
			started_pids=()
			scratch=$(mktemp -d)
			trap clean_up EXIT
			cd "$scratch"
			"$name"
		) >"$said" 2>&1
		status=$?
		number=$((number + 1))
		case $status in
		0) echo "ok $number - $name" ;;
		77) echo "ok $number - $name # SKIP $(tail -n 1 "$said")" ;;
		*)
			failed=$((failed + 1))
			sed 's/^/# /' "$said"
			echo "not ok $number - $name"
			;;
		esac
		rm -f "$said"
	done
	echo "1..$number"
	((failed == 0))
}
