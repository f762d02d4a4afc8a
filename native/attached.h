/* SPDX-License-Identifier: MIT */
/* Which programs the kernel runs at a cgroup's hooks, whoever attached them. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sallyport {

struct AttachedProgram {
	std::string hook; /* as libbpf names it: cgroup_inet_egress */
	std::string name; /* empty without CAP_SYS_ADMIN, which opening a program by its id takes */
	uint32_t id;
};

/* Those at `cgroup` itself, at the hooks that Sallyport uses. */
std::vector<AttachedProgram> attached_programs(const std::string& cgroup);

} // namespace sallyport
