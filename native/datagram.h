/* SPDX-License-Identifier: MIT */
/* Sends a datagram to a Unix socket, which Node cannot: the service manager (sd_notify(3)) and the journal use them. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sallyport {

/* A `path` that begins with '@' is in the abstract namespace. Does not block: throws Failure with EAGAIN if the
 * receiver's queue is full. */
void send_datagram(const std::string& path, const uint8_t* bytes, size_t length);

} // namespace sallyport
