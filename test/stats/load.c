/* Loads each program of a BPF object by itself and prints the results of verifier and JIT, one line of JSON each:
 *   load OBJECT */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

/* Loads one program, or all at once if `selected` is NULL. Returns the duration [ms], negative on failure. */
static double load(const char *file, const char *selected)
{
	struct bpf_object *object = bpf_object__open_file(file, NULL);
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	struct bpf_program *program, *found = NULL;
	double began, taken;

	if (!object)
		return -1;
	bpf_object__for_each_program(program, object) {
		if (selected && strcmp(bpf_program__name(program), selected) != 0)
			bpf_program__set_autoload(program, false);
		else
			found = program;
	}
	began = now();
	if (bpf_object__load(object)) {
		fprintf(stderr, "%s: %s\n", selected ? selected : file, strerror(errno));
		bpf_object__close(object);
		return -1;
	}
	taken = now() - began;
	if (selected && bpf_obj_get_info_by_fd(bpf_program__fd(found), &info, &size) == 0)
		printf("{\"name\":\"%s\",\"verified\":%u,\"instructions\":%u,\"jited\":%u,\"ms\":%.1f}\n", selected,
		       info.verified_insns, info.xlated_prog_len / 8, info.jited_prog_len, taken);
	bpf_object__close(object);
	return taken;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *program;
	double all;
	int failed = 0;

	if (argc != 2)
		return 2;
	libbpf_set_print(silent);
	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		return 1;
	bpf_object__for_each_program(program, object)
		failed |= load(argv[1], bpf_program__name(program)) < 0;
	bpf_object__close(object);
	all = load(argv[1], NULL);
	printf("{\"name\":null,\"ms\":%.1f}\n", all);
	return failed || all < 0;
}
