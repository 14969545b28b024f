# shellcheck shell=bash
# alone.sh - sourced first: runs the script again in a network of its own, where the tutorial's ports are free.
#
# So 8081, 6123 and 9000 can be typed as printed, whatever runs on this machine.
if [[ -z ${ALONE-} ]]; then
	enter=(unshare --net)
	(($(id -u) == 0)) || enter=(unshare --map-root-user --net)
	if ! "${enter[@]}" true 2>/dev/null; then
		echo "ok 1 - ${0##*/} # SKIP this kernel gives us no network of our own (unshare --net)"
		echo 1..1
		exit 0
	fi
	ALONE=1 exec "${enter[@]}" -- "$BASH" "$0" "$@"
fi
# What `ip link set lo up` does, for machines without ip.
python3 - <<-'END'
	import fcntl, socket, struct
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
	    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: UP, RUNNING
END
