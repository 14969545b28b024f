#!/usr/bin/env bash
# large_job.sh - the page of a job of 200 x 200 subtasks in a browser: what stays in its place, and what a patch costs. LONG=1: run it.
source "${BASH_SOURCE[0]%/*}/lib/need.sh"
[[ -n ${LONG-} ]] || skip "it takes a minute or two; make check-all runs it"
need_browser
[[ -d $top/build/web/assets ]] || skip "the dashboard was not built: there was no Node, or npm could not fetch"
exec node "$web/large_job.mjs"
