#!/usr/bin/env bash
# The start and stop scripts with stand-ins for the daemons: what they print, what they do with old pids,
# other machines, broken settings and files with CRLF. The stand-in is the daemon library's own test
# program, which behaves as BEHAVE says; in FAIL stands the program that is to fail.
source "$(dirname "$0")/cases.sh"

stand_in=$root/build/$build/common/daemon/daemon_test
host=$(hostname)
user=${USER:-$(id -un)}

start_home() {
	local program
	if [[ ! -x $stand_in ]]; then
		echo "$stand_in is not built"
		exit 77
	fi
	make_home "$scratch/a home"
	cd "$home_dir" || exit
	for program in jobmanager taskmanager; do
		rm -f "bin/$program"
		cat >"bin/$program" <<-END
			#!/usr/bin/env bash
			[[ \${FAIL-} != $program ]] || BEHAVE=fail
			printf '%s\n' "\$*" >"$scratch/$program.arguments"
			exec "$stand_in" --behave "\${BEHAVE:-serve}" "$scratch" "\$@"
		END
		chmod +x "bin/$program"
	done
	pid_file=$FLINK_PID_DIR/flink-$user-taskexecutor.pid
}

# What the command prints, stderr behind stdout, then its exit code: in $said.
run() {
	local code=0
	"$@" >"$scratch/stdout" 2>"$scratch/stderr" || code=$?
	said=$(cat "$scratch/stdout" "$scratch/stderr"; echo "exit $code")
}
newest_pid() { tail -n 1 "$pid_file"; }
dead() { [[ ! -e /proc/$1 ]] || grep -q '^State:.[ZX]' "/proc/$1/status"; }

test_cluster_starts_with_flinks_lines_and_ours() {
	start_home
	run bin/start-cluster.sh
	same "Starting cluster.
Starting standalonesession daemon on host $host.
Starting taskexecutor daemon on host $host.
1 JobManager, 2 slots
exit 0" "$said"
	same "flink-$user-standalonesession-0-$host.log
flink-$user-standalonesession-0-$host.out
flink-$user-taskexecutor-0-$host.log
flink-$user-taskexecutor-0-$host.out
latest.out" "$(ls log)"
}

test_second_start_adds_only_what_is_missing() {
	start_home
	bin/start-cluster.sh >/dev/null
	run bin/start-cluster.sh
	same "Starting cluster.
[INFO] 1 instance(s) of standalonesession are already running on $host.
[INFO] 1 instance(s) of taskexecutor are already running on $host.
1 JobManager, 2 slots
The cluster is already running; nothing was started. One more TaskManager: bin/taskmanager.sh start
exit 0" "$said"
	bin/taskmanager.sh stop >/dev/null
	run bin/start-cluster.sh
	same "Starting cluster.
[INFO] 1 instance(s) of standalonesession are already running on $host.
Starting taskexecutor daemon on host $host.
1 JobManager, 2 slots
exit 0" "$said"
}

test_newest_stops_first_and_the_other_runs_on() {
	local first second
	start_home
	bin/taskmanager.sh start >/dev/null
	first=$(newest_pid)
	run bin/taskmanager.sh start -D taskmanager.numberOfTaskSlots=4
	same "[INFO] 1 instance(s) of taskexecutor are already running on $host.
Starting taskexecutor daemon on host $host.
1 TaskManager, 2 slots, registered
exit 0" "$said"
	contains "$(<"$scratch/taskmanager.arguments")" "-D taskmanager.numberOfTaskSlots=4"
	second=$(newest_pid)
	run bin/taskmanager.sh stop
	same "Stopping taskexecutor daemon (pid: $second) on host $host.
exit 0" "$said"
	dead "$second"
	same "$first" "$(<"$pid_file")"
}

test_dead_and_foreign_pids_are_told_from_living_daemons() {
	local pid
	start_home
	bin/taskmanager.sh start >/dev/null
	pid=$(newest_pid)
	kill -KILL "$pid"
	until_true 20 dead "$pid"
	run bin/taskmanager.sh stop
	same "No taskexecutor daemon (pid: $pid) is running anymore on $host.
exit 0" "$said"
	run bin/taskmanager.sh stop
	same "No taskexecutor daemon to stop on host $host.
exit 0" "$said"
	# Another process has got an old pid: its start time tells.
	printf '%s\n' $$ >"$pid_file"
	printf '%s 1 boot 0 x\n' $$ >"$pid_file.info"
	run bin/taskmanager.sh stop-all
	same "Skipping taskexecutor daemon (pid: $$), because it is not running anymore on $host.
exit 0" "$said"
	run bin/start-cluster.sh
	contains "$said" "exit 0"
}

test_stop_takes_taskmanagers_first_and_leaves_nothing() {
	local tm jm
	start_home
	bin/start-cluster.sh >/dev/null
	tm=$(newest_pid)
	jm=$(<"$FLINK_PID_DIR/flink-$user-standalonesession.pid")
	run bin/stop-cluster.sh
	same "Stopping taskexecutor daemon (pid: $tm) on host $host.
Stopping standalonesession daemon (pid: $jm) on host $host.
exit 0" "$said"
	same "" "$(ls "$FLINK_PID_DIR")"
	run bin/stop-cluster.sh
	same "No taskexecutor daemon to stop on host $host.
No standalonesession daemon to stop on host $host.
exit 0" "$said"
}

