/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* HalfSipHash-1-3 with a 64-bit result (J.-P. Aumasson, D. J. Bernstein: SipHash, and the reference
 * implementation's halfsiphash.c), fed byte by byte or word by word. The key is random for each host,
 * so nobody outside can make two names collide. src/policy/hash.ts is the same function. */
#ifndef SALLYPORT_HASH_H
#define SALLYPORT_HASH_H

#include <linux/types.h>

struct sp_hash {
	__u32 v0, v1, v2, v3;
	__u32 word; /* bytes that do not fill a word yet */
	__u32 length; /* bytes so far */
};

static __always_inline __u32 sp_rotate(__u32 x, int by)
{
	return x << by | x >> (32 - by);
}

static __always_inline void sp_hash_round(struct sp_hash *h)
{
	h->v0 += h->v1;
	h->v1 = sp_rotate(h->v1, 5) ^ h->v0;
	h->v0 = sp_rotate(h->v0, 16);
	h->v2 += h->v3;
	h->v3 = sp_rotate(h->v3, 8) ^ h->v2;
	h->v0 += h->v3;
	h->v3 = sp_rotate(h->v3, 7) ^ h->v0;
	h->v2 += h->v1;
	h->v1 = sp_rotate(h->v1, 13) ^ h->v2;
	h->v2 = sp_rotate(h->v2, 16);
}

static __always_inline void sp_hash_begin(struct sp_hash *h, __u32 k0, __u32 k1)
{
	h->v0 = k0;
	h->v1 = k1 ^ 0xee;
	h->v2 = 0x6c796765 ^ k0;
	h->v3 = 0x74656462 ^ k1;
	h->word = 0;
	h->length = 0;
}

static __always_inline void sp_hash_word(struct sp_hash *h, __u32 word)
{
	h->v3 ^= word;
	sp_hash_round(h);
	h->v0 ^= word;
}

static __always_inline void sp_hash_byte(struct sp_hash *h, __u8 byte)
{
	h->word |= (__u32)byte << (h->length % 4 * 8);
	h->length++;
	if (h->length % 4 == 0) {
		sp_hash_word(h, h->word);
		h->word = 0;
	}
}

/* 0 means "none" everywhere, so it is never a hash. */
static __always_inline __u64 sp_hash_finish(struct sp_hash h, __u32 length)
{
	__u32 low;
	__u64 hash;

	sp_hash_word(&h, length << 24 | h.word);
	h.v2 ^= 0xee;
	sp_hash_round(&h);
	sp_hash_round(&h);
	sp_hash_round(&h);
	low = h.v1 ^ h.v3;
	h.v1 ^= 0xdd;
	sp_hash_round(&h);
	sp_hash_round(&h);
	sp_hash_round(&h);
	hash = (__u64)(h.v1 ^ h.v3) << 32 | low;
	return hash ? hash : 1;
}

static __always_inline __u64 sp_hash_end(const struct sp_hash *h)
{
	return sp_hash_finish(*h, h->length);
}

#endif
