#!/usr/bin/env bash
# README.md as a new user types it: its blocks of commands are taken from the file and run, section by section.
# docs/README.ko.md has the same commands. Section 7 is tests/docker; install-deps.sh is check.sh's first step.
source "${BASH_SOURCE[0]%/*}/home.sh"

# blocks FILE SECTION: its ```sh blocks, each ended by a line of \f.
blocks() {
	awk -v section="## $2. " '/^## / { inside = index($0, section) == 1 }
		/^```/ { if (reading) printf "\f\n"; reading = inside && $0 == "```sh"; next }
		reading' "$1"
}

read_blocks() { # BLOCK[0…]: those of section $1 of README.md
	mapfile -t -d $'\f' BLOCK < <(blocks "$root/README.md" "$1" | sed '/^scripts\/install-deps\.sh /d')
	((${#BLOCK[@]} == $2 + 1)) || fail "section $1 of README.md has ${#BLOCK[@]} - 1 blocks, not $2"
}

type_in() { # type_in FOLDER BLOCK…: in one shell, which stops at the first command that fails
	local folder=$1
	shift
	(cd "$folder" && env -u MAKEFLAGS -u MAKELEVEL "$BASH" -e -c "$*") >"$scratch/screen.txt" 2>&1 ||
		fail "$(printf '%s\n' "$*"; cat "$scratch/screen.txt")"
}

# The output block behind the commands of section $1, with this host's name.
shown_in() {
	awk -v section="## $1. " '/^## / { inside = index($0, section) == 1 }
		inside && /^```/ { reading = !reading && $0 == "```"; if (!reading && $0 == "```sh") skip = 1
			if ($0 == "```" && skip) { skip = 0; reading = 0 } next }
		reading' "$root/README.md" | sed "s/my-computer/$host/"
}

install_as_told() {
	at_home
	home_dir=$HOME/flink rest_port=8081
	read_blocks 1 2
	type_in "$root" "${BLOCK[@]}"
	read_blocks 2 1
	type_in / "${BLOCK[0]}"
	same "The settings are good: 10 set, 0 warnings." "$(<"$scratch/screen.txt")"
	read_blocks 3 1
	type_in / "${BLOCK[0]}"
	same "$(shown_in 3)" "$(<"$scratch/screen.txt")"
}

stop_as_told() {
	read_blocks 6 1
	type_in / "${BLOCK[0]}"
	same "" "$(ls "$FLINK_PID_DIR")"
}

test_install_start_word_count_stop() {
	install_as_told
	read_blocks 4 3
	mkfifo "$scratch/typed"
	"$BASH" -e -c "${BLOCK[0]}" <"$scratch/typed" >"$scratch/1.txt" 2>&1 &
	started_pids+=("$!")
	exec 9>"$scratch/typed"
	listening() { grep -q ':2328 .* 0A ' /proc/net/tcp /proc/net/tcp6; }
	until_true 20 listening
	background "$BASH" -e -c "${BLOCK[1]}" >"$scratch/2.txt" 2>&1
	local run=$pid
	until_true 20 overview_is jobs-running 1
	"$BASH" -e -c "${BLOCK[2]/tail/exec tail}" 9>&- >"$scratch/3.txt" 2>&1 &
	started_pids+=("$!")
	echo "hello world hello" >&9
	local line
	while IFS= read -r line; do
		until_true 20 file_has "$scratch/3.txt" "^$line\$"
		until_true 20 file_has "$scratch/2.txt" "^$line\$"
	done < <(shown_in 4)
	exec 9>&-
	pkill -P "${started_pids[0]}" nc || kill "${started_pids[0]}" # Ctrl-C
	wait "$run" || fail "$(<"$scratch/2.txt")"
	stop_as_told
}

test_python() {
	[[ -e $root/build/$build/python/pyflink/_engine.abi3.so ]] || { echo "the engine for Python is not built here"; exit 77; }
	{ command -v patchelf && python3 -c 'import ensurepip, venv'; } >/dev/null 2>&1 || { echo "no patchelf or no python3-venv"; exit 77; }
	install_as_told
	read_blocks 5 4
	export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONFIG_FILE=/dev/null PYTHONDONTWRITEBYTECODE=1
	type_in "$root" "${BLOCK[@]}"
	contains "$(<"$scratch/screen.txt")" "Successfully installed apache-flink-1.19.3"
	same 5 "$(grep -cE '^([1-9][0-9]*> )?(2|4|6|8|10)$' <(sed '/^Job has been submitted/,$d' "$scratch/screen.txt"))"
	same 5 "$(grep -cE '^(2|4|6|8|10)$' <(sed '1,/^Job has been submitted/d' "$scratch/screen.txt"))"
	stop_as_told
}

test_both_documents_say_the_same() {
	local section korean=$root/docs/README.ko.md
	for section in 1 2 3 4 5 6 7; do
		[[ -n $(blocks "$root/README.md" "$section") ]] || fail "README.md has no commands in section $section"
		same "$(blocks "$root/README.md" "$section" | sed 's/ *# .*//')" "$(blocks "$korean" "$section" | sed 's/ *# .*//')"
	done
	same "$(grep -c '^## ' "$root/README.md")" "$(grep -c '^## ' "$korean")"
	same "$(grep -oE '`bin/[^`]*`' "$root/README.md" | sort)" "$(grep -oE '`bin/[^`]*`' "$korean" | sort)"
}

test_links_and_pictures_are_there() {
	local document link
	for document in README.md docs/README.ko.md; do
		cd "$root/${document%"${document##*/}"}"
		for link in $(grep -oE '\]\([^)#:]+\)' "$root/$document" | sed 's/^](//; s/)$//'); do
			[[ -e $link ]] || fail "$document: $link is not there"
		done
		same 2 "$(grep -c '^!\[.*\](.*\.png)$' "$root/$document")"
	done
	for link in "$root"/docs/images/*.png; do
		(($(stat --format=%s "$link") < 120000)) || fail "$link is large"
	done
}

run_tests
