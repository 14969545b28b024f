#!/usr/bin/env bash
# jobmanager.sh - starts and stops the JobManager.
bin=${BASH_SOURCE[0]%/*}
[[ -d $bin ]] || bin=.
# shellcheck source=config.sh
. "$bin/config.sh"

usage="Usage: jobmanager.sh ((start|start-foreground) [args])|stop|stop-all"
verb=${1-}
shift || true

# [host] [webui-port] [-D key=value …] become settings.
arguments=() given=0
while (($# > 0)); do
	case $1 in
	-D) arguments+=(-D "${2-}"); shift ;;
	-*) arguments+=("$1") ;;
	*)
		case $((given++)) in
		0) arguments+=(-D "jobmanager.rpc.address=$1") ;;
		1) arguments+=(-D "rest.port=$1") ;;
		*) say "$usage"; exit 1 ;;
		esac
		;;
	esac
	shift || true
done

case $verb in
start)
	read_settings "${arguments[@]}"
	begin_daemon standalonesession "${arguments[@]}"
	await_daemon "$READY_FD" 10000
	case $STATE in
	ready) say_cluster "$SAID" 0 ;;
	failed) say_failure standalonesession; exit 1 ;;
	*) say "The JobManager is not ready after 10 s${SAID:+: $SAID}; see $LOG_DIR"; exit 1 ;;
	esac
	;;
start-foreground)
	read_settings "${arguments[@]}"
	foreground standalonesession "${arguments[@]}"
	;;
stop)
	read_settings_to_stop
	stop_daemon standalonesession
	;;
stop-all)
	read_settings_to_stop
	stop_all standalonesession
	;;
-h | --help) echo "$usage" ;;
*)
	say "$usage"
	exit 1
	;;
esac
