#!/usr/bin/env bash
# config.sh - what the start and stop scripts share. Sourced, never run.
#
# Built for speed and for odd places: no fork where bash can do it itself (a cluster is to be up before
# the key is released), every path quoted, files with CRLF read as if they had none. A daemon is told
# apart from a stranger with its old pid by its start time (PID_FILE.info, see common/daemon/daemon.h).

# The folder above this file, whatever links lead to it; the caller stays where it is.
caller_dir=$PWD
cd -P "$bin/.." && FLINK_HOME=$PWD
cd "$caller_dir" 2>/dev/null || true
FLINK_BIN_DIR=$FLINK_HOME/bin
export FLINK_HOME FLINK_CONF_DIR=${FLINK_CONF_DIR:-$FLINK_HOME/conf}
HOST=${HOSTNAME:-localhost}
IDENT=${FLINK_IDENT_STRING:-${USER:-${LOGNAME:-}}}
[[ -n $IDENT ]] || IDENT=$(id -un)

say() { printf '%s\n' "$*" >&2; }

# ---- settings --------------------------------------------------------------------------------------

# Sets LOG_DIR, PID_DIR, LOG_MAX, REST_URL … from the settings; on a bad one the error is on the
# screen already and the script ends. Arguments: -D key=value …
read_settings() {
	local text values
	text=$("$FLINK_BIN_DIR/flink-settings" get env.log.dir env.pid.dir env.log.max rest.address rest.port \
		security.cluster.secret-file parallelism.default rest.auth rest.bind-address \
		rest.auth.token-file "$@") || exit 1
	mapfile -t values <<<"$text"
	LOG_DIR=${values[0]:-$FLINK_HOME/log}
	PID_DIR=${values[1]}
	LOG_MAX=${values[2]}
	REST_URL=http://${values[3]}:${values[4]}
	[[ -z ${values[5]} ]] || make_secret "${values[5]}"
	TOKEN_FILE=
	case ${values[7]}:${values[8]} in
	token:* | auto:*) TOKEN_FILE=${values[9]:-$FLINK_CONF_DIR/rest-token} ;;
	esac
	case ${values[7]}:${values[8]} in # on this machine alone everybody may come in
	auto: | auto:localhost | auto:127.* | auto:::1 | auto:\[::1]) TOKEN_FILE= ;;
	esac
	export FLINK_LOG_DIR=$LOG_DIR
}

# The same for stopping, which works with broken settings too.
read_settings_to_stop() {
	local text values
	text=$("$FLINK_BIN_DIR/flink-settings" get env.log.dir env.pid.dir 2>/dev/null)
	mapfile -t values <<<"$text"
	LOG_DIR=${values[0]:-${FLINK_LOG_DIR:-$FLINK_HOME/log}}
	PID_DIR=${values[1]:-${FLINK_PID_DIR:-/tmp}}
}

# TOKEN: the one that the REST address wants, once the JobManager has made it.
read_token() {
	TOKEN=
	[[ -z ${TOKEN_FILE-} || ! -r $TOKEN_FILE ]] || read -r TOKEN <"$TOKEN_FILE" || true
}

# The file that security.cluster.secret-file names is made at the first start.
make_secret() {
	[[ -e $1 ]] && return
	local mask i secret=
	mask=$(umask)
	umask 077
	for i in 1 2 3 4 5 6 7 8; do
		printf -v secret '%s%08x' "$secret" "$SRANDOM"
	done
	if ! printf '%s\n' "$secret" >"$1"; then
		say "error: the secret file $1 of security.cluster.secret-file cannot be made"
		exit 1
	fi
	umask "$mask"
	say "Made a new cluster secret in $1; give a copy to every machine of the cluster."
}

# ---- what runs -------------------------------------------------------------------------------------

pid_file_of() { PID_FILE=$PID_DIR/flink-$IDENT-$1.pid; }

