/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace sallyport {
namespace {

struct Area {
	uintptr_t from = 0, to = 0;
	bool of_file = false;
};

/* "7f0000000000-7f0000001000 r-xp 00000000 fe:01 1234   /usr/lib/libc.so.6" */
bool begins_area(const std::string& line, Area& area) {
	unsigned long from, to, inode;
	char rights[5];
	if (std::sscanf(line.c_str(), "%lx-%lx %4s %*x %*x:%*x %lu", &from, &to, rights, &inode) != 4) return false;
	area = {from, to, inode != 0 && rights[0] == 'r' && rights[1] == '-' && rights[3] == 'p'};
	return true;
}

} // namespace

void release_unused_memory() {
	malloc_trim(0);
	std::ifstream smaps("/proc/self/smaps");
	Area area;
	for (std::string line; std::getline(smaps, line);) {
		if (begins_area(line, area)) continue;
		unsigned long changed;
		/* private changes of a mapping (relocations) would be lost */
		if (std::sscanf(line.c_str(), "Anonymous: %lu", &changed) == 1 && changed == 0 && area.of_file)
			madvise(reinterpret_cast<void*>(area.from), area.to - area.from, MADV_DONTNEED);
	}
}

} // namespace sallyport
