/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The compression function of SHA-256 (FIPS 180-4 6.2.2). Sixteen rounds are unrolled. */
#ifndef SALLYPORT_PARSE_SHA256_H
#define SALLYPORT_PARSE_SHA256_H

#include "bytes.h"

struct sp_sha256 {
	__u32 state[8];
	__u32 block[16]; /* of the message, as numbers; overwritten */
};

const __u32 sp_sha256_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

const __u32 sp_sha256_begin[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/* Returns a number twice, so that a rotation is one shift: BPF has no rotation. */
static __always_inline __u64 sp_twice(__u32 x)
{
	return (__u64)x << 32 | x;
}

static __always_inline void sp_sha256_schedule(__u32 *w, int i)
{
	__u64 a = sp_twice(w[(i + 1) & 15]), b = sp_twice(w[(i + 14) & 15]);

	w[i & 15] += ((__u32)(a >> 7) ^ (__u32)(a >> 18) ^ w[(i + 1) & 15] >> 3) + w[(i + 9) & 15] +
		     ((__u32)(b >> 17) ^ (__u32)(b >> 19) ^ w[(i + 14) & 15] >> 10);
}

#define SP_SHA256_ROUND(a, b, c, d, e, f, g, h, i) \
	do { \
		__u64 ee = sp_twice(e), aa = sp_twice(a); \
\
		h += ((__u32)(ee >> 6) ^ (__u32)(ee >> 11) ^ (__u32)(ee >> 25)) + (g ^ (e & (f ^ g))) + k[i] + w[i]; \
		d += h; \
		h += ((__u32)(aa >> 2) ^ (__u32)(aa >> 13) ^ (__u32)(aa >> 22)) + ((a & b) | (c & (a | b))); \
		sp_barrier(d, h); /* one round at a time, because of the stack */ \
	} while (0)

#define SP_SHA256_ROUNDS(i) \
	do { \
		SP_SHA256_ROUND(a, b, c, d, e, f, g, h, i); \
		SP_SHA256_ROUND(h, a, b, c, d, e, f, g, i + 1); \
		SP_SHA256_ROUND(g, h, a, b, c, d, e, f, i + 2); \
		SP_SHA256_ROUND(f, g, h, a, b, c, d, e, i + 3); \
		SP_SHA256_ROUND(e, f, g, h, a, b, c, d, i + 4); \
		SP_SHA256_ROUND(d, e, f, g, h, a, b, c, i + 5); \
		SP_SHA256_ROUND(c, d, e, f, g, h, a, b, i + 6); \
		SP_SHA256_ROUND(b, c, d, e, f, g, h, a, i + 7); \
	} while (0)

/* Adds s->block to s->state. */
__noinline int sp_sha256_compress(struct sp_sha256 *s)
{
	__u32 a, b, c, d, e, f, g, h, *w;

	if (!s)
		return 0;
	w = s->block;
	a = s->state[0];
	b = s->state[1];
	c = s->state[2];
	d = s->state[3];
	e = s->state[4];
	f = s->state[5];
	g = s->state[6];
	h = s->state[7];
#pragma clang loop unroll(disable)
	for (int from = 0; from < 64; from += 16) {
		const __u32 *k = sp_sha256_k + from;

		if (from > 0) {
#pragma unroll
			for (int i = 0; i < 16; i++)
				sp_sha256_schedule(w, i);
		}
		SP_SHA256_ROUNDS(0);
		SP_SHA256_ROUNDS(8);
	}
	s->state[0] += a;
	s->state[1] += b;
	s->state[2] += c;
	s->state[3] += d;
	s->state[4] += e;
	s->state[5] += f;
	s->state[6] += g;
	s->state[7] += h;
	return 0;
}

#endif
