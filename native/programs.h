/* SPDX-License-Identifier: MIT */
/* Facts about a loaded program, and test runs of it. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sallyport {

struct ProgramFacts {
	uint32_t id;
	uint32_t verified_instructions;
	uint64_t run_time_ns;
	uint64_t run_count;
};

struct TestRun {
	uint32_t retval;
	uint32_t duration_ns;
	std::vector<uint8_t> data;
};

/* Throws Failure with the errno of bpf(2). The run time is 0 unless kernel.bpf_stats_enabled is set. */
ProgramFacts program_facts(int program);
/* BPF_PROG_TEST_RUN with `data` as the packet, `repeat` times. duration_ns is the mean of one run. Throws Failure. */
TestRun test_run(int program, const uint8_t* data, size_t bytes, int repeat);
/* Runs the iterator `find_programs` until it finds nothing new. Throws Failure. */
void find_programs(int program);

} // namespace sallyport
