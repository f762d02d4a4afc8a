/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A client's QUIC packets with long headers (RFC 9000 17.2, RFC 9369 3.2): their ends, and the decrypted payload of
 * Initial packets. Pure functions over memory. */
#ifndef SALLYPORT_PARSE_QUIC_H
#define SALLYPORT_PARSE_QUIC_H

#include "quic_keys.h"

#define SP_QUIC_PACKET_MAX 4096 /* of an Initial packet [bytes]; a power of two */
#define SP_QUIC_TAG 16
#define SP_QUIC_LONG 0x80
#define SP_QUIC_FIXED 0x40

enum sp_quic_kind {
	SP_QUIC_NONE, /* no long header */
	SP_QUIC_UNKNOWN, /* an unknown version, in the form of RFC 8999 5.1 */
	SP_QUIC_INITIAL,
	SP_QUIC_EARLY, /* 0-RTT */
	SP_QUIC_HANDSHAKE,
	SP_QUIC_RETRY,
	SP_QUIC_BROKEN, /* a known version, but its lengths contradict the datagram */
};

struct sp_quic_work {
	/* in: the packet, and the rest of its datagram */
	__u32 length; /* available bytes in `packet` */
	__u32 rest; /* of the datagram */
	/* of the packet */
	__u32 version;
	__u32 number_at, packet_end; /* offsets of the packet number, and after the packet */
	struct sp_quic_id id; /* destination connection id */
	__u8 raw[8]; /* the first byte, and four at number_at, with header protection */
	/* of the decrypted payload */
	__u32 at, end;
	__u64 number; /* last variable-length integer */
	__u64 crypto_at, crypto_length; /* of the current CRYPTO frame; its data is at `at` */
	__u32 numbers; /* integers to skip in an ACK frame */
	struct sp_hmac hmac;
	struct sp_quic_keys keys; /* derived from this packet's destination id */
	struct sp_aes_block block;
	struct sp_ghash ghash;
	__u8 packet[SP_QUIC_PACKET_MAX + 64]; /* room for reads that begin at a masked offset */
};

static __always_inline __u64 sp_quic_word(const struct sp_quic_work *w, __u32 at)
{
	return sp_load64(w->packet + (at & (SP_QUIC_PACKET_MAX - 1)));
}

/* Reads the variable-length integer (RFC 9000 16) at w->at into w->number. Returns 0, or -1 if it is incomplete. */
__noinline int sp_quic_number(struct sp_quic_work *w, __u32 end)
{
	__u32 length;
	__u64 word;

	if (!w || w->at >= end || end > SP_QUIC_PACKET_MAX)
		return -1;
	word = __builtin_bswap64(sp_quic_word(w, w->at));
	length = 1 << (word >> 62);
	if (length > end - w->at)
		return -1;
	w->number = word << 2 >> 2 >> ((64 - 8 * length) & 63);
	w->at += length;
	return 0;
}

static __always_inline enum sp_quic_kind sp_quic_kind_of(__u8 first, __u32 version)
{
	__u8 type = first >> 4 & 3;

	if (sp_quic_is_v2(version)) /* RFC 9369 3.2 */
		type = (type - 1) & 3;
	switch (type) {
	case 0:
		return SP_QUIC_INITIAL;
	case 1:
		return SP_QUIC_EARLY;
	case 2:
		return SP_QUIC_HANDSHAKE;
	default:
		return SP_QUIC_RETRY;
	}
}

/* Reads the header at w->packet, of which w->length bytes are available and w->rest are in the datagram. Returns enum
 * sp_quic_kind. */
