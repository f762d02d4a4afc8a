/* SPDX-License-Identifier: MIT */
/* The compiled programs, from the ELF bytes embedded in this addon to handles on what the kernel runs. */
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "fd.h"

namespace sallyport {

struct LoadOptions {
	std::string pins;
	std::string cgroup;
	std::map<std::string, uint32_t> sizes; /* max_entries by map */
	bool detached;
};

struct Handles {
	bool adopted;
	std::map<std::string, Fd> maps;
	std::map<std::string, Fd> programs;
};

/* Take over the pins if they are of this object; load, attach and pin it if they are not. */
Handles load(const LoadOptions& options);

} // namespace sallyport
