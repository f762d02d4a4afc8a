/* SPDX-License-Identifier: MIT */
#include "pins.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "error.h"
#include "fd.h"

namespace fs = std::filesystem;

namespace sallyport {
namespace {

constexpr const char* kNext = "next";
constexpr const char* kRows[] = {"rows", "rows-new"}; /* bpffs forbids dots in names */
constexpr const char* kParts[] = {"maps", "programs", "links"};

void detach_links(const fs::path& links) {
	std::error_code missing;
	for (const auto& entry : fs::directory_iterator(links, missing)) {
		/* A cgroup link is detached at once. Only unlinking it would defer that until an RCU grace period has
		 * passed. Tracing links cannot be detached, only unlinked. */
		const Fd link(bpf_obj_get(entry.path().c_str()));
		if (link) bpf_link_detach(link.get());
	}
}

void remove_set(const fs::path& folder) {
	fs::remove(folder / "marker");
	detach_links(folder / "links");
	for (const char* part : kParts) fs::remove_all(folder / part);
	std::error_code is_mount_point;
	fs::remove(folder, is_mount_point);
}

void swap_or_move(const fs::path& from, const fs::path& to) {
	if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return;
	if (errno != ENOENT) throw Failure(errno, "pin " + to.string());
	fs::rename(from, to);
}

uint32_t map_id(int map) {
	bpf_map_info info{};
	__u32 size = sizeof(info);
	check(bpf_obj_get_info_by_fd(map, &info, &size), "read a map's id");
	return info.id;
}

bool is_bpffs(const fs::path& folder) {
	struct statfs found;
	check(statfs(folder.c_str(), &found), "statfs " + folder.string());
	return static_cast<unsigned>(found.f_type) == BPF_FS_MAGIC;
}

} // namespace

std::optional<Marker> read_marker(const fs::path& folder) {
	const Fd map(bpf_obj_get((folder / "marker").c_str()));
	if (!map) {
		if (errno == ENOENT) return std::nullopt;
		throw Failure(errno, "open " + (folder / "marker").string());
	}
	bpf_map_info info{};
	__u32 size = sizeof(info);
	check(bpf_obj_get_info_by_fd(map.get(), &info, &size), "read marker");
	if (info.value_size != sizeof(Marker)) return std::nullopt;
	const uint32_t key = 0;
	Marker marker{};
	check(bpf_map_lookup_elem(map.get(), &key, &marker), "read marker");
	return marker;
}

void write_marker(const fs::path& folder, const Marker& marker) {
	const uint32_t key = 0;
	const Fd map(
		check(bpf_map_create(BPF_MAP_TYPE_ARRAY, "sallyport_mark", sizeof(key), sizeof(marker), 1, nullptr),
		      "create marker"));
	check(bpf_map_update_elem(map.get(), &key, &marker, BPF_ANY), "write marker");
	check(bpf_obj_pin(map.get(), (folder / "marker").c_str()), "pin marker");
}

void remove_pins(const fs::path& folder) {
	remove_set(folder / kNext);
	for (const char* rows : kRows) fs::remove(folder / rows);
	remove_set(folder);
}

void remove_stage(const fs::path& pins) { remove_set(pins / kNext); }

void pin_rows(const fs::path& pins, int map) {
	const fs::path draft = pins / kRows[1];
	fs::remove(draft);
	check(bpf_obj_pin(map, draft.c_str()), "pin " + draft.string());
}

void settle_rows(const fs::path& pins) { fs::rename(pins / kRows[1], pins / kRows[0]); }

Fd open_rows(const fs::path& pins, uint32_t id) {
	for (const char* name : kRows) {
		Fd map(bpf_obj_get((pins / name).c_str()));
		if (map && map_id(map.get()) == id) return map;
	}
	return Fd();
}

Stage::Stage(const fs::path& pins) : pins_(pins), next_(pins / kNext) {
	fs::create_directories(pins_);
	if (!is_bpffs(pins_)) throw Failure(EINVAL, "pins: " + pins_.string() + " is not on bpffs");
	remove_set(next_);
	for (const char* part : kParts) fs::create_directories(next_ / part);
}

Stage::~Stage() {
	try {
		remove_set(next_);
	} catch (const std::exception&) {
		/* the next start finds the rest and removes it */
	}
}

void Stage::take_over() {
	fs::remove(pins_ / "marker");
	for (const char* part : kParts) swap_or_move(next_ / part, pins_ / part);
	fs::rename(next_ / "marker", pins_ / "marker");
}

void mount_bpffs(const fs::path& folder) {
	fs::create_directories(folder);
	if (is_bpffs(folder)) return;
	check(mount("bpf", folder.c_str(), "bpf", 0, "mode=0700"), "mount bpffs at " + folder.string());
}

void unmount_bpffs(const fs::path& folder) {
	check(umount2(folder.c_str(), UMOUNT_NOFOLLOW), "unmount " + folder.string());
}

} // namespace sallyport