__noinline int sp_quic_header(struct sp_quic_work *w)
{
	enum sp_quic_kind kind;
	__u32 end, source_length;
	__u8 first;

	if (!w)
		return SP_QUIC_NONE;
	first = w->packet[0];
	end = w->length;
	if (end < 7 || end > SP_QUIC_PACKET_MAX || !(first & SP_QUIC_LONG))
		return SP_QUIC_NONE;
	w->version = sp_be32(w->packet + 1);
	w->packet_end = w->rest;
	kind = sp_quic_salt(w->version) < 0 ? SP_QUIC_UNKNOWN : sp_quic_kind_of(first, w->version);
	w->id.length = w->packet[5];
	if (w->id.length > SP_QUIC_CID_MAX || 6 + w->id.length >= end)
		return kind == SP_QUIC_UNKNOWN ? SP_QUIC_NONE : SP_QUIC_BROKEN;
#pragma unroll
	for (__u32 i = 0; i < 24; i++)
		w->id.bytes[i] = i < w->id.length ? w->packet[6 + i] : 0;
	w->at = 6 + w->id.length;
	source_length = w->packet[w->at & (SP_QUIC_PACKET_MAX - 1)];
	w->at += 1 + source_length;
	if (source_length > SP_QUIC_CID_MAX || w->at > end)
		return kind == SP_QUIC_UNKNOWN ? SP_QUIC_NONE : SP_QUIC_BROKEN;
	if (kind == SP_QUIC_UNKNOWN || kind == SP_QUIC_RETRY)
		return kind;
	if (kind == SP_QUIC_INITIAL) {
		if (sp_quic_number(w, end) || w->number > end - w->at)
			return SP_QUIC_BROKEN;
		w->at += w->number; /* the token */
	}
	if (sp_quic_number(w, end) || w->number > w->rest - w->at)
		return SP_QUIC_BROKEN;
	w->number_at = w->at;
	w->packet_end = w->at + w->number;
	if (kind == SP_QUIC_INITIAL && (w->packet_end > end || w->number < 4 + SP_QUIC_TAG))
		return SP_QUIC_BROKEN;
	w->raw[0] = first;
#pragma unroll
	for (__u32 i = 0; i < 4; i++)
		w->raw[1 + i] = w->packet[(w->number_at + i) & (SP_QUIC_PACKET_MAX - 1)];
	return kind;
}

/* --- AES-128-GCM (RFC 5116 5.1) --- */

struct sp_quic_gcm {
	struct sp_quic_work *w;
	const struct sp_quic_keys *keys;
	__u32 from, to;
	__u32 nonce; /* its last word */
};

static long sp_quic_hash_step(__u32 i, void *state)
{
	struct sp_quic_gcm *g = state;
	__u32 at = g->from + i * 16, left = g->to - at;
	__u64 high, low;

	if (at >= g->to)
		return 1;
	high = __builtin_bswap64(sp_quic_word(g->w, at));
	low = __builtin_bswap64(sp_quic_word(g->w, at + 8));
	if (left <= 8) {
		low = 0;
		high &= ~0ULL << ((64 - 8 * left) & 63);
	} else if (left < 16) {
		low &= ~0ULL << ((128 - 8 * left) & 63);
	}
	sp_ghash_take(&g->w->ghash, high, low);
	return 0;
}

static __always_inline void sp_quic_counter(const struct sp_quic_gcm *g, __u32 counter)
{
	g->w->block.word[0] = g->keys->iv[0];
	g->w->block.word[1] = g->keys->iv[1];
	g->w->block.word[2] = g->nonce;
	g->w->block.word[3] = __builtin_bswap32(counter);
	sp_aes_encrypt(&g->keys->packet, &g->w->block);
}

static __always_inline void sp_quic_xor(struct sp_quic_work *w, __u32 at, __u64 word)
{
	sp_store64(w->packet + (at & (SP_QUIC_PACKET_MAX - 1)), sp_quic_word(w, at) ^ word);
}

static long sp_quic_cipher_step(__u32 i, void *state)
{
	struct sp_quic_gcm *g = state;
	__u32 at = g->from + i * 16;

	if (at >= g->to)
		return 1;
	sp_quic_counter(g, i + 2);
	sp_quic_xor(g->w, at, (__u64)g->w->block.word[1] << 32 | g->w->block.word[0]);
	sp_quic_xor(g->w, at + 8, (__u64)g->w->block.word[3] << 32 | g->w->block.word[2]);
	return 0;
}

