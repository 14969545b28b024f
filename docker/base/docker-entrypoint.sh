#!/usr/bin/env bash
# docker-entrypoint.sh - what the container does: jobmanager, taskmanager, help, or any command.
#
# Starts as root and becomes `flink` (9999) for what it runs. JOB_MANAGER_RPC_ADDRESS,
# TASK_MANAGER_NUMBER_OF_TASK_SLOTS and FLINK_PROPERTIES are read by the programs themselves, in front of
# conf/flink-conf.yaml, so nothing is rewritten here and a conf folder may be mounted read-only. Flink's image
# takes the container's host name for an address that nobody gave; here it stays localhost, which means the
# same in the JobManager's container, and is where the published page is found.
set -u

home=${FLINK_HOME:-/opt/flink}
name=${0##*/}

# Docker makes a folder where the file of a `-v file:file` is missing on the host.
warn_of_mounted_folders() {
	local at
	while read -r _ _ _ _ at _; do
		printf -v at '%b' "${at//\\/\\0}" # blanks are written \040
		case $at in
		*.py | *.so | *.jar | *.c | *.sql | *.yaml | *.yml | */masters | */workers)
			[[ -d $at ]] || continue
			echo "warning: $at is a folder. Docker makes one when the file to be mounted is not on the host." >&2
			echo " hint: stop the container, remove the empty folder on the host (rmdir ${at##*/}), put the file there, start again" >&2
			;;
		esac
	done </proc/self/mountinfo
}

enable_plugins() {
	local plugin plugins
	[[ -n ${ENABLE_BUILT_IN_PLUGINS-} ]] || return 0
	echo "Enabling required built-in plugins"
	IFS=';' read -ra plugins <<<"$ENABLE_BUILT_IN_PLUGINS"
	for plugin in "${plugins[@]}"; do
		[[ -n $plugin ]] || continue
		echo "Plugin $plugin does not exist. Exiting."
		echo " hint: plugins are Java archives; connectors here are lib/flink-*.so and need no enabling" >&2
		exit 1
	done
}

# What this image's conf says, for a mounted one that leaves it open. Sets `defaults` to -D arguments.
fill_in_defaults() {
	local given key value
	given=$("$home/bin/flink-settings" explain "$@" 2>/dev/null) ||
		{ "$home/bin/flink-settings" check "$@" >&2; exit 1; }
	defaults=()
	while read -r key value; do
		[[ $'\n'$given == *$'\n'"$key: "* ]] || defaults+=(-D "$key=$value")
	done <<-END
		jobmanager.bind-host 0.0.0.0
		taskmanager.bind-host 0.0.0.0
		rest.bind-address 0.0.0.0
		rest.auth none
		security.cluster.secret-file $home/.cluster-secret
	END
}

# Runs a command as flink when we are root.
run() {
	if (($(id -u) == 0)); then
		export HOME=$home USER=flink LOGNAME=flink
		exec setpriv --reuid=flink --regid=flink --init-groups -- "$@"
	fi
	exec "$@"
}

# The daemon $1 with what stands behind it; what is refused is said before anything runs.
run_daemon() {
	local script=$1
	shift
	fill_in_defaults "$@"
	run "$home/bin/$script" start-foreground "$@" "${defaults[@]}"
}

# An empty variable is one that compose did not fill in.
[[ -n ${FLINK_CLUSTER_SECRET-} ]] || unset FLINK_CLUSTER_SECRET
[[ -n ${JOB_MANAGER_RPC_ADDRESS-} ]] || unset JOB_MANAGER_RPC_ADDRESS
[[ -n ${TASK_MANAGER_NUMBER_OF_TASK_SLOTS-} ]] || unset TASK_MANAGER_NUMBER_OF_TASK_SLOTS

case ${1-help} in
help)
	echo "Usage: $name (jobmanager|standalone-job|taskmanager|history-server)"
	echo "    Or $name help"
	echo
	echo "The memory allocator is the C library's; DISABLE_JEMALLOC changes nothing."
	exit 0
	;;
standalone-job | history-server)
	echo "error: $1 comes in a later version." >&2
	echo " hint: start jobmanager and taskmanager, then run the job with: flink run …" >&2
	exit 1
	;;
esac
warn_of_mounted_folders
enable_plugins
case $1 in
jobmanager)
	shift
	echo "Starting Job Manager"
	run_daemon jobmanager.sh "$@"
	;;
taskmanager)
	shift
	echo "Starting Task Manager"
	run_daemon taskmanager.sh "$@"
	;;
*)
	if ! command -v -- "$1" >/dev/null; then
		echo "error: there is no command $1 in this image." >&2
		echo " hint: jobmanager, taskmanager, help, or a program, as in: docker run … flink list" >&2
		exit 127
	fi
	run "$@"
	;;
esac
