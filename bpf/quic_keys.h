/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The keys of a client's Initial packets (RFC 9001 5.2): they follow from the destination connection id of its first one. 14
 * compressions, for the salts' first two are constants. */
#ifndef SALLYPORT_QUIC_KEYS_H
#define SALLYPORT_QUIC_KEYS_H

#include "aes.h"
#include "ghash.h"
#include "quic_versions.h"
#include "sha256.h"

#define SP_QUIC_CID_MAX 20 /* RFC 9000 17.2 */

struct sp_quic_id {
	__u8 bytes[24]; /* zeros behind the id */
	__u32 length;
};

struct sp_quic_keys {
	struct sp_aes packet, header;
	__u32 iv[3];
	__u32 version;
	__u64 hash_high, hash_low; /* GHASH's H */
};

struct sp_hmac {
	struct sp_sha256 sha;
	__u32 inner[8], outer[8]; /* states after the key's block */
};

/* The hash in hmac->sha.state is the key from now on. */
static __always_inline void sp_hmac_key(struct sp_hmac *hmac)
{
	__u32 key[8];

	__builtin_memcpy(key, hmac->sha.state, sizeof(key));
#pragma unroll
	for (int i = 0; i < 16; i++)
		hmac->sha.block[i] = (i < 8 ? key[i & 7] : 0) ^ 0x36363636;
	__builtin_memcpy(hmac->sha.state, sp_sha256_begin, 32);
	sp_sha256_compress(&hmac->sha);
	__builtin_memcpy(hmac->inner, hmac->sha.state, 32);
#pragma unroll
	for (int i = 0; i < 16; i++)
		hmac->sha.block[i] = (i < 8 ? key[i & 7] : 0) ^ 0x5c5c5c5c;
	__builtin_memcpy(hmac->sha.state, sp_sha256_begin, 32);
	sp_sha256_compress(&hmac->sha);
	__builtin_memcpy(hmac->outer, hmac->sha.state, 32);
}

/* The message is the one padded block in hmac->sha.block; its code is left in hmac->sha.state. */
static __always_inline void sp_hmac_code(struct sp_hmac *hmac)
{
	__builtin_memcpy(hmac->sha.state, hmac->inner, 32);
	sp_sha256_compress(&hmac->sha);
	__builtin_memcpy(hmac->sha.block, hmac->sha.state, 32);
	hmac->sha.block[8] = 0x80000000;
#pragma unroll
	for (int i = 9; i < 15; i++)
		hmac->sha.block[i] = 0;
	hmac->sha.block[15] = (64 + 32) * 8;
	__builtin_memcpy(hmac->sha.state, hmac->outer, 32);
	sp_sha256_compress(&hmac->sha);
}

static __always_inline void sp_quic_expand(struct sp_hmac *hmac, enum sp_quic_label label)
{
	__builtin_memcpy(hmac->sha.block, sp_quic_labels[label], 64);
	sp_hmac_code(hmac);
}

/* The keys of this version for this id; -1 if the version is not known. All in one function: calls may be eight deep. */
__noinline int sp_quic_derive(struct sp_quic_keys *keys, struct sp_hmac *hmac, const struct sp_quic_id *id, __u32 version)
{
	struct sp_aes_block zero = {};
	bool v2 = sp_quic_is_v2(version);
	__u32 salt = sp_quic_salt(version);
	__u32 length;

	if (!keys || !hmac || !id || salt >= SP_SALTS)
		return -1;
	length = id->length;
	if (length > SP_QUIC_CID_MAX)
		return -1;
	__builtin_memcpy(hmac->inner, sp_quic_salts[salt][0], 32);
	__builtin_memcpy(hmac->outer, sp_quic_salts[salt][1], 32);
#pragma unroll
	for (__u32 i = 0; i < 6; i++)
		hmac->sha.block[i] = sp_be32(id->bytes + i * 4) | (i == length / 4 ? 0x80000000 >> length % 4 * 8 : 0);
#pragma unroll
	for (int i = 6; i < 15; i++)
		hmac->sha.block[i] = 0;
	hmac->sha.block[15] = (64 + length) * 8;
	sp_hmac_code(hmac);
	sp_hmac_key(hmac);
	sp_quic_expand(hmac, SP_LABEL_CLIENT);
	sp_hmac_key(hmac);
	if (v2)
		sp_quic_expand(hmac, SP_LABEL_KEY2);
	else
		sp_quic_expand(hmac, SP_LABEL_KEY);
#pragma unroll
	for (int i = 0; i < 4; i++)
		keys->packet.key[i] = __builtin_bswap32(hmac->sha.state[i]);
	if (v2)
		sp_quic_expand(hmac, SP_LABEL_IV2);
	else
		sp_quic_expand(hmac, SP_LABEL_IV);
#pragma unroll
	for (int i = 0; i < 3; i++)
		keys->iv[i] = __builtin_bswap32(hmac->sha.state[i]);
	if (v2)
		sp_quic_expand(hmac, SP_LABEL_HP2);
	else
		sp_quic_expand(hmac, SP_LABEL_HP);
#pragma unroll
	for (int i = 0; i < 4; i++)
		keys->header.key[i] = __builtin_bswap32(hmac->sha.state[i]);
	sp_aes_expand(&keys->packet);
	sp_aes_expand(&keys->header);
	sp_aes_encrypt(&keys->packet, &zero);
	keys->hash_high = (__u64)__builtin_bswap32(zero.word[0]) << 32 | __builtin_bswap32(zero.word[1]);
	keys->hash_low = (__u64)__builtin_bswap32(zero.word[2]) << 32 | __builtin_bswap32(zero.word[3]);
	keys->version = version;
	return 0;
}

#endif
