#!/usr/bin/env bash
# The tutorial from the archive to the first counted word, typed as printed: tar, mv, rm, the three edits,
# start-cluster.sh, nc, flink run, tail (B6 to B10). The home folder has blanks in its name.
source "${BASH_SOURCE[0]%/*}/alone.sh"
source "${BASH_SOURCE[0]%/*}/../e2e/cases.sh"

archive=flink-1.19.3-cflink-bin.tgz

unpack() { # up to `rm`: ~ is a new student's
	export HOME="$scratch/a student's home" FLINK_PID_DIR=$scratch/pid
	unset FLINK_HOME FLINK_CONF_DIR FLINK_LOG_DIR
	mkdir "$HOME" "$FLINK_PID_DIR"
	"$root/scripts/make-dist" "$root/build/$build" "$HOME/$archive" >/dev/null
	home_dir=$HOME/flink # cases.sh stops what runs there
	rest_port=8081
	cd ~
	tar -xvzf flink-1.19.3-cflink-bin.tgz >list.txt
	mv flink-1.19.3 flink
	rm flink-1.19.3-cflink-bin.tgz
}

# edit END: conf/* as the tutorial says; END ends the lines, \n or \r\n.
edit() {
	cd ~/flink/conf
	printf "jobmanager.rpc.address: localhost   # JobManager가 실행되는 호스트 주소 지정$1" >flink-conf.yaml
	printf "localhost:8081   # JobManager 웹 UI에서 사용할 포트 번호$1" >masters
	printf "localhost   # TaskManager가 실행될 노드 명시$1" >workers
	same "The settings are good: 2 set, 0 warnings." "$(../bin/flink-settings check 2>&1)"
}

listens_on() { # the addresses behind port $1, as the kernel writes them
	local port
	printf -v port '%04X' "$1"
	awk -v port=":$port" '$4 == "0A" && $2 ~ port "$" { sub(port, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6
}

