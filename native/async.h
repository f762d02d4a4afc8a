/* SPDX-License-Identifier: MIT */
/* Slow operations in a thread of libuv's pool, with a promise for the result. */
#pragma once

#include <napi.h>

#include <string>

#include "destroy.h"
#include "fd.h"

namespace sallyport {

/* Resolves to an errno; 0: destroyed. */
Napi::Promise destroy_socket_async(Napi::Env env, SocketName name);

/* Resolves to {entries, capacity}. Takes its own descriptor, because the kernel's handles may be closed meanwhile. */
Napi::Promise count_entries_async(Napi::Env env, std::string map, Fd fd);

} // namespace sallyport
