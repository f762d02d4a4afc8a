/* SPDX-License-Identifier: MIT */
/* The folder on bpffs that carries programs, maps and links across a restart of the daemon:
 *
 *   maps/NAME  programs/NAME  links/NAME
 *   marker     a map that identifies the object and the cgroup
 *   rows       the policy in force
 *   next/      the same again, while a new set is prepared or an old one removed
 *
 * The marker is removed first and written last. A folder without a marker is incomplete and is replaced. */
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "fd.h"

namespace sallyport {

struct Marker {
	uint32_t layout;
	uint32_t reserved;
	uint64_t object; /* hash of the ELF bytes */
	uint64_t cgroup; /* kernfs id of the cgroup of the links; 0: detached */

	bool operator==(const Marker& other) const {
		return layout == other.layout && object == other.object && cgroup == other.cgroup;
	}
};

/* Nothing if the folder has no marker. Throws Failure with the errno of bpf(2). */
std::optional<Marker> read_marker(const std::filesystem::path& folder);
void write_marker(const std::filesystem::path& folder, const Marker& marker);

/* Detaches and unpins everything in the folder, and removes the folder unless it is a mount point. Throws Failure. */
void remove_pins(const std::filesystem::path& folder);

/* Removes what an interrupted start left behind. */
void remove_stage(const std::filesystem::path& pins);

/* The folder `next`. Its contents are removed at the end of the scope: an incomplete set, or the set that was
 * replaced. */
class Stage {
public:
	explicit Stage(const std::filesystem::path& pins);
	~Stage();
	Stage(const Stage&) = delete;
	Stage& operator=(const Stage&) = delete;

	const std::filesystem::path& folder() const { return next_; }
	/* Moves the staged set to the folder and leaves the previous set in `next`. */
	void take_over();

private:
	std::filesystem::path pins_;
	std::filesystem::path next_;
};

/* Pins the rows of the policy in force: without a pin they could be opened only by id, which needs CAP_SYS_ADMIN. The
 * rows are pinned before the switch under a second name, and settle_rows() renames them after it. */
void pin_rows(const std::filesystem::path& pins, int map);
void settle_rows(const std::filesystem::path& pins);
/* Returns no descriptor if there is no such pin. */
Fd open_rows(const std::filesystem::path& pins, uint32_t id);

/* Creates the folder and mounts bpffs on it, unless it is on bpffs. Throws Failure with the errno of mount(2). */
void mount_bpffs(const std::filesystem::path& folder);
void unmount_bpffs(const std::filesystem::path& folder);

} // namespace sallyport
