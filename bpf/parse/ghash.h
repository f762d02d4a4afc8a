/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* GHASH (NIST SP 800-38D 6.4) without tables: carry-less products by integer multiplication with holes, as described by
 * T. Pornin in "BearSSL: constant-time code" (bearssl.org/constanttime.html#ghash-for-gcm). */
#ifndef SALLYPORT_PARSE_GHASH_H
#define SALLYPORT_PARSE_GHASH_H

#include "bytes.h"

/* Halves are big-endian numbers. */
struct sp_ghash {
	__u64 high, low; /* state */
	__u64 key_high, key_low; /* H */
	__u64 z[6]; /* intermediate products, too many for the stack */
};

#define SP_EVERY_FOURTH 0x1111111111111111ULL

/* Returns the low 64 bits of x * y without carries. Carries fall into the holes and are masked out. */
static __always_inline __u64 sp_clmul(__u64 x, __u64 y)
{
	__u64 x0, x1, x2, x3, y0, y1, y2, y3, z;

	sp_barrier(x, y); /* one product at a time, because of the stack */
	x0 = x & SP_EVERY_FOURTH;
	x1 = x & SP_EVERY_FOURTH << 1;
	x2 = x & SP_EVERY_FOURTH << 2;
	x3 = x & SP_EVERY_FOURTH << 3;
	y0 = y & SP_EVERY_FOURTH;
	y1 = y & SP_EVERY_FOURTH << 1;
	y2 = y & SP_EVERY_FOURTH << 2;
	y3 = y & SP_EVERY_FOURTH << 3;
	z = (x0 * y0 ^ x1 * y3 ^ x2 * y2 ^ x3 * y1) & SP_EVERY_FOURTH;
	z |= (x0 * y1 ^ x1 * y0 ^ x2 * y3 ^ x3 * y2) & SP_EVERY_FOURTH << 1;
	z |= (x0 * y2 ^ x1 * y1 ^ x2 * y0 ^ x3 * y3) & SP_EVERY_FOURTH << 2;
	z |= (x0 * y3 ^ x1 * y2 ^ x2 * y1 ^ x3 * y0) & SP_EVERY_FOURTH << 3;
	return z;
}

static __always_inline __u64 sp_swap_bits(__u64 x, int by, __u64 mask)
{
	return (x & mask) << by | (x >> by & mask);
}

static __always_inline __u64 sp_reverse(__u64 x)
{
	x = sp_swap_bits(x, 1, 0x5555555555555555ULL);
	x = sp_swap_bits(x, 2, 0x3333333333333333ULL);
	x = sp_swap_bits(x, 4, 0x0f0f0f0f0f0f0f0fULL);
	return __builtin_bswap64(x);
}

/* Absorbs a block of two big-endian words: Y = (Y ^ block) * H. */
__noinline int sp_ghash_take(struct sp_ghash *g, __u64 high, __u64 low)
{
	__u64 v0, v1, v2, v3;

	if (!g)
		return 0;
	g->high ^= high;
	g->low ^= low;
	/* Karatsuba. The upper half of a product is the lower half of the product of the reversed factors, reversed. */
	g->z[0] = sp_clmul(g->low, g->key_low);
	g->z[1] = sp_clmul(g->high, g->key_high);
	g->z[2] = sp_clmul(g->low ^ g->high, g->key_low ^ g->key_high);
	g->z[3] = sp_clmul(sp_reverse(g->low), sp_reverse(g->key_low));
	g->z[4] = sp_clmul(sp_reverse(g->high), sp_reverse(g->key_high));
	g->z[5] = sp_clmul(sp_reverse(g->low ^ g->high), sp_reverse(g->key_low ^ g->key_high));
	v0 = g->z[0];
	v1 = sp_reverse(g->z[3]) >> 1 ^ g->z[2] ^ g->z[0] ^ g->z[1];
	v2 = g->z[1] ^ sp_reverse(g->z[5] ^ g->z[3] ^ g->z[4]) >> 1;
	v3 = sp_reverse(g->z[4]) >> 1;
	/* GCM reverses the order of bits: shift by one, then reduce by x^128 + x^7 + x^2 + x + 1. */
	v3 = v3 << 1 | v2 >> 63;
	v2 = v2 << 1 | v1 >> 63;
	v1 = v1 << 1 | v0 >> 63;
	v0 = v0 << 1;
	v2 ^= v0 ^ v0 >> 1 ^ v0 >> 2 ^ v0 >> 7;
	v1 ^= v0 << 63 ^ v0 << 62 ^ v0 << 57;
	v3 ^= v1 ^ v1 >> 1 ^ v1 >> 2 ^ v1 >> 7;
	v2 ^= v1 << 63 ^ v1 << 62 ^ v1 << 57;
	g->low = v2;
	g->high = v3;
	return 0;
}

#endif
