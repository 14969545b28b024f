#!/usr/bin/env bash
# seeds.sh - the simulated cluster on a hundred seeds, and some seeds twice: the same seed is the same run.
#
# SEEDS=1-100   which ones (scripts/check-all takes more)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
sim=build/${BUILD:-release}/tests/sim/sim
seeds=${SEEDS:-1-100}
failed=0

if [[ ! -x $sim ]]; then
	echo "not ok - $sim is not built"
	exit 1
fi
"$sim" --seeds "$seeds" || failed=1
number=0
for seed in 1 7 42; do
	if said=$("$sim" --seed "$seed" --twice 2>&1); then
		echo "ok $((++number)) - seed $seed is the same run twice"
	else
		printf '%s\n' "$said" | tail -n 20 | sed 's/^/# /'
		echo "not ok $((++number)) - seed $seed is the same run twice"
		failed=1
	fi
done
exit "$failed"
