/* SPDX-License-Identifier: MIT */
/* Conversions between C++ and JavaScript: errors and bytes. */
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "error.h"
#include "maps.h"

namespace sallyport {

/* Sets the class of all errors: NativeError of src/native/binding.ts. */
void set_error_class(Napi::Env env, Napi::Function constructor);

/* Returns a NativeError: message, `code` (name of the errno), `step`, and `log` of the verifier. */
Napi::Error to_js(Napi::Env env, const std::system_error& error, const std::string& step, const std::string& log);

/* Runs `work` and throws its C++ failures as NativeError. */
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

/* Returns a Buffer that owns the content. */
Napi::Value to_buffer(Napi::Env env, Bytes&& content);

} // namespace sallyport
