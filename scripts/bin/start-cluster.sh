#!/usr/bin/env bash
# start-cluster.sh - starts a JobManager and the TaskManagers that conf/workers names, waits until they
# are up, and says what is true then. What runs already is left alone. -D key=value goes to all of them.
bin=${BASH_SOURCE[0]%/*}
[[ -d $bin ]] || bin=.
# shellcheck source=config.sh
. "$bin/config.sh"

usage="Usage: start-cluster.sh [-D key=value]..."
for argument in "$@"; do
	case $argument in
	-h | --help) echo "$usage"; exit 0 ;;
	-D* | *=*) ;;
	*) say "start-cluster.sh does not know \"$argument\". $usage"; exit 1 ;;
	esac
done
read_settings "$@"
read_hosts masters
if ((${#HOSTS[@]} > 1)); then
	say "conf/masters names ${#HOSTS[@]} masters; high availability comes in a later version, one is started."
fi
read_hosts workers
wanted=${#HOSTS[@]}

if [[ -n ${WSL_DISTRO_NAME-} && $FLINK_HOME == /mnt/[a-z]/* ]]; then
	say "note: $FLINK_HOME is on a Windows drive, where files are slow; a folder under $HOME is better."
fi
echo "Starting cluster."
lock_starts
started=0
read_alive standalonesession
if ((${#ALIVE[@]} > 0)); then
	echo "[INFO] ${#ALIVE[@]} instance(s) of standalonesession are already running on $HOST."
	url=${TEXT[${ALIVE[-1]}]-}
	url=${url:-$REST_URL}
else
	begin_daemon standalonesession "$@"
	await_daemon "$READY_FD" 10000
	case $STATE in
	ready) url=$SAID ;;
	failed) say_failure standalonesession; exit 1 ;;
	*) say "The JobManager is not ready after 10 s${SAID:+: $SAID}; see $LOG_DIR"; exit 1 ;;
	esac
	started=1
fi

# A second start adds nothing: only TaskManagers that conf/workers names and that do not run are begun.
read_alive taskexecutor
missing=$((wanted - ${#ALIVE[@]}))
ready=()
for ((i = 0; i < missing; i++)); do
	begin_daemon taskexecutor "$@"
	ready+=("$READY_FD")
	((i + 1 == missing)) || wait "$LAUNCHER_PID" # the next one counts it
	started=1
done
if ((missing <= 0 && ${#ALIVE[@]} > 0)); then
	echo "[INFO] ${#ALIVE[@]} instance(s) of taskexecutor are already running on $HOST."
fi
failed=0
for fd in "${ready[@]}"; do
	await_daemon "$fd" 10000
	case $STATE in
	ready) ;;
	failed) say_failure taskexecutor; failed=1 ;;
	*) say "A TaskManager is not registered after 10 s${SAID:+: $SAID}; see $LOG_DIR"; failed=1 ;;
	esac
done
say_cluster "$url" "$((failed == 0 ? wanted : 0))"
if ((started == 0)); then
	say "The cluster is already running; nothing was started. One more TaskManager: bin/taskmanager.sh start"
	pid_file_of standalonesession
	for file in "$FLINK_CONF_DIR"/*.yaml; do
		[[ $file -nt $PID_FILE ]] || continue
		say "${file##*/} was edited since; bin/stop-cluster.sh and then bin/start-cluster.sh make it count."
	done
fi
exit "$failed"
