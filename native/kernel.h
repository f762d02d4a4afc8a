/* SPDX-License-Identifier: MIT */
/* The class Kernel of src/native/binding.ts: programs, maps, pins and the ring of one folder of pins. */
#pragma once

#include <napi.h>

namespace sallyport {

Napi::Function define_kernel(Napi::Env env);

} // namespace sallyport
