#!/usr/bin/env bash
# jobmanager.sh - bin/jobmanager.sh of the Flink home that make lays out in build/flink.
home=$(cd -P "${BASH_SOURCE[0]%/*}/.." && pwd)/build/flink
if [[ ! -x $home/bin/jobmanager.sh ]]; then
	echo "$home is not there; run 'make' first" >&2
	exit 1
fi
exec "$home/bin/jobmanager.sh" "$@"
