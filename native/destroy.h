/* SPDX-License-Identifier: MIT */
/* SOCK_DESTROY over netlink (sock_diag(7)). The application gets ECONNABORTED at once. If its packets were only
 * dropped, it would wait for its own timeout. */
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace sallyport {

struct SocketName {
	uint8_t protocol;
	std::array<uint8_t, 16> local, remote; /* IPv4 is mapped */
	uint16_t local_port, remote_port; /* local_port 0: find the socket by its cookie */
	uint64_t cookie;
	std::string netns; /* path of the network namespace to enter; empty: the current one */
};

/* Returns 0 or an errno. Blocks, so it must not run in the thread of the event loop. */
int destroy_socket(const SocketName& socket);

} // namespace sallyport
