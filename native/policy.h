/* SPDX-License-Identifier: MIT */
/* The policy in force: the inner map in the one slot of `policy`, and its number in `control`. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sallyport {

class Policy {
public:
	/* `pins`: the folder that the two maps are pinned in. */
	Policy(int policy_map, int control_map, std::string pins);
	~Policy();
	Policy(const Policy&) = delete;
	Policy& operator=(const Policy&) = delete;

	void install(const uint8_t* rows, size_t bytes, uint32_t generation);
	std::optional<std::vector<uint8_t>> read() const;

private:
	int policy_map_;
	std::string pins_;
	void* control_;
};

} // namespace sallyport
