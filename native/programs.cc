/* SPDX-License-Identifier: MIT */
#include "programs.h"

#include <bpf/bpf.h>

#include "error.h"

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

} // namespace sallyport
