/* SPDX-License-Identifier: MIT */
/* The exports of the addon, declared in src/native/binding.ts. Arguments are not checked here: src/native/addon.ts
 * does. */
#include <bpf/libbpf.h>
#include <napi.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "attached.h"
#include "datagram.h"
#include "js.h"
#include "kernel.h"
#include "async.h"
#include "memory.h"
#include "object.h"
#include "parsers/parsers.h"
#include "peer.h"
#include "pins.h"
#include "ring.h"

namespace sallyport {
namespace {

std::array<uint8_t, 16> address(const Napi::Value& value) {
	std::array<uint8_t, 16> result;
	std::copy_n(bytes(value), result.size(), result.begin());
	return result;
}

Napi::Value destroy_socket_by_name(const Napi::CallbackInfo& info) {
	const auto name = info[0].As<Napi::Object>();
	bool lossless;
	const Napi::Value netns = name.Get("netns");
	SocketName socket = {
		static_cast<uint8_t>(name.Get("protocol").ToNumber().Uint32Value()),
		address(name.Get("local")),
		address(name.Get("remote")),
		static_cast<uint16_t>(name.Get("localPort").ToNumber().Uint32Value()),
		static_cast<uint16_t>(name.Get("remotePort").ToNumber().Uint32Value()),
		name.Get("cookie").As<Napi::BigInt>().Uint64Value(&lossless),
		netns.IsNull() ? std::string() : std::string(netns.ToString()),
	};
	return destroy_socket_async(info.Env(), std::move(socket));
}

Napi::Value send_datagram_to(const Napi::CallbackInfo& info) {
	translating_errors(info.Env(), [&] { send_datagram(info[0].ToString(), bytes(info[1]), length(info[1])); });
	return info.Env().Undefined();
}

Napi::Value attached_at(const Napi::CallbackInfo& info) {
	return translating_errors(info.Env(), [&] {
		auto list = Napi::Array::New(info.Env());
		for (const auto& [hook, name, id] : attached_programs(info[0].ToString())) {
			auto entry = Napi::Object::New(info.Env());
			entry["hook"] = hook;
			entry["name"] = name;
			entry["id"] = id;
			list[list.Length()] = entry;
		}
		return list;
	});
}

/* Compares the marker of a pin folder with this addon; null if there is no marker. */
Napi::Value pins_at(const Napi::CallbackInfo& info) {
	return translating_errors(info.Env(), [&]() -> Napi::Value {
		const auto marker = read_marker(std::string(info[0].ToString()));
		if (!marker) return info.Env().Null();
		const Marker wanted = marker_of(info[1].ToString());
		auto result = Napi::Object::New(info.Env());
		result["layout"] = marker->layout;
		result["sameLayout"] = marker->layout == wanted.layout;
		result["samePrograms"] = marker->object == wanted.object;
		result["sameCgroup"] = marker->cgroup == wanted.cgroup;
		return result;
	});
}

Napi::Value remove_pins_at(const Napi::CallbackInfo& info) {
	translating_errors(info.Env(), [&] { remove_pins(std::string(info[0].ToString())); });
	return info.Env().Undefined();
}

Napi::Value mount_bpffs_at(const Napi::CallbackInfo& info) {
	translating_errors(info.Env(), [&] { mount_bpffs(std::string(info[0].ToString())); });
	return info.Env().Undefined();
}

/* parse(request, bytes): answers the request in place. Returns false if its range is out of bounds. */
Napi::Value parse(const Napi::CallbackInfo& info) {
	auto request = info[0].As<Napi::Uint8Array>();
	return Napi::Boolean::New(info.Env(),
				  sp_parse_in_user_space(request.Data(), bytes(info[1]), length(info[1])) == 0);
}

Napi::Value peer_uid_of(const Napi::CallbackInfo& info) {
	return translating_errors(info.Env(), [&]() -> Napi::Value {
		return Napi::Number::New(info.Env(), peer_uid(info[0].ToNumber().Int32Value()));
	});
}

Napi::Value unmount_bpffs_at(const Napi::CallbackInfo& info) {
	translating_errors(info.Env(), [&] { unmount_bpffs(std::string(info[0].ToString())); });
	return info.Env().Undefined();
}

Napi::Value release_memory(const Napi::CallbackInfo& info) {
	release_unused_memory();
	return info.Env().Undefined();
}

Napi::Value take_error_class(const Napi::CallbackInfo& info) {
	set_error_class(info.Env(), info[0].As<Napi::Function>());
	return info.Env().Undefined();
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
	exports["Kernel"] = define_kernel(env);
	exports["destroySocket"] = Napi::Function::New<destroy_socket_by_name>(env);
	exports["mountBpffs"] = Napi::Function::New<mount_bpffs_at>(env);
	exports["sendDatagram"] = Napi::Function::New<send_datagram_to>(env);
	exports["attached"] = Napi::Function::New<attached_at>(env);
	exports["pins"] = Napi::Function::New<pins_at>(env);
	exports["removePins"] = Napi::Function::New<remove_pins_at>(env);
	exports["parse"] = Napi::Function::New<parse>(env);
	exports["peerUid"] = Napi::Function::New<peer_uid_of>(env);
	exports["parseRequestBytes"] = sp_parse_request_size();
	exports["unmountBpffs"] = Napi::Function::New<unmount_bpffs_at>(env);
	exports["releaseMemory"] = Napi::Function::New<release_memory>(env);
	exports["setErrorClass"] = Napi::Function::New<take_error_class>(env);
	exports["libbpfVersion"] = std::string(libbpf_version_string()).substr(1); /* "v1.1" */
	exports["largestRecord"] = Ring::kLargestRecord;
	return exports;
}

} // namespace
} // namespace sallyport

Napi::Object initialize_addon(Napi::Env env, Napi::Object exports) { return sallyport::initialize(env, exports); }
NODE_API_MODULE(sallyport, initialize_addon)
