#!/usr/bin/env bash
# flink_dashboard_work.sh - work with Flink's own dashboard on our server: counts, charts, failures, flame graphs, a cancel.
source "${BASH_SOURCE[0]%/*}/lib/need.sh"
need_browser
need_flink_application
ONLY=${ONLY:-^(?!tabs)} exec node "$web/flink_dashboard.mjs"
