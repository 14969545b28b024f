#!/usr/bin/env bash
# stop-cluster.sh - bin/stop-cluster.sh of the Flink home that make lays out in build/flink.
home=$(cd -P "${BASH_SOURCE[0]%/*}/.." && pwd)/build/flink
if [[ ! -x $home/bin/stop-cluster.sh ]]; then
	echo "$home is not there; run 'make' first" >&2
	exit 1
fi
exec "$home/bin/stop-cluster.sh" "$@"
