/* SPDX-License-Identifier: MIT */
#include "js.h"

#include <cstring>
#include <memory>
#include <utility>

namespace sallyport {
namespace {

struct ErrorClass {
	Napi::FunctionReference constructor;
};

Napi::String code_name(Napi::Env env, int error) {
	const char* name = strerrorname_np(error);
	return Napi::String::New(env, name != nullptr ? name : std::to_string(error));
}

} // namespace

void set_error_class(Napi::Env env, Napi::Function constructor) {
	auto* known = env.GetInstanceData<ErrorClass>();
	if (known == nullptr) {
		known = new ErrorClass; /* owned by the environment */
		env.SetInstanceData(known);
	}
	known->constructor = Napi::Persistent(constructor);
}

Napi::Error to_js(Napi::Env env, const std::system_error& error, const std::string& step, const std::string& log) {
	const auto& constructor = env.GetInstanceData<ErrorClass>()->constructor;
	return Napi::Error(env,
			   constructor.New({Napi::String::New(env, error.what()), code_name(env, error.code().value()),
					    Napi::String::New(env, step), Napi::String::New(env, log)}));
}

Napi::Value to_buffer(Napi::Env env, Bytes&& content) {
	/* V8 would take a buffer with external memory at address 0 for a detached one. */
	if (content.empty()) return Napi::Buffer<uint8_t>::New(env, 0);
	auto owned = std::make_unique<Bytes>(std::move(content));
	uint8_t* data = owned->data();
	const size_t size = owned->size();
	const auto release = [](Napi::Env, uint8_t*, Bytes* done) { delete done; };
	return Napi::Buffer<uint8_t>::New(env, data, size, release, owned.release());
}

} // namespace sallyport
