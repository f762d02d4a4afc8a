/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Keys of a client's Initial packets (RFC 9001 5.2), derived from the destination connection id of the first one. This
 * takes 14 compressions of SHA-256; the first two of each salt are constants. */
#ifndef SALLYPORT_PARSE_QUIC_KEYS_H
#define SALLYPORT_PARSE_QUIC_KEYS_H

#include "aes.h"
#include "ghash.h"
#include "quic_versions.h"
#include "sha256.h"

#define SP_QUIC_CID_MAX 20 /* RFC 9000 17.2 */

struct sp_quic_id {
	__u8 bytes[24]; /* zeros after the id */
	__u32 length;
};

struct sp_quic_keys {
	struct sp_aes packet, header;
	__u32 iv[3];
	__u32 version;
	__u64 hash_high, hash_low; /* H of GHASH */
};

struct sp_hmac {
	struct sp_sha256 sha;
	__u32 inner[8], outer[8]; /* states after the block of the key */
	__u32 key[8];
	struct sp_aes_block zero;
};

static __always_inline void sp_copy_words(__u32 *to, const __u32 *from, int count)
{
#pragma unroll
	for (int i = 0; i < count; i++)
		to[i] = from[i];
}

static __always_inline void sp_hmac_pad(struct sp_hmac *hmac, __u32 pad)
{
#pragma unroll
	for (int i = 0; i < 16; i++)
		hmac->sha.block[i] = (i < 8 ? hmac->key[i & 7] : 0) ^ pad;
	sp_copy_words(hmac->sha.state, sp_sha256_begin, 8);
	sp_sha256_compress(&hmac->sha);
}

/* Makes the hash in hmac->sha.state the key. */
static __always_inline void sp_hmac_key(struct sp_hmac *hmac)
{
	sp_copy_words(hmac->key, hmac->sha.state, 8);
	sp_hmac_pad(hmac, 0x36363636);
	sp_copy_words(hmac->inner, hmac->sha.state, 8);
	sp_hmac_pad(hmac, 0x5c5c5c5c);
	sp_copy_words(hmac->outer, hmac->sha.state, 8);
}

/* Computes the code of the padded block in hmac->sha.block and leaves it in hmac->sha.state. */
static __always_inline void sp_hmac_code(struct sp_hmac *hmac)
{
	sp_copy_words(hmac->sha.state, hmac->inner, 8);
	sp_sha256_compress(&hmac->sha);
	sp_copy_words(hmac->sha.block, hmac->sha.state, 8);
	hmac->sha.block[8] = 0x80000000;
#pragma unroll
	for (int i = 9; i < 15; i++)
		hmac->sha.block[i] = 0;
	hmac->sha.block[15] = (64 + 32) * 8;
	sp_copy_words(hmac->sha.state, hmac->outer, 8);
	sp_sha256_compress(&hmac->sha);
}

static __always_inline void sp_big_endian(__u32 *to, const __u32 *from, int count)
{
#pragma unroll
	for (int i = 0; i < count; i++)
		to[i] = __builtin_bswap32(from[i]);
}

#define SP_DERIVED (SP_LABEL_HP + 1) /* secrets of the client: the first labels, in their order */

/* Derives the keys of this version for this id. Returns 0, or -1 if the version is unknown. One function, to save
 * frames. */
__noinline int sp_quic_derive(struct sp_quic_keys *keys, struct sp_hmac *hmac, const struct sp_quic_id *id,
			      __u32 version)
{
	bool v2 = sp_quic_is_v2(version);
	__u32 salt = sp_quic_salt(version);
	__u32 length;

	if (!keys || !hmac || !id || salt >= SP_SALTS)
		return -1;
	length = id->length;
	if (length > SP_QUIC_CID_MAX)
		return -1;
	sp_copy_words(hmac->inner, sp_quic_salts[salt][0], 8);
	sp_copy_words(hmac->outer, sp_quic_salts[salt][1], 8);
#pragma unroll
	for (__u32 i = 0; i < 6; i++)
		hmac->sha.block[i] = sp_be32(id->bytes + i * 4) | (i == length / 4 ? 0x80000000 >> length % 4 * 8 : 0);
#pragma unroll
	for (int i = 6; i < 15; i++)
		hmac->sha.block[i] = 0;
	hmac->sha.block[15] = (64 + length) * 8;
	sp_hmac_code(hmac);
#pragma clang loop unroll(disable)
	for (int i = 0; i < SP_DERIVED; i++) {
		__u32 label = i + (v2 && i > 0 ? SP_LABEL_KEY2 - SP_LABEL_KEY : 0);

		if (i < 2) /* the initial secret, and the client's */
			sp_hmac_key(hmac);
		if (label > SP_LABEL_HP2)
			return -1;
		sp_copy_words(hmac->sha.block, sp_quic_labels[label], 16);
		sp_hmac_code(hmac);
		if (i == SP_LABEL_KEY)
			sp_big_endian(keys->packet.key, hmac->sha.state, 4);
		else if (i == SP_LABEL_IV)
			sp_big_endian(keys->iv, hmac->sha.state, 3);
		else if (i == SP_LABEL_HP)
			sp_big_endian(keys->header.key, hmac->sha.state, 4);
	}
	sp_aes_expand(&keys->packet);
	sp_aes_expand(&keys->header);
	hmac->zero.word[0] = hmac->zero.word[1] = hmac->zero.word[2] = hmac->zero.word[3] = 0;
	sp_aes_encrypt(&keys->packet, &hmac->zero);
	keys->hash_high = (__u64)__builtin_bswap32(hmac->zero.word[0]) << 32 | __builtin_bswap32(hmac->zero.word[1]);
	keys->hash_low = (__u64)__builtin_bswap32(hmac->zero.word[2]) << 32 | __builtin_bswap32(hmac->zero.word[3]);
	keys->version = version;
	return 0;
}

#endif
