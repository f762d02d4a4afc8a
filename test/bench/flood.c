/* SPDX-License-Identifier: MIT
 * Runs the pinned program of flood.bpf.c at a pace: flood PROGRAM PER-SECOND SECONDS GENERATION
 * Prints {"runs":N,"seconds":S,"late":MS}. Each run is two events. `late` is the largest delay behind the pace. */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS 1000000
#define SHARE_MOST 65536 /* program runs per system call */

struct who {
	uint64_t start, cgroup;
	uint32_t tgid, generation;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	int program = argc == 5 ? bpf_obj_get(argv[1]) : -1;
	double rate = argc == 5 ? atof(argv[2]) : 0, seconds = argc == 5 ? atof(argv[3]) : 0, began, behind, late = 0;
	struct who who = {.start = 1, .tgid = getpid(), .generation = argc == 5 ? atoi(argv[4]) : 0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &who, .data_size_in = sizeof(who));
	long done = 0, due;

	if (program < 0) {
		perror(argc == 5 ? argv[1] : "flood PROGRAM PER-SECOND SECONDS GENERATION");
		return 2;
	}
	for (began = now(); done < rate * seconds;) {
		double elapsed = now() - began;

		due = (long)(rate * (elapsed < seconds ? elapsed : seconds)) - done;
		behind = due / rate;
		late = behind > late ? behind : late;
		if (due > 0) {
			opts.repeat = due < SHARE_MOST ? due : SHARE_MOST;
			if (bpf_prog_test_run_opts(program, &opts) || opts.retval) {
				perror("run");
				return 1;
			}
			done += opts.repeat;
		}
		nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
	}
	printf("{\"runs\":%ld,\"seconds\":%.3f,\"late\":%.1f}\n", done, now() - began, late * 1000);
	return 0;
}
