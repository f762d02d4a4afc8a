/* SPDX-License-Identifier: MIT */
/* The links that attach the programs. Only the kernel knows whether one still does: another tool can detach it,
 * and the kernel detaches it when the cgroup is removed. */
#pragma once

#include <bpf/bpf.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "fd.h"

namespace sallyport {

/* Where a program attaches. */
struct Hook {
	bpf_attach_type type;
	bool at_cgroup; /* otherwise to the whole kernel */
};
using Hooks = std::map<std::string, Hook>; /* by program */

struct LinkFault {
	std::string program;
	const char* fault; /* unpinned, detached, elsewhere: at another cgroup or with another program */
};

/* Returns the kernfs id of a folder of cgroup v2. Throws Failure with the errno of stat(2). */
uint64_t cgroup_id(const std::string& folder);

/* Attaches the programs, and pins the links in the folder. Throws Failure. */
void attach_links(const Hooks& hooks, const std::map<std::string, Fd>& programs, const std::string& cgroup,
		  const std::filesystem::path& folder);

/* Returns the programs that are not attached to `cgroup` by the link that is pinned in the folder. Throws Failure with
 * ENOENT if there is no such cgroup. */
std::vector<LinkFault> link_faults(const Hooks& hooks, const std::map<std::string, Fd>& programs,
				   const std::string& cgroup, const std::filesystem::path& folder);

} // namespace sallyport
