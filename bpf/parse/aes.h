/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* AES-128, encryption only (FIPS 197), by tables in .rodata. Columns are little-endian words. The keys of Initial
 * packets are public (RFC 9001 5.2), so the timing of table lookups reveals nothing. */
#ifndef SALLYPORT_PARSE_AES_H
#define SALLYPORT_PARSE_AES_H

#include "bytes.h"

/* clang-format off */
#define SP_AES_SBOX \
	E(0x63) E(0x7c) E(0x77) E(0x7b) E(0xf2) E(0x6b) E(0x6f) E(0xc5) \
	E(0x30) E(0x01) E(0x67) E(0x2b) E(0xfe) E(0xd7) E(0xab) E(0x76) \
	E(0xca) E(0x82) E(0xc9) E(0x7d) E(0xfa) E(0x59) E(0x47) E(0xf0) \
	E(0xad) E(0xd4) E(0xa2) E(0xaf) E(0x9c) E(0xa4) E(0x72) E(0xc0) \
	E(0xb7) E(0xfd) E(0x93) E(0x26) E(0x36) E(0x3f) E(0xf7) E(0xcc) \
	E(0x34) E(0xa5) E(0xe5) E(0xf1) E(0x71) E(0xd8) E(0x31) E(0x15) \
	E(0x04) E(0xc7) E(0x23) E(0xc3) E(0x18) E(0x96) E(0x05) E(0x9a) \
	E(0x07) E(0x12) E(0x80) E(0xe2) E(0xeb) E(0x27) E(0xb2) E(0x75) \
	E(0x09) E(0x83) E(0x2c) E(0x1a) E(0x1b) E(0x6e) E(0x5a) E(0xa0) \
	E(0x52) E(0x3b) E(0xd6) E(0xb3) E(0x29) E(0xe3) E(0x2f) E(0x84) \
	E(0x53) E(0xd1) E(0x00) E(0xed) E(0x20) E(0xfc) E(0xb1) E(0x5b) \
	E(0x6a) E(0xcb) E(0xbe) E(0x39) E(0x4a) E(0x4c) E(0x58) E(0xcf) \
	E(0xd0) E(0xef) E(0xaa) E(0xfb) E(0x43) E(0x4d) E(0x33) E(0x85) \
	E(0x45) E(0xf9) E(0x02) E(0x7f) E(0x50) E(0x3c) E(0x9f) E(0xa8) \
	E(0x51) E(0xa3) E(0x40) E(0x8f) E(0x92) E(0x9d) E(0x38) E(0xf5) \
	E(0xbc) E(0xb6) E(0xda) E(0x21) E(0x10) E(0xff) E(0xf3) E(0xd2) \
	E(0xcd) E(0x0c) E(0x13) E(0xec) E(0x5f) E(0x97) E(0x44) E(0x17) \
	E(0xc4) E(0xa7) E(0x7e) E(0x3d) E(0x64) E(0x5d) E(0x19) E(0x73) \
	E(0x60) E(0x81) E(0x4f) E(0xdc) E(0x22) E(0x2a) E(0x90) E(0x88) \
	E(0x46) E(0xee) E(0xb8) E(0x14) E(0xde) E(0x5e) E(0x0b) E(0xdb) \
	E(0xe0) E(0x32) E(0x3a) E(0x0a) E(0x49) E(0x06) E(0x24) E(0x5c) \
	E(0xc2) E(0xd3) E(0xac) E(0x62) E(0x91) E(0x95) E(0xe4) E(0x79) \
	E(0xe7) E(0xc8) E(0x37) E(0x6d) E(0x8d) E(0xd5) E(0x4e) E(0xa9) \
	E(0x6c) E(0x56) E(0xf4) E(0xea) E(0x65) E(0x7a) E(0xae) E(0x08) \
	E(0xba) E(0x78) E(0x25) E(0x2e) E(0x1c) E(0xa6) E(0xb4) E(0xc6) \
	E(0xe8) E(0xdd) E(0x74) E(0x1f) E(0x4b) E(0xbd) E(0x8b) E(0x8a) \
	E(0x70) E(0x3e) E(0xb5) E(0x66) E(0x48) E(0x03) E(0xf6) E(0x0e) \
	E(0x61) E(0x35) E(0x57) E(0xb9) E(0x86) E(0xc1) E(0x1d) E(0x9e) \
	E(0xe1) E(0xf8) E(0x98) E(0x11) E(0x69) E(0xd9) E(0x8e) E(0x94) \
	E(0x9b) E(0x1e) E(0x87) E(0xe9) E(0xce) E(0x55) E(0x28) E(0xdf) \
	E(0x8c) E(0xa1) E(0x89) E(0x0d) E(0xbf) E(0xe6) E(0x42) E(0x68) \
	E(0x41) E(0x99) E(0x2d) E(0x0f) E(0xb0) E(0x54) E(0xbb) E(0x16)
