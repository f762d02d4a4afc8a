/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* DNS messages (RFC 1035 4.1), in a packet or in memory. Pure functions over bytes: any bytes give a result or a reason. */
#ifndef SALLYPORT_PARSE_DNS_H
#define SALLYPORT_PARSE_DNS_H

#include "bytes.h"
#include "../wire/event.h"

#define SP_DNS_HEADER 12
#define SP_DNS_RESPONSE 0x8000
#define SP_DNS_OPCODE 0x7800
#define SP_DNS_TRUNCATED 0x0200
#define SP_DNS_CLASS_IN 1
#define SP_DNS_WIRE 512 /* of a message's beginning, in which its questions are read; a power of two */
#define SP_DNS_QUESTIONS_MAX 8 /* in one message; no client asks more than one */
#define SP_DNS_LABEL_MAX 63 /* RFC 1035 2.3.4 */
#define SP_DNS_POINTER 0xc0 /* RFC 1035 4.1.4: the two high bits of a label's length */
#define SP_DNS_TEXT_MAX 253 /* RFC 1035 2.3.4: 255 octets on the wire */
#define SP_DNS_STEPS 4096 /* labels, records and parameters walked in one answer: more than 64 kB hold but by intent */

enum sp_dns_type { SP_DNS_A = 1, SP_DNS_AAAA = 28, SP_DNS_SVCB = 64, SP_DNS_HTTPS = 65 };
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

/* Can this be the head of a question? What else is sent to port 53 (TLS, HTTP, SSH) fails here already. */
static __always_inline bool sp_dns_is_question(const struct sp_dns_head *head)
{
	if (head->flags & SP_DNS_RESPONSE || head->questions == 0 || head->questions > SP_DNS_QUESTIONS_MAX)
		return false;
	return head->flags & SP_DNS_OPCODE || head->answers == 0; /* an update has records in front of its own (RFC 2136) */
}

/* The beginning of a message, and where in it we are. */
struct sp_dns_reader {
	__u8 wire[SP_DNS_WIRE];
	__u32 size; /* bytes of wire that are there */
	__u32 at; /* the next question */
	/* of the name that is being read */
	__u32 next, behind; /* behind: the name's first pointer; 0: none yet */
	__u32 low; /* a pointer must lead in front of this */
	__u32 left, length; /* of the label; of the text */
	__u8 done, bad, reserved[2];
};

struct sp_dns_name_walk {
	struct sp_dns_reader *reader;
	char *to;
};

/* A byte of the name. Pointers (RFC 1035 4.1.4) lead strictly backwards, so there is an end to them; clients use none, but a
 * server would follow. */
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
		/* A dot inside a label would read as two labels; no pattern has a backslash. */
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
	__u32 length; /* of the name; the root has 0 */
};

/* Take the first `size` bytes of a message; what is longer than the wire is left out. -1 if they are not there. */
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

/* Read the next question, its name into `to` (SP_NAME_MAX bytes) with dots between labels. -1 if it cannot be read. */
static __always_inline int sp_dns_question(struct sp_dns_reader *r, char *to, struct sp_dns_question *question)
{
	struct sp_dns_name_walk walk = {.reader = r, .to = to};
	__u8 raw[4];

	r->next = r->low = r->at;
	r->behind = r->left = r->length = 0;
	r->done = r->bad = 0;
	bpf_loop(SP_DNS_WIRE, sp_dns_name_step, &walk, 0);
	if (!r->done || r->bad)
		return -1;
	r->at = r->behind ? r->behind : r->next;
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
