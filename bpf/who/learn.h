/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Names that were seen. */
#ifndef SALLYPORT_WHO_LEARN_H
#define SALLYPORT_WHO_LEARN_H

#include "who.h"

static __always_inline bool sp_is_loopback(const __u64 *address)
{
	return address[0] == 0 &&
	       (sp_is_v4(address) ? (address[1] >> 32 & 0xff) == 127 : address[1] == (__u64)bpf_htonl(1) << 32);
}

static __always_inline __u64 sp_remember_name(struct sp_scratch *s, __u64 hash)
{
	struct sp_scratch *again;

	if (!hash)
		return 0;
	sp_keep_labels(&s->subject, hash, &s->name.entry);
	if (bpf_map_lookup_elem(&names, &hash))
		return hash;
	again = sp_scratch_as_map_value(s);
	if (!again || bpf_map_update_elem(&names, &hash, &again->name.entry, BPF_ANY))
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_NAMES);
	return hash;
}

/* Reads the name in s->name.raw and stores it. Returns its hash, or 0 if it is not a host name. */
static __always_inline __u64 sp_learn_name(struct sp_scratch *s, __u32 length)
{
	s->name.any = 0;
	sp_hash_key(s->name.key);
	return sp_remember_name(s, sp_name_read(&s->name, length));
}

/* The same for the name of a DNS question, which may have any bytes. */
__noinline __u64 sp_learn_question(struct sp_scratch *s, __u32 length)
{
	if (!s || !length)
		return 0;
	s->name.any = 1;
	sp_hash_key(s->name.key);
	return sp_remember_name(s, sp_name_read(&s->name, length));
}

/* The same for a name that a client shows to a server, in a ClientHello or a request: only letters, digits, "-", "_"
 * and dots. Of other text a server may use a part ("bad.test:443"), so it is marked as unread, unless it is an
 * address. */
static __always_inline __u64 sp_learn_shown(struct sp_scratch *s, __u32 length)
{
	__u64 hash;

	if (!length)
		return 0;
	if (length >= SP_NAME_MAX) {
		s->subject.flags |= SP_JUDGE_UNREAD;
		return 0;
	}
	s->name.any = 0;
	sp_hash_key(s->name.key);
	hash = sp_name_read(&s->name, length);
	if (s->name.raw[0] == '[') /* an IPv6 address */
		return 0;
	if (s->name.odd || s->name.bad)
		s->subject.flags |= SP_JUDGE_UNREAD;
	return s->name.odd ? 0 : sp_remember_name(s, hash);
}

#endif
