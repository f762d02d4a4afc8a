/* SPDX-License-Identifier: MIT */
#include "object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

#include <cstdarg>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "../bpf/wire/state.h"
#include "error.h"
#include "links.h"
#include "pin_faults.h"
#include "pins.h"
#include "sallyport.skel.h"

namespace fs = std::filesystem;

namespace sallyport {
namespace {

using Object = std::unique_ptr<bpf_object, decltype(&bpf_object__close)>;

/* Collects the verifier's log, which libbpf passes only to its global print callback. */
class Log {
public:
	Log() : before_(libbpf_set_print(append)) { text_.clear(); }
	~Log() { libbpf_set_print(before_); }
	std::string take() { return std::move(text_); }

private:
	static int append(libbpf_print_level level, const char* format, va_list args) {
		if (level > LIBBPF_INFO) return 0;
		va_list again;
		va_copy(again, args);
		const int length = vsnprintf(nullptr, 0, format, again);
		va_end(again);
		if (length <= 0) return 0;
		const size_t end = text_.size();
		text_.resize(end + length + 1);
		vsnprintf(&text_[end], length + 1, format, args);
		text_.resize(end + length);
		return length;
	}

	static thread_local std::string text_;
	libbpf_print_fn_t before_;
};
thread_local std::string Log::text_;

std::string_view elf_bytes() {
	size_t size = 0;
	const void* bytes = sallyport_bpf__elf_bytes(&size);
	return {static_cast<const char*>(bytes), size};
}

uint64_t hash(std::string_view bytes) {
	uint64_t result = 0xcbf29ce484222325; /* FNV-1a */
	for (const unsigned char byte : bytes) result = (result ^ byte) * 0x100000001b3;
	return result;
}

Object open_elf() {
	const std::string_view elf = elf_bytes();
	Log log;
	bpf_object* object = bpf_object__open_mem(elf.data(), elf.size(), nullptr);
	if (object == nullptr) throw Failure(errno, "open", log.take());
	return Object(object, bpf_object__close);
}

/* The other programs are only for BPF_PROG_TEST_RUN, and `find_programs` is an iterator. */
Hooks hooks_of(const bpf_object* object) {
	Hooks hooks;
	bpf_program* program;
	bpf_object__for_each_program(program, object) {
		const bpf_prog_type type = bpf_program__type(program);
		const bool tracing = type == BPF_PROG_TYPE_TRACING;
		if (!tracing && type != BPF_PROG_TYPE_CGROUP_SKB && type != BPF_PROG_TYPE_CGROUP_SOCK &&
		    type != BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
			continue;
		const bpf_attach_type hook = bpf_program__expected_attach_type(program);
		if (hook != BPF_TRACE_ITER) hooks[bpf_program__name(program)] = {hook, !tracing};
	}
	return hooks;
}

Fd open_pin(const fs::path& path) {
	Fd pin(bpf_obj_get(path.c_str()));
	if (!pin && errno != ENOENT) throw Failure(errno, "open " + path.string());
	return pin;
}

/* Nothing if a pin is missing. */
std::optional<Handles> open_pins(const bpf_object* object, const LoadOptions& options) {
	const fs::path pins = options.pins;
	Handles found{};
	bpf_map* map;
	bpf_object__for_each_map(map, object) {
		if (bpf_map__is_internal(map)) continue;
		const char* name = bpf_map__name(map);
		if (!(found.maps[name] = open_pin(pins / "maps" / name))) return std::nullopt;
	}
	bpf_program* program;
	bpf_object__for_each_program(program, object) {
		const char* name = bpf_program__name(program);
		if (!(found.programs[name] = open_pin(pins / "programs" / name))) return std::nullopt;
	}
	if (options.detached) return found;
	found.hooks = hooks_of(object);
	for (const auto& [name, hook] : found.hooks) {
		if (!open_pin(pins / "links" / name)) return std::nullopt;
	}
	return found;
}

bool same_shape(const bpf_map* map, int fd) {
	bpf_map_info info{};
	__u32 size = sizeof(info);
	check(bpf_obj_get_info_by_fd(fd, &info, &size), "read pinned map");
	return info.type == bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) && info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

/* Names of the maps that bpf/kernel/maps.h marks with SP_KEPT. */
std::set<std::string> kept_maps(const bpf_object* object) {
	const btf* types = bpf_object__btf(object);
	std::set<std::string> kept;
	for (__u32 id = 1; types != nullptr && id < btf__type_cnt(types); id++) {
		const btf_type* tag = btf__type_by_id(types, id);
		if (!btf_is_decl_tag(tag) || std::string_view("kept") != btf__name_by_offset(types, tag->name_off))
			continue;
		kept.insert(btf__name_by_offset(types, btf__type_by_id(types, tag->type)->name_off));
	}
	if (kept.empty()) throw Failure(EINVAL, "find maps to keep");
	return kept;
}

void keep_maps(const bpf_object* object, const fs::path& pins) {
	const std::set<std::string> kept = kept_maps(object);
	bpf_map* map;
	bpf_object__for_each_map(map, object) {
		const char* name = bpf_map__name(map);
		if (kept.count(name) == 0) continue;
		const Fd old = open_pin(pins / "maps" / name);
		if (old && same_shape(map, old.get())) {
			check(bpf_map__reuse_fd(map, old.get()), std::string("keep map ") + name);
		}
	}
}

/* Returns "connect4" from "libbpf: prog 'connect4': BPF program load failed: ...". */
std::string rejected_program(const std::string& log) {
	const size_t begin = log.find('\'');
	const size_t end = log.find('\'', begin + 1);
	return end == std::string::npos ? std::string() : " " + log.substr(begin + 1, end - begin - 1);
}

void load_programs(bpf_object* object) {
	Log log;
	if (bpf_object__load(object) == 0) return;
	const int error = errno;
	const std::string text = log.take();
	throw Failure(error, "load" + rejected_program(text), text);
}

void pin(int fd, const fs::path& path) { check(bpf_obj_pin(fd, path.c_str()), "pin " + path.string()); }

/* Pins the maps and programs, except those that are pinned already. */
void pin_all(const Handles& handles, const fs::path& folder) {
	const std::pair<const char*, const std::map<std::string, Fd>*> parts[] = {{"maps", &handles.maps},
										  {"programs", &handles.programs}};
	for (const auto& [part, objects] : parts) {
		fs::create_directories(folder / part);
		for (const auto& [name, fd] : *objects) {
			if (!open_pin(folder / part / name)) pin(fd.get(), folder / part / name);
		}
	}
}

Fd copy_of(int fd) { return Fd(check(fcntl(fd, F_DUPFD_CLOEXEC, 0), "copy a descriptor")); }

Handles handles_of(const bpf_object* object) {
	Handles handles{};
	handles.hooks = hooks_of(object);
	bpf_map* map;
	bpf_object__for_each_map(map, object) {
		if (!bpf_map__is_internal(map)) handles.maps[bpf_map__name(map)] = copy_of(bpf_map__fd(map));
	}
	bpf_program* program;
	bpf_object__for_each_program(program, object) {
		handles.programs[bpf_program__name(program)] = copy_of(bpf_program__fd(program));
	}
	return handles;
}

class PreparedSet : public Prepared {
public:
	PreparedSet(const Handles& handles, const LoadOptions& options, const Marker& marker)
		: cgroup_(options.cgroup), stage_(options.pins) {
		pin_all(handles, stage_.folder());
		write_marker(stage_.folder(), marker);
	}

	/* The new links are active before the old ones are removed, so traffic is judged at every moment. */
	void attach(const Handles& handles) override {
		attach_links(handles.hooks, handles.programs, cgroup_, stage_.folder() / "links");
		stage_.take_over();
	}

	void keep_detached() { stage_.take_over(); }

private:
	std::string cgroup_;
	Stage stage_;
};

} // namespace

Marker marker_of(const std::string& cgroup) {
	static const uint64_t object = hash(elf_bytes());
	return {SP_LAYOUT_VERSION, 0, object, cgroup.empty() ? 0 : cgroup_id(cgroup)};
}

Loaded load(const LoadOptions& options) {
	const Marker wanted = marker_of(options.detached ? "" : options.cgroup);
	Object object = open_elf();
	const auto found = read_marker(options.pins);
	if (found == wanted) {
		if (auto handles = open_pins(object.get(), options)) {
			remove_stage(options.pins);
			handles->adopted = true;
			return {std::move(*handles), nullptr};
		}
	}

	for (const auto& [name, entries] : options.sizes) {
		bpf_map* map = check(bpf_object__find_map_by_name(object.get(), name.c_str()), "size of map " + name);
		check(bpf_map__set_max_entries(map, entries), "size of map " + name);
	}
	/* The contents of maps depend on the watched cgroup and on the layout. */
	if (found && found->layout == wanted.layout && found->cgroup == wanted.cgroup)
		keep_maps(object.get(), options.pins);
	load_programs(object.get());

	Handles handles = handles_of(object.get());
	auto prepared = std::make_unique<PreparedSet>(handles, options, wanted);
	if (!options.detached) return {std::move(handles), std::move(prepared)};
	prepared->keep_detached();
	handles.hooks.clear();
	return {std::move(handles), nullptr};
}

void attach_again(const Handles& handles, const std::string& cgroup, const fs::path& pins) {
	Hooks lost;
	for (const auto& [name, fault] : link_faults(handles.hooks, handles.programs, cgroup, pins / "links"))
		lost[name] = handles.hooks.at(name);
	const auto wrong = pin_faults(handles, cgroup, pins);
	if (lost.empty() && wrong.empty()) return;
	fs::create_directories(pins / "links");
	fs::remove_all(pins / "marker");
	for (const auto& [pin, fault] : wrong) fs::remove_all(pins / pin);
	pin_all(handles, pins);
	attach_links(lost, handles.programs, cgroup, pins / "links");
	write_marker(pins, marker_of(handles.hooks.empty() ? "" : cgroup));
}

} // namespace sallyport
