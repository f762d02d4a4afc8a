/* SPDX-License-Identifier: MIT */
/* The ring buffer `events`, drained in batches that are bounded by the room for them. */
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace sallyport {

class Ring {
public:
	struct Batch {
		size_t length; /* bytes */
		size_t records;
		bool full; /* there may be more */
	};

	/* The least room that a batch needs. */
	static const size_t kLargestRecord;

	explicit Ring(int map);

	/* Readable while the ring is not empty. */
	int fd() const { return map_; }
	Batch drain(uint8_t* into, size_t room);

	/* Bytes since the ring was made: what the kernel has written, and what was taken of it. */
	struct Positions {
		uint64_t written, taken;
	};
	Positions positions() const;

private:
	static int take(void* self, void* record, size_t size);

	int map_;
	std::unique_ptr<ring_buffer, decltype(&ring_buffer__free)> ring_;
	uint8_t* into_ = nullptr;
	size_t room_ = 0;
	Batch batch_{};
};

} // namespace sallyport
