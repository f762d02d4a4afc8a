/* SPDX-License-Identifier: MIT */
/* One map, by its handle: look-ups, changes, dumps. Values of per-CPU maps cross as one value, summed
 * over the CPUs as 64-bit words. */
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
	Map(std::string name, int fd);

	size_t key_size() const { return key_size_; }
	size_t value_size() const { return value_size_; }
	size_t max_entries() const { return max_entries_; }

	std::optional<Bytes> lookup(const uint8_t* key) const;
	void update(const uint8_t* key, const uint8_t* value) const;
	bool remove(const uint8_t* key) const;
	Dump dump() const;
	/* Entries now. Reads the whole map: not for the event loop. */
	size_t count() const;

private:
	size_t raw_value_size() const;
	void append(Dump& dump, const uint8_t* keys, const uint8_t* raws, size_t count) const;
	void copy_value(const uint8_t* raw, uint8_t* to) const;
	using Visit = std::function<void(const uint8_t* keys, const uint8_t* values, size_t count)>;
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
