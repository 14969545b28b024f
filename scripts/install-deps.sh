#!/usr/bin/env bash
# install-deps.sh - what building and testing needs, from the distribution's own packages.
#
# usage: scripts/install-deps.sh [daemons|build|test|all|bench|browser]
#   daemons  the compiler and the libraries that the daemons link
#   build  that, and Node with npm for the dashboard, where there is no Node yet
#   test   what `make check` needs on top (cmocka, clang, netcat, curl, jq), and `make wheel` (patchelf)
#   all    both (default)
#   bench  what only `make bench-check` needs (valgrind)
#   browser  chromium and a font, for the tests that look at the dashboard (400 MB); without, they are skipped
# Not among them: Docker, for `make check-docker`, which is skipped where it is missing.
# Installs only what is missing, so a second run takes no network. Package names hold on Debian 12
# and 13 and on Ubuntu 22.04 and 24.04. Run as root or as a user with sudo.
set -euo pipefail

daemon_packages=(gcc make pkg-config libc6-dev protobuf-c-compiler libprotobuf-c-dev libevent-dev libyaml-dev
	libjansson-dev libssl-dev libxxhash-dev liblz4-dev libcivetweb-dev librdkafka-dev python3-dev)
test_packages=(libcmocka-dev clang libclang-rt-dev netcat-openbsd curl jq procps python3 python3-venv patchelf binutils)

bench_packages=(valgrind)
browser_packages=(chromium fonts-dejavu-core)

want=${1:-all}
# Node may come from elsewhere, in a newer version; the distribution's would stand in its way.
web_packages=()
command -v node >/dev/null && command -v npm >/dev/null || web_packages=(nodejs npm)

case $want in
daemons) packages=("${daemon_packages[@]}") ;;
build) packages=("${daemon_packages[@]}" "${web_packages[@]}") ;;
test) packages=("${test_packages[@]}") ;;
all) packages=("${daemon_packages[@]}" "${web_packages[@]}" "${test_packages[@]}") ;;
bench) packages=("${bench_packages[@]}") ;;
browser) packages=("${browser_packages[@]}") ;;
*) echo "usage: $0 [daemons|build|test|all|bench|browser]" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null; then
	echo "This script knows apt only. Install these by hand: ${packages[*]}" >&2
	exit 1
fi

# clang's sanitizer and fuzzer runtimes have a versioned name on Debian 12 and Ubuntu 22.04.
resolve() {
	case $1 in
	libclang-rt-dev)
		local version
		version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
		if apt-cache show "libclang-rt-$version-dev" >/dev/null 2>&1; then
			echo "libclang-rt-$version-dev"
		elif apt-cache show "libclang-common-$version-dev" >/dev/null 2>&1; then
			echo "libclang-common-$version-dev" # Ubuntu 22.04 keeps the runtimes here
		fi ;;
	*) echo "$1" ;;
	esac
}

installed() { dpkg-query --show --showformat='${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

missing=()
for package in "${packages[@]}"; do
	[[ $package == libclang-rt-dev ]] && continue
	installed "$package" || missing+=("$package")
done
if [[ $want == test || $want == all ]] && ! compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' >/dev/null; then
	missing+=(libclang-rt-dev)
fi
if ((${#missing[@]} == 0)); then
	exit 0
fi

if (($(id -u) == 0)); then
	as_root=()
elif command -v sudo >/dev/null; then
	as_root=(sudo)
else
	echo "These packages are missing and need root: ${missing[*]}" >&2
	echo "Run as root: apt-get install -y --no-install-recommends ${missing[*]}" >&2
	exit 1
fi
echo "Installing with apt: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
names=()
for package in "${missing[@]}"; do
	name=$(resolve "$package")
	[[ -n $name ]] && names+=("$name")
done
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${names[@]}" >/dev/null
