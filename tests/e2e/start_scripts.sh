#!/usr/bin/env bash
# start_scripts.sh - the start and stop scripts with stand-ins for the daemons: what they print, what they
# do with old pids, other machines, broken settings and files with CRLF. The daemons' own behaviour is
# common/daemon's: the stand-in is its test program, which behaves as BEHAVE says.
. "${BASH_SOURCE[0]%/*}/lib.sh"

stand_in=$OUT/common/daemon/daemon_test
[[ -x $stand_in ]] || skip_all "$stand_in is not built"
new_home
cd "$HOME_DIR" || exit 1
for program in jobmanager taskmanager; do
	rm -f "bin/$program"
	cat >"bin/$program" <<END
#!/usr/bin/env bash
[[ \${FAIL-} != $program ]] || BEHAVE=fail
printf '%s\n' "\$*" >"$TEST_DIR/$program.arguments"
exec "$stand_in" --behave "\${BEHAVE:-serve}" "$TEST_DIR" "\$@"
END
	chmod +x "bin/$program"
done
host=$HOSTNAME user=${USER:-$(id -un)}
pid_file=$FLINK_PID_DIR/flink-$user-taskexecutor.pid

# What the command prints, stderr behind stdout, then its exit code.
run() {
	local out code
	out=$("$@" 2>"$TEST_DIR/stderr")
	code=$?
	printf '%s\n' "$out"
	cat "$TEST_DIR/stderr"
	echo "exit $code"
}
newest_pid() { tail -n 1 "$pid_file"; }
dead() { [[ ! -e /proc/$1 ]] || grep -q '^State:.[ZX]' "/proc/$1/status"; }

is "a cluster starts with Flink's lines and ours" "Starting cluster.
Starting standalonesession daemon on host $host.
Starting taskexecutor daemon on host $host.
1 JobManager, 2 slots
exit 0" "$(run bin/start-cluster.sh)"
is "logs have Flink's names" "flink-$user-standalonesession-0-$host.log
flink-$user-standalonesession-0-$host.out
flink-$user-taskexecutor-0-$host.log
flink-$user-taskexecutor-0-$host.out
latest.out" "$(ls log)"

is "a second start adds nothing and says so" "Starting cluster.
[INFO] 1 instance(s) of standalonesession are already running on $host.
[INFO] 1 instance(s) of taskexecutor are already running on $host.
The cluster is already running; nothing was started. One more TaskManager: bin/taskmanager.sh start
1 JobManager, 2 slots
exit 0" "$(run bin/start-cluster.sh)"

first=$(newest_pid)
is "one more TaskManager, with a setting" "[INFO] 1 instance(s) of taskexecutor are already running on $host.
Starting taskexecutor daemon on host $host.
1 TaskManager, 2 slots, registered
exit 0" "$(run bin/taskmanager.sh start -D taskmanager.numberOfTaskSlots=4)"
like "the setting reaches the daemon" "*-D taskmanager.numberOfTaskSlots=4*" "$(<"$TEST_DIR/taskmanager.arguments")"
second=$(newest_pid)
is "the newest stops first" "Stopping taskexecutor daemon (pid: $second) on host $host.
exit 0" "$(run bin/taskmanager.sh stop)"
ok "and is gone" dead "$second"
is "the other runs on" "$first" "$(<"$pid_file")"

kill -KILL "$first"
await 10 dead "$first"
is "a dead one is told from a living one" "No taskexecutor daemon (pid: $first) is running anymore on $host.
exit 0" "$(run bin/taskmanager.sh stop)"
is "nothing recorded" "No taskexecutor daemon to stop on host $host.
exit 0" "$(run bin/taskmanager.sh stop)"

printf '%s\n' $$ >"$pid_file"
printf '%s 1 boot 0 x\n' $$ >"$pid_file.info"
is "another process with an old pid is let alone" "Skipping taskexecutor daemon (pid: $$), because it is not running anymore on $host.
exit 0" "$(run bin/taskmanager.sh stop-all)"

is "a missing TaskManager is started beside a running JobManager" "Starting cluster.
[INFO] 1 instance(s) of standalonesession are already running on $host.
Starting taskexecutor daemon on host $host.
1 JobManager, 2 slots
exit 0" "$(run bin/start-cluster.sh)"
tm=$(newest_pid) jm=$(<"$FLINK_PID_DIR/flink-$user-standalonesession.pid")
is "stop takes TaskManagers first" "Stopping taskexecutor daemon (pid: $tm) on host $host.
Stopping standalonesession daemon (pid: $jm) on host $host.
exit 0" "$(run bin/stop-cluster.sh)"
is "no pid file is left" "" "$(ls "$FLINK_PID_DIR")"
is "stopping again finds nothing" "No taskexecutor daemon to stop on host $host.
No standalonesession daemon to stop on host $host.
exit 0" "$(run bin/stop-cluster.sh)"

is "a JobManager that cannot start is told with its cause, and no TaskManager follows" "Starting cluster.
Starting standalonesession daemon on host $host.
Error starting standalonesession daemon.
error E1004: port 8081 is held by nc (pid 7)
 hint: stop that process, or choose another port in conf/flink-conf.yaml
