/* SPDX-License-Identifier: MIT */
/* The folder on bpffs that carries the programs, maps and links over a restart of the daemon:
 *
 *   maps/NAME  programs/NAME  links/NAME   and   marker, a map that says what the others are
 *   rows       the policy in force, once more
 *   next/      the same once more, while a new set is being made or an old one taken away
 *
 * The marker goes first and comes last: a folder without one is half made, and is replaced. */
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
	uint64_t cgroup; /* kernfs id of what the links are attached to; 0: detached */

	bool operator==(const Marker& other) const {
		return layout == other.layout && object == other.object && cgroup == other.cgroup;
	}
};

std::optional<Marker> read_marker(const std::filesystem::path& folder);
void write_marker(const std::filesystem::path& folder, const Marker& marker);

/* Detach and unpin all that the folder holds; the folder itself too, unless it is the mount point. */
void remove_pins(const std::filesystem::path& folder);

/* What a start that died half-way may have left. */
void remove_stage(const std::filesystem::path& pins);

/* `next` below the folder. Whatever is in it at the end of the scope goes: a set that could not be
 * finished, or the set that the finished one has replaced. */
class Stage {
public:
	explicit Stage(const std::filesystem::path& pins);
	~Stage();
	Stage(const Stage&) = delete;
	Stage& operator=(const Stage&) = delete;

	const std::filesystem::path& folder() const { return next_; }
	void take_over();

private:
	std::filesystem::path pins_;
	std::filesystem::path next_;
};

/* The rows of the policy in force have a pin of their own: without it they could be opened by their id alone, which takes
 * CAP_SYS_ADMIN. Pinned before the switch, settled after it; in between both are there. */
void pin_rows(const std::filesystem::path& pins, int map);
void settle_rows(const std::filesystem::path& pins);
/* No descriptor if there is no such pin. */
Fd open_rows(const std::filesystem::path& pins, uint32_t id);

void mount_bpffs(const std::filesystem::path& folder);
void unmount_bpffs(const std::filesystem::path& folder);

} // namespace sallyport
