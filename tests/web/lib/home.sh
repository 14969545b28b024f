#!/usr/bin/env bash
# home.sh - a Flink home and its cluster for tests that are not shell scripts.
#
# usage: home.sh start DIR [SETTING…]     makes the home DIR, starts its cluster, prints "REST_PORT TEXT_PORT"
#        home.sh stop DIR                 ends the daemons of that home
# WEB=FOLDER serves the page of that folder instead of the one that was built.
# shellcheck disable=SC2154 # variables of make_home
source "${BASH_SOURCE[0]%/*}/../../e2e/cases.sh"
set -e

case $1 in
start)
	make_home "${@:2}"
	if [[ -n ${WEB-} ]]; then
		rm -rf "$home_dir/web"
		cp -RP "$WEB" "$home_dir/web"
	fi
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	echo "$rest_port $text_port"
	;;
stop)
	home_dir=$2
	export FLINK_HOME=$2 FLINK_CONF_DIR=$2/conf FLINK_LOG_DIR=$2/log FLINK_PID_DIR=$2/pid
	clean_up
	;;
*) fail "usage: home.sh start DIR [SETTING…] | stop DIR" ;;
esac
