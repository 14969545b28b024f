#!/usr/bin/env bash
# taskmanager.sh - starts one more TaskManager on this machine, or stops the newest.
bin=${BASH_SOURCE[0]%/*}
[[ -d $bin ]] || bin=.
# shellcheck source=config.sh
. "$bin/config.sh"

usage="Usage: taskmanager.sh (start|start-foreground|stop|stop-all)"
verb=${1-}
shift || true

case $verb in
start)
	read_settings "$@"
	begin_daemon taskexecutor "$@"
	# Without a JobManager it waits for one, which is no failure: said after two seconds.
	await_daemon "$READY_FD" 2000
	case $STATE in
	ready)
		count "${SAID%% *}" slot # it says "2 slots"
		echo "1 TaskManager, $COUNT, registered"
		;;
	failed) say_failure taskexecutor; exit 1 ;;
	*) say "The TaskManager is up, ${SAID:-but not registered yet}; it registers by itself." ;;
	esac
	;;
start-foreground)
	read_settings "$@"
	foreground taskexecutor "$@"
	;;
stop)
	read_settings_to_stop
	stop_daemon taskexecutor
	;;
stop-all)
	read_settings_to_stop
	stop_all taskexecutor
	;;
-h | --help) echo "$usage" ;;
*)
	say "$usage"
	exit 1
	;;
esac
