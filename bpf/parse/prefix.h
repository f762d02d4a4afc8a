/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a client may send to a proxy before its own protocol begins: SOCKS 4, 4a and 5 (RFC 1928, RFC 1929), and the
 * binary header of the PROXY protocol, version 2. Its text header is read by http_line.h. Pure functions over bytes. */
#ifndef SALLYPORT_PARSE_PREFIX_H
#define SALLYPORT_PARSE_PREFIX_H

#include "bytes.h"
#include "../wire/reader_state.h"

enum sp_prefix_stage {
	SP_PREFIX_NONE = 0,
	SP_PREFIX_FIRST, /* the byte that names the protocol */
	SP_PREFIX_SOCKS4, /* command */
	SP_PREFIX_SOCKS4_ADDRESS,
	SP_PREFIX_SOCKS4_USER,
	SP_PREFIX_SOCKS4_NAME,
	SP_PREFIX_SOCKS5, /* number of methods */
	SP_PREFIX_SOCKS5_NEXT, /* version of the request, or of the authentication */
	SP_PREFIX_SOCKS5_USER,
	SP_PREFIX_SOCKS5_PASSWORD,
	SP_PREFIX_SOCKS5_ADDRESS, /* its type */
	SP_PREFIX_SOCKS5_NAME,
	SP_PREFIX_PROXY, /* the rest of the signature */
	SP_PREFIX_PROXY_LENGTH,
	SP_PREFIX_PROXY_LENGTH_LOW,
	SP_PREFIX_END,
};

#define SP_PREFIX_SOCKS4_AT 4 /* bytes of the address */
#define SP_PREFIX_SIGNATURE 7 /* after CR LF CR LF NUL, which tells it from a request */

const char sp_prefix_signature[8] = "\r\nQUIT\n"; /* see "constant tables" in wire/verifier.h */

/* True if a prefix may begin with this byte. */
static __always_inline bool sp_is_prefix(__u8 first)
{
	return first == 4 || first == 5 || first == 0;
}

static __always_inline void sp_prefix_go(struct sp_prefix *p, __u8 stage, __u16 skip)
{
	p->stage = stage;
	p->skip = skip;
	p->at = 0;
}

/* Reads one byte. p->stage becomes SP_PREFIX_END after the last one, and SP_PREFIX_NONE if it is something else.
 * Global: verified once. */
__noinline int sp_prefix_byte(struct sp_prefix *p, __u8 c)
{
	if (!p)
		return 0;
	if (p->skip) {
		if (!--p->skip && p->stage == SP_PREFIX_END)
			return 1;
		return 0;
	}
	switch (p->stage) {
	case SP_PREFIX_FIRST:
		sp_prefix_go(p, c == 4 ? SP_PREFIX_SOCKS4 : c == 5 ? SP_PREFIX_SOCKS5 : SP_PREFIX_PROXY, 0);
		break;
	case SP_PREFIX_SOCKS4:
		sp_prefix_go(p, c == 1 || c == 2 ? SP_PREFIX_SOCKS4_ADDRESS : SP_PREFIX_NONE, 2);
		p->has_name = 1;
		break;
	case SP_PREFIX_SOCKS4_ADDRESS: /* 0.0.0.x: a name follows */
		if (c && p->at < SP_PREFIX_SOCKS4_AT - 1)
			p->has_name = 0;
		if (++p->at == SP_PREFIX_SOCKS4_AT)
			sp_prefix_go(p, SP_PREFIX_SOCKS4_USER, 0);
		break;
	case SP_PREFIX_SOCKS4_USER:
		if (!c)
			sp_prefix_go(p, p->has_name ? SP_PREFIX_SOCKS4_NAME : SP_PREFIX_END, 0);
		break;
	case SP_PREFIX_SOCKS4_NAME:
		if (!c)
			sp_prefix_go(p, SP_PREFIX_END, 0);
		break;
	case SP_PREFIX_SOCKS5:
		sp_prefix_go(p, SP_PREFIX_SOCKS5_NEXT, c);
		break;
	case SP_PREFIX_SOCKS5_NEXT:
		if (c == 5) /* command and a reserved byte */
			sp_prefix_go(p, SP_PREFIX_SOCKS5_ADDRESS, 2);
		else
			sp_prefix_go(p, c == 1 ? SP_PREFIX_SOCKS5_USER : SP_PREFIX_NONE, 0);
		break;
	case SP_PREFIX_SOCKS5_USER:
		sp_prefix_go(p, SP_PREFIX_SOCKS5_PASSWORD, c);
		break;
	case SP_PREFIX_SOCKS5_PASSWORD:
		sp_prefix_go(p, SP_PREFIX_SOCKS5_NEXT, c);
		break;
	case SP_PREFIX_SOCKS5_ADDRESS: /* with the port */
		if (c == 3)
			sp_prefix_go(p, SP_PREFIX_SOCKS5_NAME, 0);
		else
			sp_prefix_go(p, c == 1 || c == 4 ? SP_PREFIX_END : SP_PREFIX_NONE, c == 1 ? 6 : 18);
		break;
	case SP_PREFIX_SOCKS5_NAME:
		sp_prefix_go(p, SP_PREFIX_END, c + 2);
		break;
	case SP_PREFIX_PROXY:
		if (c != (__u8)sp_prefix_signature[p->at & 7])
			sp_prefix_go(p, SP_PREFIX_NONE, 0);
		else if (++p->at == SP_PREFIX_SIGNATURE) /* version and command, family */
			sp_prefix_go(p, SP_PREFIX_PROXY_LENGTH, 2);
		break;
	case SP_PREFIX_PROXY_LENGTH:
		sp_prefix_go(p, SP_PREFIX_PROXY_LENGTH_LOW, 0);
		p->at = c;
		break;
	case SP_PREFIX_PROXY_LENGTH_LOW:
		sp_prefix_go(p, SP_PREFIX_END, p->at << 8 | c);
		break;
	default:
		break;
	}
	if (p->stage == SP_PREFIX_NONE)
		p->skip = 0;
	return p->stage == SP_PREFIX_NONE || (p->stage == SP_PREFIX_END && !p->skip);
}

#endif
