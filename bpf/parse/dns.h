/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* DNS messages and their questions (RFC 1035 4.1), in a packet or in memory. Pure functions over bytes: any input gives
 * a result. */
#ifndef SALLYPORT_PARSE_DNS_H
#define SALLYPORT_PARSE_DNS_H

#include "bytes.h"
#include "../wire/event.h"

#define SP_DNS_HEADER 12
#define SP_DNS_RESPONSE 0x8000
#define SP_DNS_OPCODE 0x7800
#define SP_DNS_TRUNCATED 0x0200
#define SP_DNS_CLASS_IN 1
#define SP_DNS_RCODE 0x000f /* RFC 1035 4.1.1 */
#define SP_DNS_WIRE 512 /* of the beginning of a message, in which its questions are read [bytes]; a power of two */
#define SP_DNS_QUESTIONS_MAX 8 /* in one message; no known client sends more than one */
#define SP_DNS_LABEL_MAX 63 /* RFC 1035 2.3.4 */
#define SP_DNS_POINTER 0xc0 /* RFC 1035 4.1.4: the two high bits of a label's length */
#define SP_DNS_TEXT_MAX 253 /* RFC 1035 2.3.4: 255 octets on the wire */
#define SP_DNS_TARGETS_MAX 8 /* names of other hosts in one answer that are read */
#define SP_DNS_STEPS 4096 /* labels, records and parameters of one answer; only a hostile answer of 64 kB has more */

enum sp_dns_type { SP_DNS_A = 1, SP_DNS_AAAA = 28, SP_DNS_SRV = 33, SP_DNS_SVCB = 64, SP_DNS_HTTPS = 65 };
enum sp_dns_rcode { SP_DNS_NOERROR = 0, SP_DNS_SERVFAIL = 2, SP_DNS_NXDOMAIN = 3, SP_DNS_REFUSED = 5 };
enum sp_dns_param { SP_DNS_IPV4HINT = 4, SP_DNS_IPV6HINT = 6 }; /* RFC 9460 14.3.2 */

struct sp_dns_head {
	__u16 id, flags, questions, answers;
};

static __always_inline void sp_dns_head_of(const __u8 *raw, struct sp_dns_head *head)
{
	head->id = sp_be16(raw);
	head->flags = sp_be16(raw + 2);
	head->questions = sp_be16(raw + 4);
	head->answers = sp_be16(raw + 6);
}

static __always_inline int sp_dns_head(const struct sp_bytes *bytes, __u32 at, struct sp_dns_head *head)
{
	__u8 raw[SP_DNS_HEADER];

	if (sp_read(bytes, at, raw, sizeof(raw)))
		return -1;
	sp_dns_head_of(raw, head);
	return 0;
}

/* True if this can be the header of a question. Other protocols on port 53 (TLS, HTTP, SSH) fail here. */
static __always_inline bool sp_dns_is_question(const struct sp_dns_head *head)
{
	if (head->flags & SP_DNS_RESPONSE || head->questions == 0 || head->questions > SP_DNS_QUESTIONS_MAX)
		return false;
	/* an update has prerequisites before its own records (RFC 2136) */
	return head->flags & SP_DNS_OPCODE || head->answers == 0;
}

/* The beginning of a message, and the position in it. */
struct sp_dns_reader {
	__u8 wire[SP_DNS_WIRE];
	__u32 size; /* valid bytes in `wire` */
	__u32 at; /* offset of the next question */
	/* of the current name */
	__u32 next, behind; /* behind: end of the name before its first pointer; 0: no pointer yet */
	__u32 low; /* a pointer must lead to an offset below this */
	__u32 left, length; /* of the label; of the text */
	__u8 done, bad, reserved[2];
};

struct sp_dns_name_walk {
	struct sp_dns_reader *reader;
	char *to;
};

/* Reads a byte of the name. Pointers (RFC 1035 4.1.4) must lead strictly backwards, so they end. Clients send none, but
 * a server would follow them. */
static long sp_dns_name_step(__u32 i, void *state)
{
	struct sp_dns_name_walk *w = state;
	struct sp_dns_reader *r = w->reader;
	__u32 target;
	__u8 c;

	(void)i;
	if (r->next >= r->size)
		return 1;
	c = r->wire[r->next++ % SP_DNS_WIRE];
	if (r->left > 0) {
		r->left--;
		/* A dot within a label would look like two labels. No pattern has a backslash. */
		w->to[r->length++ % SP_NAME_MAX] = c == '.' ? '\\' : c;
		return 0;
	}
	if (c == 0) {
		r->done = 1;
		return 1;
	}
	if (c >= SP_DNS_POINTER) {
		if (r->next >= r->size)
			return 1;
		target = (c & ~SP_DNS_POINTER) << 8 | r->wire[r->next++ % SP_DNS_WIRE];
		if (r->behind == 0)
			r->behind = r->next;
		r->bad = target >= r->low;
		r->low = r->next = target;
		return r->bad;
	}
	if (c > SP_DNS_LABEL_MAX || r->length + c + 1 > SP_DNS_TEXT_MAX + (r->length == 0)) {
		r->bad = 1;
		return 1;
	}
	if (r->length > 0)
		w->to[r->length++ % SP_NAME_MAX] = '.';
	r->left = c;
	return 0;
}

struct sp_dns_question {
	__u16 type, class;
	__u32 length; /* of the name; 0 for the root */
};

/* Copies the beginning of a message, at most SP_DNS_WIRE bytes. Returns 0, or -1 if it is shorter than a header. */
static __always_inline int sp_dns_open(struct sp_dns_reader *r, const struct sp_bytes *bytes, __u32 at)
{
	__u32 count = bytes->end > at ? bytes->end - at : 0;

	if (count > SP_DNS_WIRE)
		count = SP_DNS_WIRE;
	r->size = count;
	r->at = SP_DNS_HEADER;
	if (count < SP_DNS_HEADER || sp_read(bytes, at, r->wire, sp_bounded(count, SP_DNS_WIRE)))
		return -1;
	return 0;
}

/* Reads the name at r->at into `to` (SP_NAME_MAX bytes) with dots between labels, and leaves its length in r->length.
 * Returns 0, or -1 if it is malformed. */
static __always_inline int sp_dns_name(struct sp_dns_reader *r, char *to)
{
	struct sp_dns_name_walk walk = {.reader = r, .to = to};

	r->next = r->low = r->at;
	r->behind = r->left = r->length = 0;
	r->done = r->bad = 0;
	bpf_loop(SP_DNS_WIRE, sp_dns_name_step, &walk, 0);
	if (!r->done || r->bad)
		return -1;
	r->at = r->behind ? r->behind : r->next;
	return 0;
}

/* Reads the next question, and its name into `to`. Returns 0, or -1 if it is malformed. */
static __always_inline int sp_dns_question(struct sp_dns_reader *r, char *to, struct sp_dns_question *question)
{
	__u8 raw[4];

	if (sp_dns_name(r, to))
		return -1;
	if (r->at + sizeof(raw) > r->size)
		return -1;
	for (__u32 i = 0; i < sizeof(raw); i++)
		raw[i] = r->wire[(r->at + i) % SP_DNS_WIRE];
	r->at += sizeof(raw);
	question->type = sp_be16(raw);
	question->class = sp_be16(raw + 2);
	question->length = r->length;
	return 0;
}

#endif
