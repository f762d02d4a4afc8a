/* SPDX-License-Identifier: MIT */
/* The compiled programs, from the ELF bytes embedded in this addon to handles on what the kernel runs. */
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "fd.h"
#include "pins.h"

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

/* Programs that are loaded but see no packet yet: their maps can be filled first. Without attach() they go, and what was in
 * force before stays. */
class Prepared {
public:
	virtual ~Prepared() = default;
	virtual void attach() = 0;
};

struct Loaded {
	Handles handles;
	std::unique_ptr<Prepared> prepared; /* null: in force already, or never to be attached */
};

/* What the marker of a pin folder must say to be taken over by this addon, for programs at `cgroup`. */
Marker marker_of(const std::string& cgroup);

/* Take over the pins if they are of this object; load it if they are not. */
Loaded load(const LoadOptions& options);

} // namespace sallyport
