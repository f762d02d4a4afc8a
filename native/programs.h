/* SPDX-License-Identifier: MIT */
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

ProgramFacts program_facts(int program);
TestRun test_run(int program, const uint8_t* data, size_t bytes, int repeat);

} // namespace sallyport