test_archive_is_one_folder_and_brings_what_it_needs() {
	unpack
	[[ -z $(grep -v '^flink-1\.19\.3/' list.txt) ]] || fail "$(grep -v '^flink-1\.19\.3/' list.txt)"
	for part in bin conf examples include lib log web; do
		[[ -d flink/$part ]] || fail "no $part in $(ls flink)"
	done
	same "" "$(ls flink/log)"
	[[ $(ldd flink/bin/taskmanager) == *"/flink/bin/../lib/libevent_core"* ]] || fail "$(ldd flink/bin/taskmanager)"
	local file library
	for file in flink/bin/{flink,jobmanager,taskmanager} flink/lib/*.so flink/lib/*.so.* flink/opt/python/pyflink/*.so; do
		[[ -e $file ]] || continue # without Python's headers there is no pyflink
		for library in $(ldd "$file" | sed -n 's/^\t\(.*\) => .*/\1/p'); do
			[[ $library =~ ^lib(c|m|dl|pthread|rt|resolv)\.so || -e flink/lib/$library ]] || fail "$file needs $library"
		done
	done
	if [[ -d flink/opt/python/pyflink ]]; then
		[[ $(ldd flink/opt/python/pyflink/*.so) == *"/pyflink/.libs/libevent_core"* ]] || fail "$(ldd flink/opt/python/pyflink/*.so)"
		same "2 4 6 8 10" "$(PYTHONPATH=flink/opt/python python3 -c '
from pyflink.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
env.from_collection([1, 2, 3, 4, 5]).map(lambda x: x * 2).print()
env.execute()' | xargs)"
	fi
	"$root/scripts/make-dist" "$root/build/$build" "$scratch/again.tgz" >/dev/null
	"$root/scripts/make-dist" "$root/build/$build" "$scratch/once-more.tgz" >/dev/null
	cmp "$scratch/again.tgz" "$scratch/once-more.tgz" || fail "the same build gives two archives"
	! tar -tvzf "$scratch/again.tgz" | grep -v ' 0/0 ' || fail "files belong to somebody"
}

test_tutorial_as_printed() {
	local host
	host=$(hostname)
	unpack
	same "bin conf examples lib log" "$(cd ~/flink && echo bin conf ex* lib log)"
	edit '\n'
	cd ~
	cd flink/bin/
	./start-cluster.sh >../start.txt 2>&1 || fail "$(cat ../start.txt)"
	same "Starting cluster.
Starting standalonesession daemon on host $host.
Starting taskexecutor daemon on host $host.
1 JobManager, 1 TaskManager, 1 slot, http://localhost:8081" "$(<../start.txt)"
	overview_is taskmanagers 1
	overview_is slots-available 1
	[[ $(listens_on 8081) =~ ^(0100007F|00000000000000000000000001000000|$'\n')+$ ]] || fail "8081 on $(listens_on 8081)"
	[[ $(listens_on 6123) =~ ^(0100007F|00000000000000000000000001000000|$'\n')+$ ]] || fail "6123 on $(listens_on 6123)"

	cd ~/flink
	mkfifo words
	nc -l 9000 <words >/dev/null & # terminal 1
	started_pids+=("$!")
	local nc=$!
	exec 9>words
	background ./bin/flink run examples/streaming/SocketWindowWordCount.jar --hostname localhost --port 9000 >run.txt 2>run.err
	local run=$pid
	until_true 10 overview_is jobs-running 1
	cd ~
	(cd flink && exec tail -f log/flink-*.out) >tail.txt 9>&- & # terminal 3
	started_pids+=("$!")
	cd flink
	echo "hello world hello" >&9
	until_true 8 file_has ~/tail.txt '^hello : 2$'
	until_true 2 file_has ~/tail.txt '^world : 1$'
	same "==> log/flink-$(id -un)-standalonesession-0-$host.out <==

==> log/flink-$(id -un)-taskexecutor-0-$host.out <==" "$(head -n 3 ~/tail.txt)"
	exec 9>&-
	kill "$nc"
	wait "$run" || fail "$(cat run.txt run.err)"
	[[ $(tail -n 4 run.txt | head -n 1) == "Program execution finished" ]] || fail "$(cat run.txt)"
	cd bin
	./stop-cluster.sh >../stop.txt 2>&1
	same "2" "$(grep -cE '^Stopping (taskexecutor|standalonesession) daemon \(pid: [0-9]+\) on host ' ../stop.txt)"
	same "" "$(listens_on 8081)$(listens_on 6123)"
	same "" "$(ls "$FLINK_PID_DIR")"
}

test_files_edited_with_a_windows_editor() {
	unpack
	edit '\r\n'
	cd ~/flink/bin
	./start-cluster.sh >../start.txt 2>&1 || fail "$(cat ../start.txt)"
	overview_is taskmanagers 1
}

test_another_port_in_masters_and_two_workers() {
	unpack
	edit '\n'
	echo 'localhost:9081   # JobManager 웹 UI에서 사용할 포트 번호' >masters
	printf 'localhost   # TaskManager가 실행될 노드 명시\nlocalhost\n' >workers
	cd ~/flink/bin
	./start-cluster.sh >../start.txt 2>&1 || fail "$(cat ../start.txt)"
	same "1 JobManager, 2 TaskManagers, 2 slots, http://localhost:9081" "$(tail -n 1 ../start.txt)"
	rest_port=9081
	overview_is taskmanagers 2
}

test_lines_that_only_flinks_reader_accepts() {
	unpack
	edit '\n'
	printf '  rest.port: 9082\njobmanager.rpc.address: localhost\ttyped\nparallelism.default: 2\nparallelism.default: 3\n' >flink-conf.yaml
	echo 'localhost' >masters
	../bin/flink-settings check >said.txt 2>&1 || true
	contains "$(<said.txt)" "flink-conf.yaml"
	printf '  rest.port: 9082\nparallelism.default: 2\nparallelism.default: 3\n' >flink-conf.yaml
	printf 'rest:\n  port: 9083\n' >config.yaml
	../bin/flink-settings check >said.txt 2>&1 || fail "$(<said.txt)"
	contains "$(<said.txt)" "parallelism.default"
	contains "$(<said.txt)" "config.yaml"
	same "9082 3" "$(../bin/flink-settings get rest.port parallelism.default 2>/dev/null | xargs)"
	cd ../bin
	./start-cluster.sh >../start.txt 2>&1 || fail "$(cat ../start.txt)"
	rest_port=9082
	overview_is taskmanagers 1
}

run_tests
