/* SPDX-License-Identifier: MIT */
/* The pins of maps and programs. A later process takes over what is pinned, so another tool that replaces a pin would
 * take the place of a map of the policy. */
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "object.h"

namespace sallyport {

struct PinFault {
	std::string pin; /* below the folder: "maps/learned" */
	const char* fault; /* unpinned, replaced: by another object, or by a folder */
};

/* Compares the pins with the handles. The marker must be that of `cgroup`. Throws Failure with ENOENT without such a
 * cgroup. */
std::vector<PinFault> pin_faults(const Handles& handles, const std::string& cgroup, const std::filesystem::path& pins);

} // namespace sallyport
