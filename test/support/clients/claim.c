/* SPDX-License-Identifier: MIT
 * Claims to be another program, as any user can in their own user namespace (PR_SET_MM_MAP), and connects, first from a
 * child:
 *   claim FILE ADDRESS PORT
 * Prints what /proc/self/exe says, and the errno of both. */
#include "client.h"
#include <linux/prctl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

/* Replaces the mappings of the file by copies: a program may change its file only when none of it is mapped. */
static void unmap_file(void)
{
	char own[256] = "", line[512], rights[5], path[256];
	unsigned long from[16], to[16];
	int protection[16], count = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	if (readlink("/proc/self/exe", own, sizeof(own) - 1) < 0 || !maps)
		fail("/proc/self");
	while (count < 16 && fgets(line, sizeof(line), maps)) {
		path[0] = 0;
		if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %255s", &from[count], &to[count], rights, path) < 3 ||
		    strcmp(path, own))
			continue;
		protection[count++] = (rights[0] == 'r' ? PROT_READ : 0) | (rights[1] == 'w' ? PROT_WRITE : 0) |
				      (rights[2] == 'x' ? PROT_EXEC : 0);
	}
	fclose(maps);
	for (int i = 0; i < count; i++) {
		size_t size = to[i] - from[i];
		void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (copy == MAP_FAILED)
			fail("mmap");
		memcpy(copy, (void *)from[i], size);
		mprotect(copy, size, protection[i]);
		if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)from[i]) == MAP_FAILED)
			fail("mremap");
	}
}

/* Returns field `number` of /proc/self/stat, from 1. */
static unsigned long long stat_field(int number)
{
	static char text[1024];
	FILE *stat = fopen("/proc/self/stat", "r");
	char *at;

	if (!stat || !fgets(text, sizeof(text), stat))
		fail("/proc/self/stat");
	fclose(stat);
	at = strrchr(text, ')') + 2;
	for (int field = 3; field < number; field++)
		at = strchr(at, ' ') + 1;
	return strtoull(at, NULL, 10);
}

static void claim(const char *file)
{
	struct prctl_mm_map map = {
		.start_code = stat_field(26),
		.end_code = stat_field(27),
		.start_data = stat_field(45),
		.end_data = stat_field(46),
		.start_brk = stat_field(47),
		.brk = (unsigned long)sbrk(0),
		.start_stack = stat_field(28),
		.arg_start = stat_field(48),
		.arg_end = stat_field(49),
		.env_start = stat_field(50),
		.env_end = stat_field(51),
		.exe_fd = open(file, O_RDONLY | O_CLOEXEC),
	};

	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0)
		fail("PR_SET_MM_MAP");
}

static const char *attempt(const struct peer *peer)
{
	return errno_name(connect_to(socket(peer->family, SOCK_STREAM, 0), peer) < 0 ? errno : 0);
}

int main(int argc, char **argv)
{
	struct peer peer;
	char exe[256] = "";
	pid_t child;

	if (argc < 4)
		return 2;
	peer = peer_of(argv[2], atoi(argv[3]));
	if (unshare(CLONE_NEWUSER) < 0)
		fail("unshare");
	unmap_file();
	claim(argv[1]);
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		fail("/proc/self/exe");
	printf("{\"exe\":\"%s\",", exe);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		printf("\"child\":\"%s\",", attempt(&peer));
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	printf("\"pid\":%d,\"errno\":\"%s\"}\n", getpid(), attempt(&peer));
	return 0;
}