exit 1" "$(FAIL=jobmanager run bin/start-cluster.sh)"
like "a TaskManager that cannot start is told with its cause" "*Error starting taskexecutor daemon.
error E1004: *
exit 1" "$(FAIL=taskmanager run bin/start-cluster.sh)"
bin/stop-cluster.sh >/dev/null 2>&1
like "one that dies without a word is told too" "*Error starting standalonesession daemon.
testdaemon ended with status 3 before it was up; see *.log
exit 1" "$(BEHAVE=die run bin/jobmanager.sh start)"
mv bin/jobmanager "$TEST_DIR/"
like "a program that is not there" "*jobmanager is not there; run 'make' first
exit 1" "$(run bin/start-cluster.sh)"
mv "$TEST_DIR/jobmanager" bin/

is "a bad setting stops the start, with its line" "
error E1001: $FLINK_CONF_DIR/flink-conf.yaml:1: rest.port is \"none\", which is not a port from 0 to 65535
 hint: correct the value and start again; 'jobmanager check-conf' tests settings without starting anything
exit 1" "$(printf 'rest.port: none\n' >conf/flink-conf.yaml; run bin/start-cluster.sh)"

printf 'rest.port: 9081 # the page\r\nparallelism.defalt: 2\r\n' >conf/flink-conf.yaml
printf '# masters\r\nlocalhost:8081   # the page\r\n' >conf/masters
printf 'localhost\r\n\r\n/rack1/localhost  # again' >conf/workers
is "files with CRLF, comments and no last newline; two workers; a warning" "Starting cluster.
Starting standalonesession daemon on host $host.
Starting taskexecutor daemon on host $host.
[INFO] 1 instance(s) of taskexecutor are already running on $host.
Starting taskexecutor daemon on host $host.
warning: $FLINK_CONF_DIR/flink-conf.yaml:2: unknown setting \"parallelism.defalt\"; did you mean parallelism.default?
1 JobManager, 2 slots
exit 0" "$(run bin/start-cluster.sh)"
bin/stop-cluster.sh >/dev/null 2>&1
is "both are stopped" "" "$(ls "$FLINK_PID_DIR")"

printf 'localhost\nother.example\n' >conf/workers
like "another machine is refused in words" "
*warning: *
error: $FLINK_CONF_DIR/workers:2: other.example is another machine; starting daemons there comes in a later*
exit 1" "$(run bin/start-cluster.sh)"
rm conf/workers
like "no workers file" "*No workers file. Please specify workers in 'conf/workers'.
exit 1" "$(run bin/start-cluster.sh)"
rm conf/masters
like "no masters file" "*No masters file. Please specify masters in 'conf/masters'.
exit 1" "$(run bin/start-cluster.sh)"

printf '\n' >conf/flink-conf.yaml
like "host and port of jobmanager.sh are settings" "*Starting standalonesession daemon*exit 0" "$(run bin/jobmanager.sh start example 9999)"
like "they reach the daemon" "*-D jobmanager.rpc.address=example -D rest.port=9999*" "$(<"$TEST_DIR/jobmanager.arguments")"
bin/jobmanager.sh stop >/dev/null
is "usage of jobmanager.sh" "
Usage: jobmanager.sh ((start|start-foreground) [args])|stop|stop-all
exit 1" "$(run bin/jobmanager.sh begin)"
is "usage of taskmanager.sh" "
Usage: taskmanager.sh (start|start-foreground|stop|stop-all)
exit 1" "$(run bin/taskmanager.sh)"

printf 'security.cluster.secret-file: %s/secret\n' "$TEST_DIR" >conf/flink-conf.yaml
bin/jobmanager.sh start >/dev/null 2>&1
like "a cluster secret is made once, for its owner alone" "600 [0-9a-f]*" "$(stat -c %a "$TEST_DIR/secret") $(<"$TEST_DIR/secret")"
secret=$(<"$TEST_DIR/secret")
bin/jobmanager.sh stop >/dev/null
bin/jobmanager.sh start >/dev/null 2>&1
is "and kept" "$secret" "$(<"$TEST_DIR/secret")"
bin/jobmanager.sh stop >/dev/null

printf '\n' >conf/flink-conf.yaml
(exec bin/taskmanager.sh start-foreground >"$TEST_DIR/foreground" 2>&1) &
foreground=$!
await 10 grep -q hello "$TEST_DIR/foreground"
is "the foreground shows what it prints" "Starting taskexecutor as a console application on host $host.
hello" "$(<"$TEST_DIR/foreground")"
kill -TERM "$foreground"
wait "$foreground"
is "and ends with 0 when asked" 0 $?

cp conf/flink-conf.yaml "$TEST_DIR/edited"
"$ROOT/scripts/make-home" "$OUT" "$HOME_DIR"
is "laying out the home again leaves an edited file alone" "$(<"$TEST_DIR/edited")" "$(<conf/flink-conf.yaml)"
ok "and brings back a missing one" cmp conf/workers "$ROOT/conf/workers"
