/* SPDX-License-Identifier: MIT */
#include "ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "../bpf/wire/event.h"
#include "error.h"
#include "maps.h"

namespace sallyport {

namespace {

/* The first word of the ring's page 0 (consumer) or 1 (producer): kernel/bpf/ringbuf.c, struct bpf_ringbuf. */
uint64_t position(int map, int page) {
	const size_t size = sysconf(_SC_PAGESIZE);
	void* word = mmap(nullptr, size, PROT_READ, MAP_SHARED, map, page * size);
	if (word == MAP_FAILED) throw Failure(errno, "mmap the ring");
	const uint64_t value = __atomic_load_n(static_cast<uint64_t*>(word), __ATOMIC_ACQUIRE);
	munmap(word, size);
	return value;
}

} // namespace

const size_t Ring::kLargestRecord = padded(sizeof(sp_process));

Ring::Ring(int map)
	: map_(map), ring_(check(ring_buffer__new(map, take, this, nullptr), "open the ring"), ring_buffer__free) {}

Ring::Batch Ring::drain(uint8_t* into, size_t room) {
	into_ = into;
	room_ = room;
	batch_ = {};
	const int result = ring_buffer__consume(ring_.get());
	if (result < 0 && result != -ENOBUFS) throw Failure(-result, "drain the ring");
	return batch_;
}

Ring::Positions Ring::positions() const {
	const uint64_t taken = position(map_, 0); /* read first, so that it never exceeds the written position */
	return {position(map_, 1), taken};
}

int Ring::take(void* self, void* record, size_t size) {
	Ring& ring = *static_cast<Ring*>(self);
	if (size > kLargestRecord) return -EMSGSIZE;
	std::memcpy(ring.into_ + ring.batch_.length, record, size);
	ring.batch_.length += padded(size);
	ring.batch_.records++;
	/* libbpf 1.1 counts a sample as consumed even if its callback stops. So stop while the largest record would
	 * still fit. */
	ring.batch_.full = ring.room_ - ring.batch_.length < kLargestRecord;
	return ring.batch_.full ? -ENOBUFS : 0;
}

} // namespace sallyport
