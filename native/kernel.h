/* SPDX-License-Identifier: MIT */
/* The class Kernel of src/native/binding.ts: the programs, maps, pins and ring of one pin folder. */
#pragma once

#include <napi.h>

namespace sallyport {

/* Returns the constructor. Its methods throw NativeError. */
Napi::Function define_kernel(Napi::Env env);

} // namespace sallyport