test_failed_start_is_told_with_its_cause() {
	start_home
	FAIL=jobmanager run bin/start-cluster.sh
	same "Starting cluster.
Starting standalonesession daemon on host $host.
Error starting standalonesession daemon.
error E1004: port 8081 is held by nc (pid 7)
 hint: stop that process, or choose another port in conf/flink-conf.yaml or, for the web page, conf/masters
exit 1" "$said"
	FAIL=taskmanager run bin/start-cluster.sh
	contains "$said" "Error starting taskexecutor daemon.
error E1004: port 8081 is held by nc (pid 7)"
	contains "$said" "exit 1"
	bin/stop-cluster.sh >/dev/null
	BEHAVE=die run bin/jobmanager.sh start
	contains "$said" "Error starting standalonesession daemon.
testdaemon ended with status 3 before it was up; see $FLINK_LOG_DIR/flink-$user-standalonesession-0-$host.log
exit 1"
	rm bin/jobmanager
	run bin/start-cluster.sh
	contains "$said" "jobmanager is not there; run 'make' first
exit 1"
}

test_bad_setting_stops_the_start_with_its_line() {
	start_home
	bin/jobmanager.sh start >/dev/null
	printf 'rest.port: none\n' >conf/flink-conf.yaml
	run bin/start-cluster.sh
	same "error E1001: $FLINK_CONF_DIR/flink-conf.yaml:1: rest.port is \"none\", which is not a port from 0 to 65535
 hint: correct the value and start again; 'bin/flink-settings check' tests settings without starting anything
exit 1" "$said"
	run bin/stop-cluster.sh # which works with broken settings too
	contains "$said" "Stopping standalonesession daemon"
	same "" "$(ls "$FLINK_PID_DIR")"
}

test_files_with_crlf_and_comments_mean_what_they_say() {
	start_home
	printf 'rest.port: 9081 # the page\r\nparallelism.defalt: 2\r\n' >conf/flink-conf.yaml
	printf '# masters\r\nlocalhost:8081   # the page\r\n' >conf/masters
	printf 'localhost\r\n\r\n/rack1/localhost  # again' >conf/workers
	run bin/start-cluster.sh
	same "Starting cluster.
Starting standalonesession daemon on host $host.
Starting taskexecutor daemon on host $host.
[INFO] 1 instance(s) of taskexecutor are already running on $host.
Starting taskexecutor daemon on host $host.
1 JobManager, 2 slots
warning: $FLINK_CONF_DIR/flink-conf.yaml:2: unknown setting \"parallelism.defalt\"; did you mean parallelism.default?
exit 0" "$said"
}

test_other_machines_and_missing_files_are_refused() {
	start_home
	printf 'localhost\nother.example\n' >conf/workers
	run bin/start-cluster.sh
	contains "$said" "error: $FLINK_CONF_DIR/workers:2: other.example is another machine; starting daemons there comes in a later"
	contains "$said" "exit 1"
	rm conf/workers
	run bin/start-cluster.sh
	same "No workers file. Please specify workers in 'conf/workers'.
exit 1" "$said"
	rm conf/masters
	run bin/start-cluster.sh
	same "No masters file. Please specify masters in 'conf/masters'.
exit 1" "$said"
}

test_host_and_port_of_jobmanager_sh_are_settings() {
	start_home
	run bin/jobmanager.sh start example 9999
	contains "$said" "exit 0"
	contains "$(<"$scratch/jobmanager.arguments")" "-D jobmanager.rpc.address=example -D rest.port=9999"
	run bin/jobmanager.sh begin
	same "Usage: jobmanager.sh ((start|start-foreground) [args])|stop|stop-all
exit 1" "$said"
	run bin/taskmanager.sh
	same "Usage: taskmanager.sh (start|start-foreground|stop|stop-all)
exit 1" "$said"
}

test_cluster_secret_is_made_once_for_its_owner_alone() {
	local secret
	start_home
	echo "security.cluster.secret-file: $scratch/secret" >>conf/flink-conf.yaml
	bin/jobmanager.sh start >/dev/null 2>&1
	same 600 "$(stat -c %a "$scratch/secret")"
	secret=$(<"$scratch/secret")
	[[ $secret =~ ^[0-9a-f]{64}$ ]] || fail "$secret"
	bin/jobmanager.sh stop >/dev/null
	bin/jobmanager.sh start >/dev/null 2>&1
	same "$secret" "$(<"$scratch/secret")"
}

test_foreground_shows_what_it_prints_and_ends_with_0() {
	start_home
	background bin/taskmanager.sh start-foreground >"$scratch/screen" 2>&1
	until_true 20 file_has "$scratch/screen" hello
	same "Starting taskexecutor as a console application on host $host.
hello" "$(<"$scratch/screen")"
	same "hello" "$(<log/latest.out)"
	same "hello" "$(<"log/flink-$(id -un)-taskexecutor-0-$host.out")"
	kill -TERM "$pid"
	wait "$pid" || fail "it ended with $?"
}

test_edited_settings_survive_a_new_layout_of_the_home() {
	local home=$scratch/home
	cd "$root" || exit
	scripts/make-home "build/$build" "$home"
	echo "rest.port: 9999" >"$home/conf/flink-conf.yaml"
	rm "$home/conf/workers"
	scripts/make-home "build/$build" "$home"
	same "rest.port: 9999" "$(<"$home/conf/flink-conf.yaml")"
	cmp conf/workers "$home/conf/workers"
	# A file that is as this script wrote it follows the sample.
	sed -i 's/ masters$/ masters-old/; /masters/s/.*/'"$(echo old | sha256sum | cut -d' ' -f1)"' masters/' "$home/conf/.written"
	echo old >"$home/conf/masters"
	scripts/make-home "build/$build" "$home"
	cmp conf/masters "$home/conf/masters"
}

run_tests
