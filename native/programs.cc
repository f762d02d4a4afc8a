/* SPDX-License-Identifier: MIT */
#include "programs.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include "error.h"
#include "fd.h"

namespace sallyport {

ProgramFacts program_facts(int program) {
	bpf_prog_info info{};
	__u32 size = sizeof(info);
	check(bpf_obj_get_info_by_fd(program, &info, &size), "read program");
	return {info.id, info.verified_insns, info.run_time_ns, info.run_cnt};
}

TestRun test_run(int program, const uint8_t* data, size_t bytes, int repeat) {
	constexpr size_t kRoomToGrow = 256;
	TestRun run{};
	run.data.resize(bytes + kRoomToGrow);
	LIBBPF_OPTS(bpf_test_run_opts, options);
	options.data_in = data;
	options.data_size_in = bytes;
	options.data_out = run.data.data();
	options.data_size_out = run.data.size();
	options.repeat = repeat;
	check(bpf_prog_test_run_opts(program, &options), "test run");
	run.data.resize(options.data_size_out);
	run.retval = options.retval;
	run.duration_ns = options.duration;
	return run;
}

void find_programs(int program) {
	constexpr int kRounds = 8; /* each finds what was started during the one before */
	const Fd link(check(bpf_link_create(program, 0, BPF_TRACE_ITER, nullptr), "attach find_programs"));
	for (int round = 0; round < kRounds; round++) {
		const Fd found(check(bpf_iter_create(link.get()), "run find_programs"));
		char bytes[4096];
		size_t count = 0;
		ssize_t got;
		while ((got = read(found.get(), bytes, sizeof(bytes))) != 0) {
			if (got > 0)
				count += got;
			else if (errno != EINTR && errno != EAGAIN)
				throw Failure(errno, "run find_programs");
		}
		if (count == 0) return;
	}
}

} // namespace sallyport
