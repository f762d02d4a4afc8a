/* SPDX-License-Identifier: MIT */
/* The programs attached to a cgroup's hooks, by anyone. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sallyport {

struct AttachedProgram {
	std::string hook; /* in libbpf's terms: cgroup_inet_egress */
	std::string name; /* empty without CAP_SYS_ADMIN, which is needed to open a program by its id */
	uint32_t id;
};

/* Programs at `cgroup` itself, at the hooks that Sallyport uses. Throws Failure with the errno of open(2) or bpf(2). */
std::vector<AttachedProgram> attached_programs(const std::string& cgroup);

} // namespace sallyport
