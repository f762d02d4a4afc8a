/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <sys/socket.h>

#include "error.h"

namespace sallyport {

uid_t peer_uid(int fd) {
	ucred peer{};
	socklen_t size = sizeof(peer);
	check(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), "peer");
	if (peer.uid == static_cast<uid_t>(-1)) throw Failure(EINVAL, "peer");
	return peer.uid;
}

} // namespace sallyport
