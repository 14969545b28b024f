/* SPDX-License-Identifier: Apache-2.0
 * port_os.c - who holds a port: the listening socket's inode from /proc/net/tcp and tcp6, then the
 * process that has it open. Other users' processes can be seen by root only. */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/world/world_os_priv.h"

#define STATE_LISTEN 0x0A

/* 0: nobody listens there. */
static uint64_t listening_inode(const char *table, uint16_t port)
{
	FILE *file = fopen(table, "re");
	char line[512];
	uint64_t found = 0;

	if (file == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof(line), file) != NULL) {
		unsigned local_port, state;
		uint64_t inode;

		/* "sl: local_address:port remote:port st tx:rx tr:when retrnsmt uid timeout
		 * inode" */
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x "
				 "%*u %*u %" SCNu64, &local_port, &state, &inode) == 3 &&
		    local_port == port && state == STATE_LISTEN)
			found = inode;
	}
	fclose(file);
	return found;
}

static bool has_open(const char *pid, const char *wanted)
{
	char path[300], target[64];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *directory = opendir(path);

	if (directory == NULL)
		return false;
	for (struct dirent *at; !found && (at = readdir(directory)) != NULL;) {
		ssize_t length =
			readlinkat(dirfd(directory), at->d_name, target, sizeof(target) - 1);

		if (length <= 0)
			continue;
		target[length] = '\0';
		found = strcmp(target, wanted) == 0;
	}
	closedir(directory);
	return found;
}

static void name_of(const char *pid, char *text, size_t size_bytes)
{
	char path[300], name[32] = "";

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *file = fopen(path, "re");

	if (file != NULL && fgets(name, sizeof(name), file) != NULL)
		name[strcspn(name, "\n")] = '\0';
	if (file != NULL)
		fclose(file);
	snprintf(text, size_bytes, "process %.16s (%s)", pid, name[0] != '\0' ? name : "?");
}

void os_port_holder(uint16_t port, char *text, size_t size_bytes)
{
	char wanted[48];
	bool found = false;
	uint64_t inode = listening_inode("/proc/net/tcp", port);

	if (inode == 0)
		inode = listening_inode("/proc/net/tcp6", port);
	/* An outgoing connection may have taken the port, and keeps it for a while after its
	 * end. */
	snprintf(text, size_bytes, "%s", inode != 0 ? "another process (root can see which)"
						    : "a connection that nobody listens for");
	DIR *processes = inode != 0 ? opendir("/proc") : NULL;

	if (processes == NULL)
		return;
	snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	for (struct dirent *at; !found && (at = readdir(processes)) != NULL;) {
		if (!isdigit((unsigned char)at->d_name[0]) || !has_open(at->d_name, wanted))
			continue;
		name_of(at->d_name, text, size_bytes);
		found = true;
	}
	closedir(processes);
}
