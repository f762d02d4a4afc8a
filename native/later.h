/* SPDX-License-Identifier: MIT */
/* What takes long: in a thread of libuv's pool, answered by a promise. */
#pragma once

#include <napi.h>

#include <string>

#include "destroy.h"
#include "fd.h"

namespace sallyport {

/* Of an errno; 0: destroyed. */
Napi::Promise destroy_later(Napi::Env env, SocketName name);

/* Of {entries, capacity}. By a descriptor of its own: the kernel's handles may be closed meanwhile. */
Napi::Promise count_later(Napi::Env env, std::string map, Fd fd);

} // namespace sallyport
