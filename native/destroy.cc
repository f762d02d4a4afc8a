/* SPDX-License-Identifier: MIT */
#include "destroy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

#include "fd.h"

namespace sallyport {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const std::array<uint8_t, 16>& address) {
	return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

void set_address(__be32 (&to)[4], const std::array<uint8_t, 16>& from, int family) {
	if (family == AF_INET) {
		std::memcpy(to, &from[kMapped.size()], 4);
	} else {
		std::memcpy(to, from.data(), from.size());
	}
}

struct Request {
	nlmsghdr head;
	inet_diag_req_v2 body;
};

Request request_for(uint16_t type, uint16_t flags, int family, uint8_t protocol) {
	Request request{};
	request.head.nlmsg_len = sizeof(request);
	request.head.nlmsg_type = type;
	request.head.nlmsg_flags = NLM_F_REQUEST | flags;
	request.body.sdiag_family = family;
	request.body.sdiag_protocol = protocol;
	request.body.idiag_states = ~0u;
	return request;
}

inet_diag_sockid id_of(const SocketName& socket, int family) {
	inet_diag_sockid id{};
	id.idiag_sport = htons(socket.local_port);
	id.idiag_dport = htons(socket.remote_port);
	set_address(id.idiag_src, socket.local, family);
	set_address(id.idiag_dst, socket.remote, family);
	id.idiag_cookie[0] = static_cast<uint32_t>(socket.cookie);
	id.idiag_cookie[1] = static_cast<uint32_t>(socket.cookie >> 32);
	return id;
}

/* Finds the addresses and ports of a socket by its cookie. SOCK_DESTROY needs them. */
std::optional<inet_diag_sockid> find_by_cookie(const SocketName& socket, int family, const Fd& netlink) {
	const inet_diag_sockid wanted = id_of(socket, family);
	const Request request = request_for(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, socket.protocol);
	if (send(netlink.get(), &request, sizeof(request), 0) < 0) return std::nullopt;
	std::optional<inet_diag_sockid> found;
	alignas(nlmsghdr) std::array<uint8_t, 32768> room;
	for (;;) { /* to the end of the dump, because the rest would be read as the next reply */
		int left = recv(netlink.get(), room.data(), room.size(), 0);
		if (left <= 0) return found;
		for (auto* head = reinterpret_cast<nlmsghdr*>(room.data()); NLMSG_OK(head, left);
		     head = NLMSG_NEXT(head, left)) {
			if (head->nlmsg_type == NLMSG_DONE || head->nlmsg_type == NLMSG_ERROR) return found;
			const auto* each = static_cast<const inet_diag_msg*>(NLMSG_DATA(head));
			if (std::equal(wanted.idiag_cookie, wanted.idiag_cookie + 2, each->id.idiag_cookie))
				found = each->id;
		}
	}
}

int destroy_in_family(const SocketName& socket, int family, const Fd& netlink) {
	Request request = request_for(SOCK_DESTROY, NLM_F_ACK, family, socket.protocol);
	request.body.id = id_of(socket, family);
	if (socket.local_port == 0) {
		const auto found = find_by_cookie(socket, family, netlink);
		if (!found) return ENOENT;
		request.body.id = *found;
	}
	if (send(netlink.get(), &request, sizeof(request), 0) < 0) return errno;

	struct {
		nlmsghdr head;
		nlmsgerr body;
		uint8_t echo[sizeof(request)];
	} answer{};
	if (recv(netlink.get(), &answer, sizeof(answer), 0) < 0) return errno;
	return answer.head.nlmsg_type == NLMSG_ERROR ? -answer.body.error : EPROTO;
}

int destroy_here(const SocketName& name) {
	const Fd netlink(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
	if (!netlink) return errno;
	if (!is_mapped(name.remote)) return destroy_in_family(name, AF_INET6, netlink);
	const int error = destroy_in_family(name, AF_INET, netlink);
	/* an IPv6 socket may be connected to an IPv4-mapped address */
	return error == ENOENT ? destroy_in_family(name, AF_INET6, netlink) : error;
}

int destroy_in_namespace(const SocketName& name) {
	const Fd netns(open(name.netns.c_str(), O_RDONLY | O_CLOEXEC));
	if (!netns || setns(netns.get(), CLONE_NEWNET) != 0) return errno;
	return destroy_here(name);
}

} // namespace

int destroy_socket(const SocketName& name) {
	if (name.netns.empty()) return destroy_here(name);
	/* a separate thread, because entering a namespace changes the whole thread */
	int error = 0;
	std::thread([&] { error = destroy_in_namespace(name); }).join();
	return error;
}

} // namespace sallyport
