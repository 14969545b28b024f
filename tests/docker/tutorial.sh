#!/usr/bin/env bash
# The tutorial's Docker commands as printed (B13 to B16): build, compose, cp, exec; then our compose file.
#
# They use fixed names, so nothing is done where somebody's own flink_jobmanager lives or 8081 is taken.
source "$(dirname "$0")/engine.sh"

for name in flink_jobmanager flink_taskmanager; do
	! docker container inspect "$name" >/dev/null 2>&1 || skip_all "there is a container $name already"
done
! (exec 3<>/dev/tcp/127.0.0.1/8081) 2>/dev/null || skip_all "port 8081 is taken"
was_pyflink=$(docker image inspect --format '{{.Id}}' pyflink 2>/dev/null)
if ! build_said=$(cd "$root/docker" && docker build -t pyflink . 2>&1); then
	tail -n 40 <<<"$build_said"
	echo "not ok 1 - docker build -t pyflink ."
	exit 1
fi
rest_port=8081
project=cflinktest$$

# Both generations of compose, each where it is there.
with_v1() {
	command -v docker-compose >/dev/null || { echo "there is no docker-compose"; exit 77; }
	compose=(docker-compose)
	"$@"
}
with_v2() {
	docker compose version >/dev/null 2>&1 || { echo "this docker has no plugin compose"; exit 77; }
	compose=(docker compose)
	"$@"
}

compose() { "${compose[@]}" --project-name "$project" "$@"; }
also_clean_up() {
	[[ -z ${compose_file-} ]] || compose --file "$compose_file" down --timeout 3 >/dev/null 2>&1
}

# The tutorial's own compose file, which names both containers.
printed_compose_file() {
	compose_file=$scratch/docker-compose.yml
	cat >docker-compose.yml <<-'END'
		services:
		  jobmanager:
		    image: pyflink
		    container_name: flink_jobmanager
		    ports:
		      - "8081:8081"
		    command: jobmanager
		    environment:
		      - JOB_MANAGER_RPC_ADDRESS=jobmanager

		  taskmanager:
		    image: pyflink
		    container_name: flink_taskmanager
		    depends_on:
		      - jobmanager
		    command: taskmanager
		    environment:
		      - JOB_MANAGER_RPC_ADDRESS=jobmanager
		    scale: 1
	END
}

five_doubles() { # in FILE: each number once; prefixes all or none
	same "10 2 4 6 8" "$(sed -E 's/^[1-9][0-9]*> //' "$1" | sort | xargs)"
	local prefixed
	prefixed=$(grep -cE '^[1-9][0-9]*> ' "$1" || true)
	[[ $prefixed == 0 || $prefixed == 5 ]] || fail "$(cat "$1")"
}

test_dockerfile_differs_in_its_first_line_only() {
	same "FROM cflink:1.19" "$(head -n 1 "$root/docker/Dockerfile")"
	same "RUN apt-get update && \\
    apt-get install -y python3 python3-pip && \\
    pip install --no-cache-dir apache-flink==1.19.3 && \\
    pip install pandas
RUN ln -s /usr/bin/python3 /usr/bin/python
WORKDIR /opt/flink" "$(sed 1d "$root/docker/Dockerfile" | grep -vE '^(#|$)')"
	docker image inspect pyflink:latest >/dev/null || fail "no pyflink:latest"
}

test_image_of_the_tutorial() {
	contains "$(run_once pyflink)" "Usage: docker-entrypoint.sh (jobmanager|standalone-job|taskmanager|history-server)"
	same "" "$(run_once pyflink python -c "import pyflink, pandas" 2>&1)"
	same "/opt/flink" "$(run_once pyflink pwd)"
	same "/usr/bin/python3" "$(run_once pyflink readlink /usr/bin/python)"
	contains "$(run_once pyflink pip list 2>/dev/null)" "1.19.3+cflink"
	same "" "$(run_once pyflink sh -c 'command -v java; find / -xdev -name "*.jar" -type f 2>/dev/null')"
}

commands_as_printed() {
	cp "$root/docker/pyflink_job.py" .
	printed_compose_file
	compose up -d >up.txt 2>&1 || fail "$(<up.txt)"
	until_true 20 overview_is taskmanagers 1
	same "Starting Job Manager" "$(docker logs flink_jobmanager 2>/dev/null | sed -n 1p)"
	same "Starting Task Manager" "$(docker logs flink_taskmanager 2>/dev/null | sed -n 1p)"
	docker cp pyflink_job.py flink_jobmanager:/opt/flink/pyflink_job.py >cp.txt 2>&1
	# -t wants a terminal: script gives it one.
	script --quiet --return --command 'docker exec -it flink_jobmanager python /opt/flink/pyflink_job.py' /dev/null >tty.txt </dev/null ||
		fail "$(cat tty.txt)"
	sed 's/\r$//; s/\^[@D]\x08*//g' tty.txt >run.txt # as a terminal ends lines, and echoes the end of its input
	five_doubles run.txt
	docker exec flink_jobmanager python /opt/flink/pyflink_job.py >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	five_doubles run.txt
	(($(wc -l <run.err) <= 1)) || fail "$(<run.err)"
	until_true 20 is_healthy flink_jobmanager
	until_true 20 is_healthy flink_taskmanager
	docker kill flink_taskmanager >/dev/null
	until_true 20 overview_is taskmanagers 0
	docker start flink_taskmanager >/dev/null
	until_true 6 overview_is taskmanagers 1
	local before=${EPOCHREALTIME/[^0-9]/}
	compose down >down.txt 2>&1
	# Docker waits 10 s for what does not stop.
	((${EPOCHREALTIME/[^0-9]/} - before < 8000000)) || fail "down took $((${EPOCHREALTIME/[^0-9]/} - before)) us"
}

test_commands_as_printed_with_compose_v1() { with_v1 commands_as_printed; }
test_commands_as_printed_with_compose_v2() { with_v2 commands_as_printed; }

# Typed at the root of the tree.
our_compose_file() {
	compose_file=$root/docker/docker-compose.yml
	cd "$root" || exit
	compose -f docker/docker-compose.yml up -d --build --scale taskmanager=3 >"$scratch/up.txt" 2>&1 || fail "$(<"$scratch/up.txt")"
	until_true 20 overview_is taskmanagers 3
	overview_is slots-total 3
	same 4 "$(compose -f docker/docker-compose.yml ps -q | wc -l)"
	docker exec flink_jobmanager flink run -p 3 examples/streaming/WordCount.jar >"$scratch/run.txt" 2>&1 || fail "$(<"$scratch/run.txt")"
	file_has "$scratch/run.txt" '\(be,2\)$'
	compose -f docker/docker-compose.yml down >/dev/null 2>&1
	FLINK_CLUSTER_SECRET=mine compose -f docker/docker-compose.yml up -d >"$scratch/up.txt" 2>&1 || fail "$(<"$scratch/up.txt")"
	until_true 20 overview_is taskmanagers 1
	same "mine" "$(docker exec flink_jobmanager printenv FLINK_CLUSTER_SECRET)"
}
test_our_compose_file_scales_with_compose_v1() { with_v1 our_compose_file; }
test_our_compose_file_scales_with_compose_v2() { with_v2 our_compose_file; }

run_tests
status=$?
[[ -n $was_pyflink ]] || docker image rm pyflink >/dev/null 2>&1
exit "$status"
