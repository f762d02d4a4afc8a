/* SPDX-License-Identifier: MIT */
#include "maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>

#include "error.h"

namespace sallyport {
namespace {

constexpr size_t kBatch = 1024;
constexpr int kNotSupportedByKernel = 524; /* ENOTSUPP: a map type without batches */

bool is_per_cpu(uint32_t type) {
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

} // namespace

Map::Map(std::string name, int fd) : name_(std::move(name)), fd_(fd) {
	bpf_map_info info{};
	__u32 size = sizeof(info);
	check(bpf_obj_get_info_by_fd(fd, &info, &size), "read map " + name_);
	key_size_ = info.key_size;
	value_size_ = info.value_size;
	max_entries_ = info.max_entries;
	cpus_ = is_per_cpu(info.type) ? check(libbpf_num_possible_cpus(), "count CPUs") : 0;
}

size_t Map::raw_value_size() const { return cpus_ == 0 ? value_size_ : padded(value_size_) * cpus_; }

std::optional<Bytes> Map::lookup(const uint8_t* key) const {
	Bytes raw(raw_value_size());
	if (bpf_map_lookup_elem(fd_, key, raw.data()) != 0) {
		if (errno == ENOENT) return std::nullopt;
		throw Failure(errno, "look up in map " + name_);
	}
	Bytes value(value_size_);
	copy_value(raw.data(), value.data());
	return value;
}

void Map::update(const uint8_t* key, const uint8_t* value) const {
	Bytes raw(raw_value_size());
	std::copy_n(value, value_size_, raw.begin()); /* per-CPU maps: the whole sum goes to the first CPU */
	check(bpf_map_update_elem(fd_, key, raw.data(), BPF_ANY), "update map " + name_);
}

bool Map::remove(const uint8_t* key) const {
	if (bpf_map_delete_elem(fd_, key) == 0) return true;
	if (errno == ENOENT) return false;
	throw Failure(errno, "remove from map " + name_);
}

Dump Map::dump() const {
	Dump dump;
	const bool done = by_batch([&](auto keys, auto values, size_t count) { append(dump, keys, values, count); });
	if (!done) dump_one_by_one(dump);
	return dump;
}

size_t Map::count() const {
	size_t entries = 0;
	const bool done = by_batch([&](auto, auto, size_t count) { entries += count; });
	return done ? entries : dump().count;
}

void Map::append(Dump& dump, const uint8_t* keys, const uint8_t* raws, size_t count) const {
	const size_t key_step = padded(key_size_), value_step = padded(value_size_);
	dump.keys.resize((dump.count + count) * key_step);
	dump.values.resize((dump.count + count) * value_step);
	for (size_t i = 0; i < count; i++, dump.count++) {
		std::copy_n(keys + i * key_size_, key_size_, &dump.keys[dump.count * key_step]);
		copy_value(raws + i * raw_value_size(), &dump.values[dump.count * value_step]);
	}
}

void Map::copy_value(const uint8_t* raw, uint8_t* to) const {
	std::copy_n(raw, value_size_, to);
	for (size_t cpu = 1; cpu < cpus_; cpu++) {
		for (size_t at = 0; at + 8 <= value_size_; at += 8) {
			uint64_t sum, more;
			std::memcpy(&sum, to + at, 8);
			std::memcpy(&more, raw + cpu * padded(value_size_) + at, 8);
			sum += more;
			std::memcpy(to + at, &sum, 8);
		}
	}
}

bool Map::by_batch(const Visit& visit) const {
	size_t room = std::min(kBatch, max_entries_);
	Bytes keys, values;
	/* where the next batch begins: a key, or the bucket number of a hash map */
	Bytes next(std::max(key_size_, sizeof(uint32_t)));
	Bytes from(next.size());
	for (bool first = true;;) {
		keys.resize(room * key_size_);
		values.resize(room * raw_value_size());
		__u32 count = room;
		const int failed = bpf_map_lookup_batch(fd_, first ? nullptr : from.data(), next.data(), keys.data(),
							values.data(), &count, nullptr);
		const int error = failed ? errno : 0;
		if (error == ENOSPC) { /* one bucket has more entries than there is room for */
			room *= 2;
			continue;
		}
		if (error == EINVAL || error == EOPNOTSUPP || error == kNotSupportedByKernel) return false;
		if (error != 0 && error != ENOENT) throw Failure(error, "read map " + name_);
		visit(keys.data(), values.data(), count);
		if (error == ENOENT) return true;
		first = false;
		std::swap(from, next);
	}
}

void Map::dump_one_by_one(Dump& dump) const {
	dump = {};
	Bytes key(key_size_), next(key_size_), value(raw_value_size());
	/* If the current key is deleted, get_next_key starts over. The bound ends the loop in a busy map. */
	bool first = true;
	while (dump.count < max_entries_ && bpf_map_get_next_key(fd_, first ? nullptr : key.data(), next.data()) == 0) {
		if (bpf_map_lookup_elem(fd_, next.data(), value.data()) == 0)
			append(dump, next.data(), value.data(), 1);
		std::swap(key, next);
		first = false;
	}
}

} // namespace sallyport
