# shellcheck shell=bash
# home.sh - sourced by every script here: a student's home folder, the archive, the tutorial's install block,
# its three edits and its start, typed as printed. The home folder has a blank in its name.
#
# The two words that are ours: the archive's name (tar, rm), and `vi`, which pastes what the tutorial shows.
source "${BASH_SOURCE[0]%/*}/alone.sh"
source "${BASH_SOURCE[0]%/*}/../e2e/cases.sh"

here=$root/tests/first-hour
host=$(hostname)
user=${FLINK_IDENT_STRING:-${USER:-${LOGNAME:-$(id -un)}}} # as the log files name it
packed=$(mktemp -d)
trap 'rm -rf "$packed"' EXIT
"$root/scripts/make-dist" "$root/build/$build" "$packed/flink-1.19.3-cflink-bin.tgz" >/dev/null || exit 1

at_home() { # ~ is a new student's
	export HOME="$scratch/a student's home" FLINK_PID_DIR=$scratch/pid
	unset FLINK_HOME FLINK_CONF_DIR FLINK_LOG_DIR FLINK_PROPERTIES PYTHONPATH
	mkdir "$HOME" "$FLINK_PID_DIR"
	cd ~
}

unpack() {
	at_home
	cp "$packed/flink-1.19.3-cflink-bin.tgz" ~
	home_dir=$HOME/flink # what cases.sh stops
	rest_port=8081
	cd ~
	tar -xvzf flink-1.19.3-cflink-bin.tgz >"$scratch/tar.txt"
	mv flink-1.19.3 flink
	rm flink-1.19.3-cflink-bin.tgz
}

# vi FILE: the file holds the lines that the tutorial shows, ended as $line_end says, and nothing else.
line_end=$'\n'
declare -A shown=(
	[flink-conf.yaml]='jobmanager.rpc.address: localhost   # JobManager가 실행되는 호스트 주소 지정'
	[masters]='localhost:8081   # JobManager 웹 UI에서 사용할 포트 번호'
	[workers]='localhost   # TaskManager가 실행될 노드 명시'
)
vi() {
	local line
	while IFS= read -r line; do
		printf '%s%s' "$line" "$line_end"
	done <<<"${shown[$1]}" >"$1"
}

edit() {
	cd ~/flink/conf
	vi flink-conf.yaml
	vi masters
	vi workers
	cd ~
}

settings_check() { # what flink-settings check says and its exit code
	local said code=0
	said=$(~/flink/bin/flink-settings check 2>&1) || code=$?
	echo "$said ($code)"
}

start() { # from the home folder; leaves what was on the screen in start.txt
	cd ~
	cd flink/bin/
	./start-cluster.sh >"$scratch/start.txt" 2>&1 || fail "$(cat "$scratch/start.txt")"
	cd ~/flink
}

started_cluster() {
	unpack
	edit
	start
	overview_is slots-available 1 || fail "no free slot"
}
