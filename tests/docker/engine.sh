# shellcheck shell=bash
# engine.sh - sourced: a container engine, or a loud skip; the images; containers that end with their test.
#
# Without CHECK_DOCKER (make check-docker sets it) nothing is built, because that takes minutes.
source "$(dirname "${BASH_SOURCE[0]}")/../e2e/cases.sh"

# Skips all tests of the script, each by name.
skip_all() {
	local name number=0
	for name in $(sed -n 's/^\(test_[a-z0-9_]*\)() {.*/\1/p' "$0"); do
		echo "ok $((++number)) - $name # SKIP $*"
	done
	echo "1..$number"
	exit 0
}

# What the images begin with: pulled, or, where no registry can be reached, made from Debian's packages. What
# this machine trusts beyond Debian's certificates is trusted there too, or pip could not reach its index.
make_base() {
	local folder status
	docker image inspect debian:bookworm-slim >/dev/null 2>&1 && return
	docker pull --quiet debian:bookworm-slim >/dev/null 2>&1 && return
	command -v mmdebstrap >/dev/null || skip_all "debian:bookworm-slim cannot be pulled, and mmdebstrap is not installed"
	folder=$(mktemp -d)
	mkdir -p "$folder/root/usr/local/share/ca-certificates"
	chmod -R a+rX "$folder"
	cp /usr/local/share/ca-certificates/*.crt "$folder/root/usr/local/share/ca-certificates/" 2>/dev/null
	mmdebstrap --quiet --variant=minbase --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' --customize-hook="sync-in $folder/root /" bookworm "$folder/base.tar" >&2 &&
		docker import --change 'CMD ["bash"]' "$folder/base.tar" debian:bookworm-slim >/dev/null
	status=$?
	rm -rf "$folder"
	((status == 0)) || skip_all "debian:bookworm-slim can neither be pulled nor made"
}

[[ -n ${CHECK_DOCKER-} ]] || skip_all "it takes minutes; make check-docker runs it"
command -v docker >/dev/null || skip_all "there is no docker on this machine"
docker info >/dev/null 2>&1 || skip_all "no Docker engine answers"
make_base
if ! build_said=$(make --no-print-directory -C "$root" image 2>&1); then
	tail -n 40 <<<"$build_said"
	echo "not ok 1 - make image"
	exit 1
fi

# Containers and networks of this test are called $prefix….
prefix=cflink-test-$$-

# start NAME [docker's OPTION…] -- COMMAND…: a container on the test's own network.
start() {
	local name=$1 options=()
	shift
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	docker network inspect "${prefix}net" >/dev/null 2>&1 || docker network create "${prefix}net" >/dev/null
	docker run --detach --name "$prefix$name" --hostname "$name" --network "${prefix}net" --network-alias "$name" \
		"${options[@]}" cflink:1.19 "$@" >/dev/null
}
run_once() { docker run --rm --name "$prefix$RANDOM" "$@"; } # removed a little after it has ended
inside() { docker exec "$prefix$1" "${@:2}"; }
logs_have() { docker logs "$prefix$1" 2>&1 | grep -E -- "$2" || { docker logs "$prefix$1" 2>&1 | tail -n 5; return 1; }; }
is_healthy() { [[ $(docker inspect --format '{{.State.Health.Status}}' "$1") == healthy ]]; }

# The page of container $1, which publishes 8081, for rest and overview_is.
find_page() {
	rest_port=$(docker port "$1" 8081/tcp)
	rest_port=${rest_port##*:}
}

# Takes over from cases.sh.
clean_up() {
	set +e
	docker ps --all --quiet --filter "name=^$prefix" | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
	docker network ls --quiet --filter "name=^$prefix" | xargs --no-run-if-empty docker network rm >/dev/null
	! declare -F also_clean_up >/dev/null || also_clean_up
	[[ -z ${scratch:-} ]] || rm -rf "$scratch"
}
