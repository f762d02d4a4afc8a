/* SPDX-License-Identifier: MIT */
/* The user at the other end of a Unix socket, which Node does not report. */
#pragma once

#include <sys/types.h>

namespace sallyport {

/* The effective uid with which the peer connected: SO_PEERCRED of unix(7). Throws Failure, with EINVAL if `fd` is no
 * connected Unix socket: Linux reports uid -1 for others. */
uid_t peer_uid(int fd);

} // namespace sallyport