/* Removes header protection (RFC 9001 5.4). Returns the offset of the payload. */
static __always_inline __u32 sp_quic_unprotect(struct sp_quic_work *w, const struct sp_quic_keys *keys, __u32 *number)
{
	__u64 sample[2] = {sp_quic_word(w, w->number_at + 4), sp_quic_word(w, w->number_at + 12)};
	__u32 length, mask;

	w->block.word[0] = sample[0];
	w->block.word[1] = sample[0] >> 32;
	w->block.word[2] = sample[1];
	w->block.word[3] = sample[1] >> 32;
	sp_aes_encrypt(&keys->header, &w->block);
	w->packet[0] = w->raw[0] ^ (w->block.word[0] & 0xf);
	length = (w->packet[0] & 3) + 1;
	mask = w->block.word[0] >> 8 | w->block.word[1] << 24;
	*number = 0;
#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		__u8 byte = w->raw[1 + i];

		if (i < length) {
			byte ^= mask >> i * 8;
			*number = *number << 8 | byte;
		}
		w->packet[(w->number_at + i) & (SP_QUIC_PACKET_MAX - 1)] = byte;
	}
	return w->number_at + length;
}

static __always_inline bool sp_quic_begin(struct sp_quic_work *w, const struct sp_quic_keys *keys,
					  struct sp_quic_gcm *g)
{
	__u32 number;

	if (w->packet_end > SP_QUIC_PACKET_MAX || w->number_at > w->packet_end)
		return false;
	g->w = w;
	g->keys = keys;
	g->from = sp_quic_unprotect(w, keys, &number);
	g->to = w->packet_end - SP_QUIC_TAG;
	g->nonce = keys->iv[2] ^ __builtin_bswap32(number);
	return g->from < g->to;
}

/* Returns 0 if the tag of the Initial packet fits these keys, otherwise -1. The packet number is used as sent, so a
 * client that has sent over 255 Initial packets is not read. */
__noinline int sp_quic_check(struct sp_quic_work *w, const struct sp_quic_keys *keys)
{
	struct sp_quic_gcm g = {};
	__u32 body, end;

	if (!w || !keys || !sp_quic_begin(w, keys, &g))
		return -1;
	body = g.from;
	end = g.to;
	w->ghash.high = w->ghash.low = 0;
	w->ghash.key_high = keys->hash_high;
	w->ghash.key_low = keys->hash_low;
	g.from = 0;
	g.to = body;
	bpf_loop(SP_QUIC_PACKET_MAX / 16, sp_quic_hash_step, &g, 0);
	g.from = body;
	g.to = end;
	bpf_loop(SP_QUIC_PACKET_MAX / 16, sp_quic_hash_step, &g, 0);
	sp_ghash_take(&w->ghash, (__u64)body * 8, (__u64)(end - body) * 8);
	sp_quic_counter(&g, 1);
	if ((__builtin_bswap64((__u64)w->block.word[1] << 32 | w->block.word[0]) ^ w->ghash.high) !=
	    __builtin_bswap64(sp_quic_word(w, end)))
		return -1;
	if ((__builtin_bswap64((__u64)w->block.word[3] << 32 | w->block.word[2]) ^ w->ghash.low) !=
	    __builtin_bswap64(sp_quic_word(w, end + 8)))
		return -1;
	return 0;
}

/* Decrypts a packet that fits these keys in place. The payload is then from w->at to w->end. */
__noinline int sp_quic_decrypt(struct sp_quic_work *w, const struct sp_quic_keys *keys)
{
	struct sp_quic_gcm g = {};

	if (!w || !keys || !sp_quic_begin(w, keys, &g))
		return -1;
	bpf_loop(SP_QUIC_PACKET_MAX / 16, sp_quic_cipher_step, &g, 0);
	w->at = g.from;
	w->end = g.to;
	return 0;
}

#endif
