#!/usr/bin/env bash
# seeds.sh - the simulated cluster on a hundred seeds, and some seeds twice: the same seed is the same run.
#
# SEEDS=1-100            which ones (scripts/check-all takes more)
# TWICE="1 7 42 61 88"   which of them are compared with themselves; may be empty
# MARKS=yes              fails also when a mark was never hit (SOMETIMES in the code): for a thousand seeds and more
#
# A seed that fails: make sim SEED=n replays it, with its trace.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
sim=build/${BUILD:-release}/tests/sim/sim
seeds=${SEEDS:-1-100}
failed=0

if [[ ! -x $sim ]]; then
	echo "not ok - $sim is not built"
	exit 1
fi
number=0
for seed in ${TWICE-1 7 42 61 88}; do
	if said=$("$sim" --seed "$seed" --twice 2>&1); then
		echo "ok $((++number)) - seed $seed is the same run twice"
	else
		printf '%s\n' "$said" | tail -n 20 | sed 's/^/# /'
		echo "not ok $((++number)) - seed $seed is the same run twice: make sim-twice SEED=$seed"
		failed=1
	fi
done
"$sim" --seeds "$seeds" ${MARKS:+--marks} || failed=1
exit "$failed"
