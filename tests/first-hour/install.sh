#!/usr/bin/env bash
# The tutorial from the archive to a cluster that runs and stops (B6 and B7).
source "${BASH_SOURCE[0]%/*}/home.sh"

listens_on() { # the addresses behind port $1, as the kernel writes them
	local port
	printf -v port '%04X' "$1"
	awk -v port=":$port" '$4 == "0A" && $2 ~ port "$" { sub(port, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6
}

only_loopback() { # 127.0.0.1 or ::1
	local addresses
	addresses=$(listens_on "$1")
	[[ $addresses =~ ^(0100007F|00000000000000000000000001000000|$'\n')+$ ]] || fail "$1 on $addresses"
}

test_archive_is_one_folder_with_what_flinks_has() {
	unpack
	same "" "$(grep -v '^flink-1\.19\.3/' "$scratch/tar.txt")"
	for part in bin conf examples include lib log web; do
		[[ -d flink/$part ]] || fail "no $part in $(ls flink)"
	done
	same "" "$(ls flink/log)"
	[[ -x flink/bin/start-cluster.sh && -e flink/examples/streaming/SocketWindowWordCount.jar ]] || fail "$(ls -lR flink)"
	"$root/scripts/make-dist" "$root/build/$build" "$scratch/again.tgz" >/dev/null
	cmp "$scratch/again.tgz" "$packed/flink-1.19.3-cflink-bin.tgz" || fail "the same build gives two archives"
	! tar -tvzf "$scratch/again.tgz" | grep -v ' 0/0 ' || fail "files belong to somebody"
}

test_archive_brings_the_libraries_it_needs() {
	unpack
	[[ $(ldd flink/bin/taskmanager) == *"/flink/bin/../lib/libevent_core"* ]] || fail "$(ldd flink/bin/taskmanager)"
	local file library
	for file in flink/bin/{flink,jobmanager,taskmanager} flink/lib/*.so flink/lib/*.so.* flink/opt/python/pyflink/*.so; do
		[[ -e $file ]] || continue # without Python's headers there is no pyflink
		for library in $(ldd "$file" | sed -n 's/^\t\(.*\) => .*/\1/p'); do
			[[ $library =~ ^lib(c|m|dl|pthread|rt|resolv)\.so || -e flink/lib/$library ]] || fail "$file needs $library"
		done
	done
	[[ -d flink/opt/python/pyflink ]] || return 0
	[[ $(ldd flink/opt/python/pyflink/*.so) == *"/pyflink/.libs/libevent_core"* ]] || fail "$(ldd flink/opt/python/pyflink/*.so)"
	same "2 4 6 8 10" "$(PYTHONPATH=flink/opt/python python3 -c '
from pyflink.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
env.from_collection([1, 2, 3, 4, 5]).map(lambda x: x * 2).print()
env.execute()' | xargs)"
}

test_unedited_it_starts_too() {
	unpack
	same "The settings are good: 10 set, 0 warnings. (0)" "$(settings_check)"
	start
	overview_is taskmanagers 1
}

test_cluster_starts_says_so_and_stops() {
	unpack
	edit
	same "The settings are good: 2 set, 0 warnings. (0)" "$(settings_check)"
	start
	same "Starting cluster.
Starting standalonesession daemon on host $host.
Starting taskexecutor daemon on host $host.
1 JobManager, 1 TaskManager, 1 slot, http://localhost:8081" "$(<"$scratch/start.txt")"
	same "1 1 1 0 0 0 0" "$(rest /overview | jq -r '[.taskmanagers, ."slots-total", ."slots-available",
		."jobs-running", ."jobs-finished", ."jobs-cancelled", ."jobs-failed"] | join(" ")')"
	only_loopback 8081
	only_loopback 6123
	[[ -f log/flink-$user-taskexecutor-0-$host.out && ! -s log/flink-$user-taskexecutor-0-$host.out ]] ||
		fail "no empty .out file: $(ls log)"
	cd bin
	./stop-cluster.sh >"$scratch/stop.txt" 2>&1
	same "Stopping taskexecutor daemon (pid: N) on host $host.
Stopping standalonesession daemon (pid: N) on host $host." "$(sed 's/pid: [0-9]*/pid: N/' "$scratch/stop.txt")"
	same "" "$(listens_on 8081)$(listens_on 6123)"
	same "" "$(ls "$FLINK_PID_DIR")"
	! pgrep -f "$HOME/flink" || fail "a process is left"
}

test_the_page_and_its_tabs_have_something_to_show() {
	started_cluster
	local taskmanager page script
	page=$(rest /)
	contains "$page" "<title>Apache Flink Dashboard"
	script=$(grep -o 'assets/[^"]*\.js' <<<"$page" | head -n 1)
	if [[ -n $script ]]; then # otherwise there is no Node on this machine, and the page says so
		contains "$(rest "/$script")" "Running Jobs"
		contains "$(rest "/$script")" "Available Task Slots"
	fi
	taskmanager=$(rest /taskmanagers | jq -r '.taskmanagers[0].id')
	contains "$(rest /jobmanager/log)" "6123"
	contains "$(rest "/taskmanagers/$taskmanager/log")" "Successful registration"
	same "" "$(rest /jobmanager/stdout)$(rest "/taskmanagers/$taskmanager/stdout")"
	rest "/taskmanagers/$taskmanager/logs" | jq -e --arg name "flink-$user-taskexecutor-0-$host.out" \
		'.logs | map(.name) | index($name) != null' >/dev/null || fail "$(rest "/taskmanagers/$taskmanager/logs")"
}

test_second_start_adds_nothing_silently() {
	started_cluster
	./bin/start-cluster.sh >"$scratch/again.txt" 2>&1 || true
	contains "$(<"$scratch/again.txt")" "already running"
	overview_is taskmanagers 1
}

run_tests