# Reads the pid file of daemon $1: PIDS (in the order of start), and what is known of each.
declare -A STARTED BOOT TEXT
read_pids() {
	local line pid started boot index text
	PIDS=() STARTED=() BOOT=() TEXT=()
	pid_file_of "$1"
	[[ -r $PID_FILE ]] || return 0
	while IFS= read -r line || [[ -n $line ]]; do
		line=${line%$'\r'}
		[[ $line =~ ^[0-9]+$ ]] && PIDS+=("$line")
	done <"$PID_FILE"
	[[ -r $PID_FILE.info ]] || return 0
	while read -r pid started boot index text; do
		[[ -n $pid ]] || continue
		STARTED[$pid]=$started BOOT[$pid]=$boot TEXT[$pid]=$text
	done <"$PID_FILE.info"
}

# Whether the process is there, not only waiting to be buried, and the one that was written down.
is_alive() {
	local pid=$1 stat fields boot=
	{ IFS= read -r stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
	read -ra fields <<<"${stat##*) }"
	[[ ${fields[0]} != [ZX] ]] || return 1
	[[ -n ${STARTED[$pid]-} ]] || return 0
	{ IFS= read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
	[[ ${fields[19]} == "${STARTED[$pid]}" && ${boot:--} == "${BOOT[$pid]}" ]]
}

# ALIVE: those of daemon $1 that run.
read_alive() {
	local pid
	read_pids "$1"
	ALIVE=()
	for pid in "${PIDS[@]}"; do
		is_alive "$pid" && ALIVE+=("$pid")
	done
	return 0
}

# Waits $1 seconds (a fraction) without a process: nothing ever comes out of this pipe.
pause() {
	[[ -n ${PAUSE_FD-} ]] || exec {PAUSE_FD}<> <(:)
	read -rt "$1" -u "$PAUSE_FD" || true
}

now_ms() { NOW_MS=$((${EPOCHREALTIME/[^0-9]/} / 1000)); }

# One start-cluster.sh at a time: two that run side by side would both find nothing running. Held until
# the script ends; daemons must not inherit it.
lock_starts() {
	command -v flock >/dev/null && [[ -r $FLINK_CONF_DIR ]] || return 0
	exec {START_LOCK}<"$FLINK_CONF_DIR" || return 0
	flock --wait 30 "$START_LOCK" || say "Another start takes more than 30 s; not waiting for it any longer."
}

close_lock() {
	[[ -z ${START_LOCK-} ]] || exec {START_LOCK}<&-
}

# ---- starting --------------------------------------------------------------------------------------

program_of() {
	case $1 in
	standalonesession) PROGRAM=$FLINK_BIN_DIR/jobmanager ;;
	taskexecutor) PROGRAM=$FLINK_BIN_DIR/taskmanager ;;
	*) say "Unknown daemon '$1'. Usage: standalonesession or taskexecutor."; exit 1 ;;
	esac
	if [[ ! -x $PROGRAM ]]; then
		say "error: $PROGRAM is not there; run 'make' first"
		exit 1
	fi
}

