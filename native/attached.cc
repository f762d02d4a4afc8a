/* SPDX-License-Identifier: MIT */
#include "attached.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

#include <array>

#include "error.h"
#include "fd.h"

namespace sallyport {
namespace {

constexpr bpf_attach_type kHooks[] = {
	BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS,  BPF_CGROUP_INET4_CONNECT,     BPF_CGROUP_INET6_CONNECT,
	BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, BPF_CGROUP_INET_SOCK_RELEASE, BPF_CGROUP_INET_SOCK_CREATE};
constexpr size_t kProgramsMax = 64; /* BPF_CGROUP_MAX_PROGS */

std::string name_of(uint32_t id) {
	const Fd program(bpf_prog_get_fd_by_id(id));
	if (!program) return {};
	bpf_prog_info info{};
	__u32 size = sizeof(info);
	return bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0 ? info.name : "";
}

} // namespace

std::vector<AttachedProgram> attached_programs(const std::string& cgroup) {
	const Fd group(check(open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "cgroup " + cgroup));
	std::vector<AttachedProgram> found;
	for (const bpf_attach_type hook : kHooks) {
		std::array<uint32_t, kProgramsMax> ids{};
		uint32_t count = ids.size();
		check(bpf_prog_query(group.get(), hook, 0, nullptr, ids.data(), &count), "query " + cgroup);
		for (uint32_t index = 0; index < count; index++) {
			found.push_back({libbpf_bpf_attach_type_str(hook), name_of(ids[index]), ids[index]});
		}
	}
	return found;
}

} // namespace sallyport
