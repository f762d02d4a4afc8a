/* SPDX-License-Identifier: MIT */
/* The policy in force: the inner map in the only slot of `policy`, and its number in `control`. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sallyport {

class Policy {
public:
	/* `pins` is the folder with the pins of the two maps. */
	Policy(int policy_map, int control_map, std::string pins);
	~Policy();
	Policy(const Policy&) = delete;
	Policy& operator=(const Policy&) = delete;

	/* Makes `rows` the policy in force. Throws Failure with the errno of bpf(2) or mmap(2). */
	void install(const uint8_t* rows, size_t bytes, uint32_t generation);
	/* The rows of the policy in force; nothing if none is. */
	std::optional<std::vector<uint8_t>> read() const;

private:
	int policy_map_;
	std::string pins_;
	void* control_;
};

} // namespace sallyport
