# shellcheck shell=bash
# alone.sh - sourced first: runs the script again in a network of its own, where the tutorial's ports are free.
#
# So 8081, 6123 and 9000 can be typed as printed, whatever runs on this machine. Where the kernel gives no
# such network (in a container, say), the machine's own will do if the ports are free there; one script at a
# time then.
if [[ -z ${ALONE-} ]]; then
	enter=(unshare --net)
	(($(id -u) == 0)) || enter=(unshare --map-root-user --net)
	if "${enter[@]}" true 2>/dev/null; then
		ALONE=own exec "${enter[@]}" -- "$BASH" "$0" "$@"
	fi
	exec {first_hour_lock}>"/tmp/cflink-first-hour-$(id -u).lock"
	flock --wait 200 "$first_hour_lock"
	for port in 6123 8081 9000 9081 9082 9092; do
		(exec 3<>"/dev/tcp/localhost/$port") 2>/dev/null || continue
		echo "ok 1 - ${0##*/} # SKIP port $port is taken, and this kernel gives us no network of our own"
		echo 1..1
		exit 0
	done
	ALONE=shared
fi
# What `ip link set lo up` does, for machines without ip.
[[ $ALONE == shared ]] || python3 - <<-'END'
	import fcntl, socket, struct
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
	    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: UP, RUNNING
END