# Begins a daemon in the background: prints Flink's lines, leaves the descriptor in READY_FD. Its pid is
# in the file once LAUNCHER_PID has ended.
begin_daemon() {
	local daemon=$1 files
	shift
	program_of "$daemon"
	read_alive "$daemon"
	if ((${#ALIVE[@]} > 0)); then
		echo "[INFO] ${#ALIVE[@]} instance(s) of $daemon are already running on $HOST."
	fi
	echo "Starting $daemon daemon on host $HOST."
	files=$LOG_DIR/flink-$IDENT-$daemon-{index}-$HOST
	local latest=()
	[[ $daemon != taskexecutor ]] || latest=(--latest)
	exec {READY_FD}< <(close_lock && exec "$PROGRAM" --daemon --ready-fd 1 --log-max "$LOG_MAX" --log "$files.log" \
		--out "$files.out" --pid "$PID_FILE" "${latest[@]}" "$@" 2>&1)
	LAUNCHER_PID=$!
}

# Reads what the daemon behind descriptor $1 says, at most until NOW + $2 ms. STATE becomes ready (SAID:
# what it is ready with), waiting (SAID: for what), failed (SAID: why), or silent.
await_daemon() {
	local fd=$1 end line stray= left
	now_ms
	end=$((NOW_MS + $2))
	STATE=silent SAID=
	while :; do
		now_ms
		left=$((end - NOW_MS))
		((left > 0)) || break
		printf -v left '%d.%03d' $((left / 1000)) $((left % 1000))
		if ! IFS= read -r -t "$left" -u "$fd" line; then
			now_ms
			((NOW_MS >= end)) || [[ $STATE == failed ]] || { STATE=failed SAID=$stray; }
			break
		fi
		case $line in
		"ready "*) STATE=ready SAID=${line#ready }; break ;;
		"note "*) STATE=waiting SAID=${line#note } ;;
		"failed "*) STATE=failed SAID=${line#failed } ;;
		*)
			if [[ $STATE == failed ]]; then # its stderr, which comes here too, may say it again
				[[ $'\n'$SAID$'\n' == *$'\n'"$line"$'\n'* ]] || SAID+=$'\n'$line
			else
				stray+=${stray:+$'\n'}$line
			fi
			;;
		esac
	done
	exec {fd}<&-
}

# Says why daemon $1 did not start, in its own words.
say_failure() {
	say "Error starting $1 daemon."
	say "${SAID:-It ended without a word; see $LOG_DIR}"
}

foreground() {
	local daemon=$1 log=() files
	shift
	program_of "$daemon"
	echo "Starting $daemon as a console application on host $HOST."
	if { [[ -d $LOG_DIR ]] || mkdir -p "$LOG_DIR"; } 2>/dev/null && [[ -w $LOG_DIR ]]; then
		files=$LOG_DIR/flink-$IDENT-$daemon-0-$HOST
		log=(--log-max "$LOG_MAX" --log "$files.log" --out "$files.out")
		[[ $daemon != taskexecutor ]] || log+=(--latest)
	else
		say "$LOG_DIR cannot be written; the log goes to the screen alone."
	fi
	exec "$PROGRAM" "${log[@]}" "$@"
}

# ---- stopping --------------------------------------------------------------------------------------

# Takes pid $1 out of the pid file of daemon $2, if the daemon has not done so itself.
forget_pid() {
	local lock pid
	if command -v flock >/dev/null && exec {lock}<"$PID_DIR"; then
		flock "$lock"
	fi
	read_pids "$2"
	for pid in "${PIDS[@]}"; do
		if [[ $pid == "$1" ]]; then
			rewrite_pids "$1"
			break
		fi
	done
	[[ -z ${lock-} ]] || exec {lock}<&-
}

# PIDS without $1, in both files; no file when none is left.
rewrite_pids() {
	local pid pids= info= line
	for pid in "${PIDS[@]}"; do
		[[ $pid == "$1" ]] || pids+=$pid$'\n'
	done
	if [[ -z $pids ]]; then
		rm -f "$PID_FILE" "$PID_FILE.info"
		return
	fi
	if [[ -r $PID_FILE.info ]]; then
		while IFS= read -r line; do
			[[ ${line%% *} == "$1" ]] || info+=$line$'\n'
		done <"$PID_FILE.info"
	fi
	printf '%s' "$pids" >"$PID_FILE.new" && mv "$PID_FILE.new" "$PID_FILE"
	printf '%s' "$info" >"$PID_FILE.info.new" && mv "$PID_FILE.info.new" "$PID_FILE.info"
}

# After SIGTERM: until it is gone, at most 10 s, then by force.
await_end() {
	local daemon=$1 pid=$2 end
	now_ms
	end=$((NOW_MS + 10000))
	while is_alive "$pid"; do
		now_ms
		if ((NOW_MS >= end)); then
			echo "Daemon $daemon didn't stop within 10 seconds. Killing it."
			kill -KILL "$pid" 2>/dev/null
			end=$((NOW_MS + 2000))
			while is_alive "$pid" && ((NOW_MS < end)); do
				pause 0.01
				now_ms
			done
			break
		fi
		pause 0.005
	done
	forget_pid "$pid" "$daemon"
}

# The one that was started last.
stop_daemon() {
	local daemon=$1 pid
	read_pids "$daemon"
	if ((${#PIDS[@]} == 0)); then
		echo "No $daemon daemon to stop on host $HOST."
		return
	fi
	pid=${PIDS[-1]}
	if is_alive "$pid"; then
		echo "Stopping $daemon daemon (pid: $pid) on host $HOST."
		kill -TERM "$pid"
		await_end "$daemon" "$pid"
	else
		echo "No $daemon daemon (pid: $pid) is running anymore on $HOST."
		forget_pid "$pid" "$daemon"
	fi
}

stop_all() {
	local daemon=$1 pid pids asked=()
	read_pids "$daemon"
	pids=("${PIDS[@]}")
	for pid in "${pids[@]}"; do
		if is_alive "$pid"; then
			echo "Stopping $daemon daemon (pid: $pid) on host $HOST."
			kill -TERM "$pid"
			asked+=("$pid")
		else
			echo "Skipping $daemon daemon (pid: $pid), because it is not running anymore on $HOST."
			forget_pid "$pid" "$daemon"
		fi
	done
	for pid in "${asked[@]}"; do
		await_end "$daemon" "$pid"
	done
	((${#pids[@]} > 0)) || echo "No $daemon daemon to stop on host $HOST."
}

# ---- masters and workers ---------------------------------------------------------------------------

is_here() {
	case $1 in
	localhost | 127.* | ::1 | '[::1]' | "$HOST" | "${HOST%%.*}") return 0 ;;
	esac
	return 1
}

# Reads conf/$1 into HOSTS: a host a line, "#" begins a comment, "/rack/host" is host. A host that is
# another machine ends the script.
read_hosts() {
	local file=$FLINK_CONF_DIR/$1 line number=0 host
	HOSTS=()
	if [[ ! -r $file ]]; then
		say "No $1 file. Please specify $1 in 'conf/$1'."
		exit 1
	fi
	while IFS= read -r line || [[ -n $line ]]; do
		((++number))
		line=${line#$'\xef\xbb\xbf'}
		line=${line//$'\xc2\xa0'/ } # copied from a web page
		line=${line//$'\xe3\x80\x80'/ }
		line=${line%%#*}
		read -r line _ <<<"${line//$'\r'/}"
		[[ -n $line ]] || continue
		line=${line##*/}
		host=$line
		[[ $1 != masters || $host != *:* || $host == *:*:* && $host != \[*\]:* ]] || host=${host%:*}
		if ! is_here "$host"; then
			say "error: $file:$number: $host is another machine; starting daemons there comes in a later"
			say " hint: version. Start it there by hand: bin/taskmanager.sh start, with"
			say "       jobmanager.rpc.address set to this machine and the same cluster secret."
			exit 1
		fi
		HOSTS+=("$host")
	done <"$file"
}

# ---- asking the JobManager -------------------------------------------------------------------------

# GET $2 from http://host:port; the answer's body in BODY.
http_get() {
	local address=${1#http://} host port fd answer
	host=${address%:*} port=${address##*:}
	port=${port%%/*}
	BODY=
	{ exec {fd}<>"/dev/tcp/${host//[\[\]]/}/$port"; } 2>/dev/null || return 1
	read_token
	printf 'GET %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n' "$2" "$address" \
		"${TOKEN:+Authorization: Bearer $TOKEN$'\r\n'}" >&"$fd"
	IFS= read -r -d '' -t 2 -u "$fd" answer
	exec {fd}<&-
	[[ $answer == "HTTP/1.1 200"* ]] || return 1
	BODY=${answer#*$'\r\n\r\n'}
}

count() { # 1 slot, 2 slots
	if (($1 == 1)); then COUNT="1 $2"; else COUNT="$1 $2s"; fi
}

# "1 JobManager, 2 TaskManagers, 4 slots, http://localhost:8081", as the JobManager itself tells it. $2:
# wait until it knows so many TaskManagers, at most 2 s: a started one may be a heartbeat ahead.
say_cluster() {
	local url=$1 wanted=$2 end managers slots
	now_ms
	end=$((NOW_MS + 2000))
	while :; do
		if ! http_get "$url" /overview; then
			echo "1 JobManager, $url"
			return
		fi
		[[ $BODY =~ \"taskmanagers\":\ *([0-9]+) ]] && managers=${BASH_REMATCH[1]}
		[[ $BODY =~ \"slots-total\":\ *([0-9]+) ]] && slots=${BASH_REMATCH[1]}
		now_ms
		((${managers:-0} < wanted && NOW_MS < end)) || break
		pause 0.01
	done
	url+=${TOKEN:+/?token=$TOKEN}
	count "${managers:-0}" TaskManager
	managers=$COUNT
	count "${slots:-0}" slot
	echo "1 JobManager, $managers, $COUNT, $url"
}
