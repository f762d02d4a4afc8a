/* SPDX-License-Identifier: MIT */
/* The ring buffer `events`, drained in batches that are limited by the room for them. */
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
		bool full; /* more records may be available */
	};

	/* The minimum room for a batch [bytes]. */
	static const size_t kLargestRecord;

	/* Borrows the descriptor of the map. */
	explicit Ring(int map);

	/* Readable while the ring is not empty. */
	int fd() const { return map_; }
	/* Copies records until the ring is empty or `room` [bytes] may not hold another one. Throws Failure. */
	Batch drain(uint8_t* into, size_t room);

	/* Bytes since the ring was created: written by the programs, and read by user space. */
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
