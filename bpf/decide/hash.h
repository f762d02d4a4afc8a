/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* SipHash-1-3 (J.-P. Aumasson, D. J. Bernstein: "SipHash: a fast short-input PRF"), with one round for each word and
 * three at the end, as the kernel's hsiphash on 64-bit machines. Input is taken by bytes or by words. The key is random
 * on each host, so nobody outside can make two names collide. src/policy/ has the same function. */
#ifndef SALLYPORT_DECIDE_HASH_H
#define SALLYPORT_DECIDE_HASH_H

#include <linux/types.h>

struct sp_hash {
	__u64 v0, v1, v2, v3;
	__u64 word; /* bytes of an incomplete word */
	__u32 length; /* bytes so far */
	__u32 reserved;
};

static __always_inline __u64 sp_rotate(__u64 x, int by)
{
	return x << by | x >> (64 - by);
}

static __always_inline void sp_hash_round(struct sp_hash *h)
{
	h->v0 += h->v1;
	h->v1 = sp_rotate(h->v1, 13) ^ h->v0;
	h->v0 = sp_rotate(h->v0, 32);
	h->v2 += h->v3;
	h->v3 = sp_rotate(h->v3, 16) ^ h->v2;
	h->v0 += h->v3;
	h->v3 = sp_rotate(h->v3, 21) ^ h->v0;
	h->v2 += h->v1;
	h->v1 = sp_rotate(h->v1, 17) ^ h->v2;
	h->v2 = sp_rotate(h->v2, 32);
}

static __always_inline void sp_hash_begin(struct sp_hash *h, const __u64 *key)
{
	h->v0 = key[0] ^ 0x736f6d6570736575ULL;
	h->v1 = key[1] ^ 0x646f72616e646f6dULL;
	h->v2 = key[0] ^ 0x6c7967656e657261ULL;
	h->v3 = key[1] ^ 0x7465646279746573ULL;
	h->word = 0;
	h->length = 0;
}

static __always_inline void sp_hash_word(struct sp_hash *h, __u64 word)
{
	h->v3 ^= word;
	sp_hash_round(h);
	h->v0 ^= word;
}

/* Global: verified once. */
__noinline int sp_hash_byte(struct sp_hash *h, __u8 byte)
{
	if (!h)
		return 0;
	h->word |= (__u64)byte << (h->length % 8 * 8);
	h->length++;
	if (h->length % 8 == 0) {
		sp_hash_word(h, h->word);
		h->word = 0;
	}
	return 0;
}

/* Finishes with the bytes in h->word and the low 8 bits of `length`. 0 means "none" everywhere, so it is never
 * returned. */
static __always_inline __u64 sp_hash_finish(struct sp_hash h, __u32 length)
{
	__u64 hash;

	sp_hash_word(&h, (__u64)length << 56 | h.word);
	h.v2 ^= 0xff;
	sp_hash_round(&h);
	sp_hash_round(&h);
	sp_hash_round(&h);
	hash = h.v0 ^ h.v1 ^ h.v2 ^ h.v3;
	return hash ? hash : 1;
}

__noinline __u64 sp_hash_end(const struct sp_hash *h)
{
	return h ? sp_hash_finish(*h, h->length) : 0;
}

#endif
