#!/usr/bin/env bash
# dashboard.sh - our own dashboard in a browser, on every page, while real jobs run. Pictures: build/screens/.
source "${BASH_SOURCE[0]%/*}/lib/need.sh"
need_browser
[[ -d $top/build/flink/web/assets ]] || skip "the dashboard was not built: there was no Node, or npm could not fetch"
exec node "$web/dashboard.mjs"
