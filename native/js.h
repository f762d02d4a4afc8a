/* SPDX-License-Identifier: MIT */
/* Between C++ and JavaScript: errors and bytes. */
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "error.h"
#include "maps.h"

namespace sallyport {

/* The class comes from JavaScript, so that an error is made as what it is caught as: NativeError of src/native/error.ts. */
void set_error_class(Napi::Env env, Napi::Function constructor);

Napi::Error to_js(Napi::Env env, const std::system_error& error, const std::string& step, const std::string& log);

template <typename Work>
auto translating_errors(Napi::Env env, Work work) {
	try {
		return work();
	} catch (const Failure& failure) {
		throw to_js(env, failure, failure.step(), failure.log());
	} catch (const std::system_error& error) { /* std::filesystem */
		throw to_js(env, error, "pins", "");
	}
}

inline const uint8_t* bytes(const Napi::Value& value) { return value.As<Napi::Uint8Array>().Data(); }
inline size_t length(const Napi::Value& value) { return value.As<Napi::Uint8Array>().ByteLength(); }

/* A Buffer that owns the content. */
Napi::Value give(Napi::Env env, Bytes&& content);

} // namespace sallyport
