#!/usr/bin/env bash
# stop-cluster.sh - stops all TaskManagers of this machine, also those started by hand beside
# conf/workers, then the JobManager.
bin=${BASH_SOURCE[0]%/*}
[[ -d $bin ]] || bin=.
# shellcheck source=config.sh
. "$bin/config.sh"

read_settings_to_stop
stop_all taskexecutor
stop_daemon standalonesession