/* clang-format on */

#define SP_AES_DOUBLE(s) ((__u32)((s) << 1 ^ (0x80 & (s) ? 0x11b : 0)))
#define SP_AES_COLUMN(s) (SP_AES_DOUBLE(s) | (__u32)(s) << 8 | (__u32)(s) << 16 | (SP_AES_DOUBLE(s) ^ (s)) << 24)
#define SP_AES_ROTATE(x, by) ((x) << (by) | (x) >> (32 - (by)))

/* SubBytes and MixColumns of a byte, for each of the four rows. */
const __u32 sp_aes_tables[4][256] = {
	{
#define E(s) SP_AES_COLUMN(s),
		SP_AES_SBOX
#undef E
	},
	{
#define E(s) SP_AES_ROTATE(SP_AES_COLUMN(s), 8),
		SP_AES_SBOX
#undef E
	},
	{
#define E(s) SP_AES_ROTATE(SP_AES_COLUMN(s), 16),
		SP_AES_SBOX
#undef E
	},
	{
#define E(s) SP_AES_ROTATE(SP_AES_COLUMN(s), 24),
		SP_AES_SBOX
#undef E
	},
};

struct sp_aes {
	__u32 key[44]; /* expanded */
};

struct sp_aes_block {
	__u32 word[4];
};

/* Returns an entry of the table for `row`. `scaled` is four times the byte. */
static __always_inline __u32 sp_aes_lookup(int row, __u32 scaled)
{
	return *(const __u32 *)((const char *)sp_aes_tables + row * 1024 + (__u64)(scaled & 0x3fc));
}

/* One column of a round, from bytes of four columns (ShiftRows). */
static __always_inline __u32 sp_aes_round(__u32 a, __u32 b, __u32 c, __u32 d, __u32 key)
{
	return sp_aes_lookup(0, a << 2) ^ sp_aes_lookup(1, b >> 6) ^ sp_aes_lookup(2, c >> 14) ^
	       sp_aes_lookup(3, d >> 22) ^ key;
}

static __always_inline __u32 sp_aes_substitute(__u32 a, __u32 b, __u32 c, __u32 d)
{
	/* The S-box is the byte of a table's entry that is multiplied by 1. */
	return (sp_aes_lookup(2, a << 2) & 0xff) | (sp_aes_lookup(0, b >> 6) & 0xff00) |
	       (sp_aes_lookup(0, c >> 14) & 0xff0000) | (sp_aes_lookup(1, d >> 22) & 0xff000000);
}

/* Expands the key in aes->key[0..3]. */
__noinline int sp_aes_expand(struct sp_aes *aes)
{
	__u32 constant = 1;

	if (!aes)
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 4; i < 44; i += 4) {
		__u32 word = aes->key[i - 1];

		word = word >> 8 | word << 24;
		word = sp_aes_substitute(word, word, word, word) ^ constant;
		constant = SP_AES_DOUBLE(constant) & 0xff;
		aes->key[i] = aes->key[i - 4] ^ word;
		for (int j = 1; j < 4; j++)
			aes->key[i + j] = aes->key[i + j - 4] ^ aes->key[i + j - 1];
	}
	return 0;
}

/* Encrypts a block in place. */
__noinline int sp_aes_encrypt(const struct sp_aes *aes, struct sp_aes_block *block)
{
	__u32 a, b, c, d, e, f, g, h;

	if (!aes || !block)
		return 0;
	a = block->word[0] ^ aes->key[0];
	b = block->word[1] ^ aes->key[1];
	c = block->word[2] ^ aes->key[2];
	d = block->word[3] ^ aes->key[3];
#pragma clang loop unroll(disable)
	for (int i = 4; i < 40; i += 4) {
		e = sp_aes_round(a, b, c, d, aes->key[i]);
		f = sp_aes_round(b, c, d, a, aes->key[i + 1]);
		g = sp_aes_round(c, d, a, b, aes->key[i + 2]);
		h = sp_aes_round(d, a, b, c, aes->key[i + 3]);
		a = e;
		b = f;
		c = g;
		d = h;
	}
	block->word[0] = sp_aes_substitute(a, b, c, d) ^ aes->key[40];
	block->word[1] = sp_aes_substitute(b, c, d, a) ^ aes->key[41];
	block->word[2] = sp_aes_substitute(c, d, a, b) ^ aes->key[42];
	block->word[3] = sp_aes_substitute(d, a, b, c) ^ aes->key[43];
	return 0;
}

#endif
