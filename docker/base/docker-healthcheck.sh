#!/usr/bin/env bash
# docker-healthcheck.sh - is what the container runs in order? JobManager: its page answers. TaskManager: it is
# connected with a JobManager. Another command: always.
set -u

mapfile -d '' -t command </proc/1/cmdline 2>/dev/null || exit 1
settings=()
for ((i = 1; i < ${#command[@]}; i++)); do
	case ${command[i]} in
	-D) settings+=(-D "${command[i + 1]-}") ;;
	-D*) settings+=("${command[i]}") ;;
	esac
done
setting() { "$FLINK_HOME/bin/flink-settings" get "$1" "${settings[@]}" 2>/dev/null; }

case ${command[0]-} in
*/bin/jobmanager)
	port=$(setting rest.bind-port) || exit 1
	exec {page}<>"/dev/tcp/localhost/${port%%[-,]*}" || exit 1
	printf 'GET /overview HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&"$page"
	IFS= read -r -t 2 -u "$page" line && [[ $line == "HTTP/1.1 200"* ]]
	;;
*/bin/taskmanager)
	port=$(setting jobmanager.rpc.port) || exit 1
	printf -v port '%04X' "$port"
	# local address, remote address, state; 01 is an open connection
	grep -qE "^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:$port 01 " /proc/net/tcp /proc/net/tcp6 --no-filename
	;;
esac
