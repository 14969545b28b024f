#!/usr/bin/env bash
# seeds.sh - sourced by the tests that run a program of tests/lib/seed_runs on many seeds, and on some of them twice:
# the same seed is the same run.
#
# usage: run_seeds PROGRAM NOUN SEEDS TWICE REPLAY     "topologies/topologies" "topology" 1-200 "3 9" "make topologies"
#   SEEDS, TWICE (may be empty) and MARKS=yes (fails also when a mark was never hit) of the environment win.
set -uo pipefail
cd "${BASH_SOURCE[0]%/*}/../.." || exit 1

run_seeds() {
	local program=build/${BUILD:-release}/tests/$1 noun=$2 seeds=${SEEDS:-$3} replay=$5 seed said number=0 failed=0

	if [[ ! -x $program ]]; then
		echo "not ok - $program is not built"
		exit 1
	fi
	for seed in ${TWICE-$4}; do
		if said=$("$program" --seed "$seed" --twice 2>&1); then
			echo "ok $((++number)) - $noun $seed is the same run twice"
		else
			printf '%s\n' "$said" | tail -n 20 | sed 's/^/# /'
			echo "not ok $((++number)) - $noun $seed is the same run twice: $replay SEED=$seed"
			failed=1
		fi
	done
	"$program" --seeds "$seeds" ${MARKS:+--marks} || failed=1
	exit "$failed"
}
