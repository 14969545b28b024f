#!/usr/bin/env bash
# unit.sh - the unit tests of pyflink (test_*.py), as TAP for scripts/run-tests. They need nothing but Python.
cd "${BASH_SOURCE[0]%/*}/../../.." || exit 1
build=build/${BUILD:-release}
if [[ ! -e $build/python/pyflink/_engine.abi3.so || ${BUILD:-release} =~ asan|tsan|cover ]]; then
	echo "ok 1 - pyflink # SKIP the engine for Python is not built here (python3-dev; BUILD=release or debug)"
	exit 0
fi
package=$(mktemp -d) && trap 'rm -rf "$package"' EXIT
scripts/make-python "$build" "$package" &&
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$package python3 client/python/tests/tap.py
