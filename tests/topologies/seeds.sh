#!/usr/bin/env bash
# seeds.sh - random topologies of tasks over the shuffle, and some of them twice: the same seed is the same run.
#
# SEEDS=1-200            which ones (scripts/check-all takes more)
# TWICE="3 9 16 98"      which of them are compared with themselves; may be empty
# MARKS=yes              fails also when a mark was never hit: for two thousand seeds and more
#
# A seed that fails: make topologies SEED=n replays it, with its trace; tests/topologies/shrink n makes it smaller.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
program=build/${BUILD:-release}/tests/topologies/topologies
seeds=${SEEDS:-1-200}
failed=0

if [[ ! -x $program ]]; then
	echo "not ok - $program is not built"
	exit 1
fi
number=0
for seed in ${TWICE-3 9 16 98}; do
	if said=$("$program" --seed "$seed" --twice 2>&1); then
		echo "ok $((++number)) - topology $seed is the same run twice"
	else
		printf '%s\n' "$said" | tail -n 20 | sed 's/^/# /'
		echo "not ok $((++number)) - topology $seed is the same run twice: make topologies SEED=$seed"
		failed=1
	fi
done
"$program" --seeds "$seeds" ${MARKS:+--marks} || failed=1
exit "$failed"
