/* SPDX-License-Identifier: MIT */
#include "links.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "error.h"
#include "programs.h"

namespace fs = std::filesystem;

namespace sallyport {
namespace {

bpf_link_info info_of(int link) {
	bpf_link_info info{};
	__u32 size = sizeof(info);
	check(bpf_obj_get_info_by_fd(link, &info, &size), "read a link");
	return info;
}

const char* fault_of(const fs::path& pin, const Hook& hook, int program, uint64_t cgroup) {
	const Fd link(bpf_obj_get(pin.c_str()));
	if (!link && errno == ENOENT) return "unpinned";
	/* A folder in place of the pin. */
	if (!link && errno == EACCES && fs::is_directory(pin)) return "elsewhere";
	check(link.get(), "open " + pin.string());
	const bpf_link_info info = info_of(link.get());
	if (info.prog_id != program_facts(program).id) return "elsewhere";
	if (!hook.at_cgroup || info.cgroup.cgroup_id == cgroup) return nullptr;
	return info.cgroup.cgroup_id == 0 ? "detached" : "elsewhere";
}

/* Attaches the programs that judge, or those that follow processes and cgroups in the whole kernel. */
void attach_some(const Hooks& hooks, bool at_cgroup, const std::map<std::string, Fd>& programs, int target,
		 const fs::path& folder) {
	for (const auto& [name, hook] : hooks) {
		if (hook.at_cgroup != at_cgroup) continue;
		const Fd link(
			check(bpf_link_create(programs.at(name).get(), target, hook.type, nullptr), "attach " + name));
		/* The link that was pinned before stays attached until this one is. */
		fs::remove_all(folder / name);
		check(bpf_obj_pin(link.get(), (folder / name).c_str()), "pin link " + name);
	}
}

} // namespace

uint64_t cgroup_id(const std::string& folder) {
	struct stat found;
	check(stat(folder.c_str(), &found), "cgroup " + folder);
	return found.st_ino; /* the kernfs id, on every 64-bit machine */
}

void attach_links(const Hooks& hooks, const std::map<std::string, Fd>& programs, const std::string& cgroup,
		  const fs::path& folder) {
	const Fd group(check(open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "cgroup " + cgroup));
	attach_some(hooks, false, programs, 0, folder);
	find_programs(programs.at("find_programs").get()); /* before a connection of theirs is judged */
	attach_some(hooks, true, programs, group.get(), folder);
}

std::vector<LinkFault> link_faults(const Hooks& hooks, const std::map<std::string, Fd>& programs,
				   const std::string& cgroup, const fs::path& folder) {
	const uint64_t id = cgroup_id(cgroup);
	std::vector<LinkFault> faults;
	for (const auto& [name, hook] : hooks) {
		const char* fault = fault_of(folder / name, hook, programs.at(name).get(), id);
		if (fault != nullptr) faults.push_back({name, fault});
	}
	return faults;
}

} // namespace sallyport
