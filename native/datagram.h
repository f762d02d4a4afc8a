/* SPDX-License-Identifier: MIT */
/* One datagram to a unix socket, which Node cannot send: what the service manager (sd_notify(3)) and the journal listen to. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sallyport {

/* `path` beginning with '@' is of the abstract name space. Never waits: EAGAIN if the receiver's queue is full. */
void send_datagram(const std::string& path, const uint8_t* bytes, size_t length);

} // namespace sallyport
