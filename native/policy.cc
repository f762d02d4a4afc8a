/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstring>

#include "../bpf/wire/state.h"
#include "error.h"
#include "fd.h"
#include "pins.h"

namespace sallyport {
namespace {

constexpr uint32_t kSlot = 0;

class Mapping {
public:
	Mapping(int map, size_t bytes, int protection)
		: bytes_(bytes), start_(mmap(nullptr, bytes, protection, MAP_SHARED, map, 0)) {
		if (start_ == MAP_FAILED) throw Failure(errno, "mmap the policy's rows");
	}
	~Mapping() { munmap(start_, bytes_); }
	Mapping(const Mapping&) = delete;
	Mapping& operator=(const Mapping&) = delete;

	uint8_t* data() const { return static_cast<uint8_t*>(start_); }

private:
	size_t bytes_;
	void* start_;
};

} // namespace

Policy::Policy(int policy_map, int control_map, std::string pins)
	: policy_map_(policy_map), pins_(std::move(pins)),
	  control_(mmap(nullptr, sizeof(sp_control), PROT_READ | PROT_WRITE, MAP_SHARED, control_map, 0)) {
	if (control_ == MAP_FAILED) throw Failure(errno, "mmap control");
}

Policy::~Policy() { munmap(control_, sizeof(sp_control)); }

void Policy::install(const uint8_t* rows, size_t bytes, uint32_t generation) {
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	const Fd inner(check(
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "policy_rows", sizeof(kSlot), SP_ROW, bytes / SP_ROW, &options),
		"create the policy's rows"));
	std::memcpy(Mapping(inner.get(), bytes, PROT_READ | PROT_WRITE).data(), rows, bytes);
	const int fd = inner.get();
	pin_rows(pins_, fd);
	check(bpf_map_update_elem(policy_map_, &kSlot, &fd, BPF_ANY), "switch the policy");
	settle_rows(pins_);
	/* Writes single words through the mapping, because the programs write their neighbours. */
	__u64 first_end;
	std::memcpy(&first_end, rows + offsetof(sp_policy_head, first_end), sizeof(first_end));
	__atomic_store_n(&static_cast<sp_control*>(control_)->first_end, first_end, __ATOMIC_RELEASE);
	__atomic_store_n(&static_cast<sp_control*>(control_)->generation, generation, __ATOMIC_RELEASE);
}

std::optional<std::vector<uint8_t>> Policy::read() const {
	uint32_t id = 0;
	if (bpf_map_lookup_elem(policy_map_, &kSlot, &id) != 0) {
		if (errno == ENOENT) return std::nullopt;
		throw Failure(errno, "look up the policy");
	}
	Fd inner = open_rows(pins_, id);
	if (!inner) inner = Fd(check(bpf_map_get_fd_by_id(id), "open the policy's rows"));
	bpf_map_info info{};
	__u32 size = sizeof(info);
	check(bpf_obj_get_info_by_fd(inner.get(), &info, &size), "read the policy's size");
	const size_t bytes = size_t{info.max_entries} * SP_ROW;
	const Mapping rows(inner.get(), bytes, PROT_READ);
	return std::vector<uint8_t>(rows.data(), rows.data() + bytes);
}

} // namespace sallyport
