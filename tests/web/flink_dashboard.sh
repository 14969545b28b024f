#!/usr/bin/env bash
# flink_dashboard.sh - the tabs of Apache Flink's own dashboard, as it was released, in a browser on our server.
#
# TAB_SECONDS=1.5 how long each tab stays open; `make check-all` takes 60        TABS=4   how many are open at a time
source "${BASH_SOURCE[0]%/*}/lib/need.sh"
need_browser
need_flink_application
ONLY=${ONLY:-^tabs} exec node "$web/flink_dashboard.mjs"
