/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* GHASH (NIST SP 800-38D 6.4) without tables: carry-less products by integer multiplication with holes, as in T. Pornin's
 * "BearSSL: constant-time code" (bearssl.org/constanttime.html#ghash-for-gcm). */
#ifndef SALLYPORT_GHASH_H
#define SALLYPORT_GHASH_H

#include "bytes.h"

/* Big-endian halves. */
struct sp_ghash {
	__u64 high, low; /* so far */
	__u64 key_high, key_low; /* H */
};

#define SP_EVERY_FOURTH 0x1111111111111111ULL

/* The low 64 bits of x * y without carries: carries fall into the holes and are masked out. */
static __always_inline __u64 sp_clmul(__u64 x, __u64 y)
{
	__u64 x0 = x & SP_EVERY_FOURTH, x1 = x & SP_EVERY_FOURTH << 1, x2 = x & SP_EVERY_FOURTH << 2, x3 = x & SP_EVERY_FOURTH << 3;
	__u64 y0 = y & SP_EVERY_FOURTH, y1 = y & SP_EVERY_FOURTH << 1, y2 = y & SP_EVERY_FOURTH << 2, y3 = y & SP_EVERY_FOURTH << 3;
	__u64 z;

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

/* Take a block, as two big-endian words: Y = (Y ^ block) * H. */
__noinline int sp_ghash_take(struct sp_ghash *g, __u64 high, __u64 low)
{
	__u64 y0, y1, y2, h0, h1, h2, y0r, y1r, h0r, h1r, z0, z1, z2, z0h, z1h, z2h, v0, v1, v2, v3;

	if (!g)
		return 0;
	y1 = g->high ^ high;
	y0 = g->low ^ low;
	h1 = g->key_high;
	h0 = g->key_low;
	y0r = sp_reverse(y0);
	y1r = sp_reverse(y1);
	h0r = sp_reverse(h0);
	h1r = sp_reverse(h1);
	y2 = y0 ^ y1;
	h2 = h0 ^ h1;
	/* Karatsuba; the upper half of a product is the lower half of the reversed factors' product, reversed. */
	z0 = sp_clmul(y0, h0);
	z1 = sp_clmul(y1, h1);
	z2 = sp_clmul(y2, h2) ^ z0 ^ z1;
	z0h = sp_clmul(y0r, h0r);
	z1h = sp_clmul(y1r, h1r);
	z2h = sp_clmul(y0r ^ y1r, h0r ^ h1r) ^ z0h ^ z1h;
	z0h = sp_reverse(z0h) >> 1;
	z1h = sp_reverse(z1h) >> 1;
	z2h = sp_reverse(z2h) >> 1;
	v0 = z0;
	v1 = z0h ^ z2;
	v2 = z1 ^ z2h;
	v3 = z1h;
	/* GCM's bits run the other way: shift by one, then reduce by x^128 + x^7 + x^2 + x + 1. */
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
