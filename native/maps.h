/* SPDX-License-Identifier: MIT */
/* A BPF map: look-ups, changes and dumps. A per-CPU value is returned as one value, the sum over all CPUs of its 64-bit
 * words. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sallyport {

using Bytes = std::vector<uint8_t>;

constexpr size_t padded(size_t size) { return (size + 7) & ~size_t{7}; }

/* `count` keys and values, each padded to 8 bytes. */
struct Dump {
	Bytes keys;
	Bytes values;
	size_t count = 0;
};

class Map {
public:
	/* Borrows `fd`. Throws Failure if it is not a map. */
	Map(std::string name, int fd);

	size_t key_size() const { return key_size_; }
	size_t value_size() const { return value_size_; }
	size_t max_entries() const { return max_entries_; }

	/* Nothing if there is no such key. Like all below, throws Failure with the errno of bpf(2). */
	std::optional<Bytes> lookup(const uint8_t* key) const;
	void update(const uint8_t* key, const uint8_t* value) const;
	/* False if there is no such key. */
	bool remove(const uint8_t* key) const;
	/* All entries. An entry that changes meanwhile may be missing or occur twice. */
	Dump dump() const;
	/* Number of entries. Reads the whole map, so it must not run in the thread of the event loop. */
	size_t count() const;

private:
	size_t raw_value_size() const;
	void append(Dump& dump, const uint8_t* keys, const uint8_t* raws, size_t count) const;
	void copy_value(const uint8_t* raw, uint8_t* to) const;
	using Visit = std::function<void(const uint8_t* keys, const uint8_t* values, size_t count)>;
	/* False if the map type or the kernel has no batches. */
	bool by_batch(const Visit& visit) const;
	void dump_one_by_one(Dump& dump) const;

	std::string name_;
	int fd_;
	size_t key_size_;
	size_t value_size_;
	size_t max_entries_;
	size_t cpus_; /* 0: the map is not per-CPU */
};

} // namespace sallyport
