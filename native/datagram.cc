/* SPDX-License-Identifier: MIT */
#include "datagram.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>

#include "error.h"
#include "fd.h"

namespace sallyport {

void send_datagram(const std::string& path, const uint8_t* bytes, size_t length) {
	sockaddr_un to{};
	to.sun_family = AF_UNIX;
	if (path.size() >= sizeof(to.sun_path)) throw Failure(ENAMETOOLONG, "datagram");
	path.copy(to.sun_path, path.size());
	if (path[0] == '@') to.sun_path[0] = '\0';
	const Fd socket_(check(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "datagram"));
	const socklen_t size = offsetof(sockaddr_un, sun_path) + path.size();
	check(sendto(socket_.get(), bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to), size),
	      "send to " + path);
}

} // namespace sallyport
