/* SPDX-License-Identifier: MIT */
#include "pin_faults.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>

#include "error.h"

namespace fs = std::filesystem;

namespace sallyport {
namespace {

/* "anon_inode:bpf-map" and the like. Ids are counted for each kind. */
std::string kind_of(int fd) {
	char text[64];
	const std::string path = "/proc/self/fd/" + std::to_string(fd);
	const ssize_t length = readlink(path.c_str(), text, sizeof(text));
	if (length < 0) throw Failure(errno, "read the kind of a pin");
	return std::string(text, static_cast<size_t>(length));
}

uint32_t map_id(int fd) {
	bpf_map_info info{};
	__u32 size = sizeof(info);
	check(bpf_obj_get_info_by_fd(fd, &info, &size), "read a pinned map");
	return info.id;
}

uint32_t program_id(int fd) {
	bpf_prog_info info{};
	__u32 size = sizeof(info);
	check(bpf_obj_get_info_by_fd(fd, &info, &size), "read a pinned program");
	return info.id;
}

const char* fault_of(const fs::path& pin, int wanted, uint32_t (*id_of)(int)) {
	const Fd found(bpf_obj_get(pin.c_str()));
	/* A folder in place of a pin is EACCES. */
	if (!found) return errno == ENOENT ? "unpinned" : "replaced";
	return kind_of(found.get()) == kind_of(wanted) && id_of(found.get()) == id_of(wanted) ? nullptr : "replaced";
}

const char* fault_of_marker(const std::string& cgroup, const fs::path& pins) {
	const Fd found(bpf_obj_get((pins / "marker").c_str()));
	if (!found) return errno == ENOENT ? "unpinned" : "replaced";
	if (kind_of(found.get()).find("map") == std::string::npos) return "replaced";
	const auto marker = read_marker(pins);
	return marker && *marker == marker_of(cgroup) ? nullptr : "replaced";
}

} // namespace

std::vector<PinFault> pin_faults(const Handles& handles, const std::string& cgroup, const fs::path& pins) {
	std::vector<PinFault> faults;
	const auto add = [&faults](const std::string& pin, const char* fault) {
		if (fault != nullptr) faults.push_back({pin, fault});
	};
	for (const auto& [name, fd] : handles.maps)
		add("maps/" + name, fault_of(pins / "maps" / name, fd.get(), map_id));
	for (const auto& [name, fd] : handles.programs)
		add("programs/" + name, fault_of(pins / "programs" / name, fd.get(), program_id));
	add("marker", fault_of_marker(handles.hooks.empty() ? "" : cgroup, pins));
	return faults;
}

} // namespace sallyport
