/* SPDX-License-Identifier: MIT */
/* Loads the programs: from the ELF bytes embedded in this addon to handles of the kernel's objects. */
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "fd.h"
#include "links.h"
#include "pins.h"

namespace sallyport {

struct LoadOptions {
	std::string pins; /* folder on bpffs */
	std::string cgroup; /* folder to attach to */
	std::map<std::string, uint32_t> sizes; /* max_entries by map */
	bool detached; /* load and pin, but attach nothing */
};

/* Descriptors of the maps and programs, by name. */
struct Handles {
	bool adopted; /* the pins of an earlier process were taken over */
	std::map<std::string, Fd> maps;
	std::map<std::string, Fd> programs;
	Hooks hooks; /* empty: nothing is ever attached */
};

/* Programs that are loaded but not attached, so that their maps can be filled first. Without attach() they are removed,
 * and the previous set stays in force. */
class Prepared {
public:
	virtual ~Prepared() = default;
	virtual void attach(const Handles& handles) = 0;
};

struct Loaded {
	Handles handles;
	std::unique_ptr<Prepared> prepared; /* null: already in force, or never to be attached */
};

/* Returns the marker that a pin folder must have to be taken over by this addon, for programs at `cgroup`. */
Marker marker_of(const std::string& cgroup);

/* Takes over the pins if their marker fits, otherwise loads the object. Throws Failure; its log has the verifier's
 * messages. */
Loaded load(const LoadOptions& options);

/* Attaches and pins what link_faults() finds, and pins anew what pin_faults() finds. Throws Failure. */
void attach_again(const Handles& handles, const std::string& cgroup, const std::filesystem::path& pins);

} // namespace sallyport
