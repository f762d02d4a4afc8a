/* SPDX-License-Identifier: MIT */
/* SOCK_DESTROY over netlink: the application sees ECONNABORTED at once, where a dropped packet alone would
 * leave it to its own time-out. */
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace sallyport {

struct SocketName {
	uint8_t protocol;
	std::array<uint8_t, 16> local, remote; /* IPv4 v4-mapped */
	uint16_t local_port, remote_port; /* local_port 0: find the socket by its cookie */
	uint64_t cookie;
	std::string netns; /* path to enter; empty: stay */
};

/* 0 or the errno. Blocks: not for the event loop's thread. */
int destroy_socket(const SocketName& socket);

} // namespace sallyport
