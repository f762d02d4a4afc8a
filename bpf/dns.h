/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* DNS messages over UDP (RFC 1035 4.1). Pure functions over bytes: any bytes give a result or a reason. */
#ifndef SALLYPORT_DNS_H
#define SALLYPORT_DNS_H

#include "bytes.h"
#include "event.h"

#define SP_DNS_HEADER 12
#define SP_DNS_RESPONSE 0x8000
#define SP_DNS_TRUNCATED 0x0200
#define SP_DNS_A 1
#define SP_DNS_AAAA 28
#define SP_DNS_CLASS_IN 1
#define SP_DNS_STEPS 1024 /* labels and records walked in one answer: more than fit into 4 kB */

struct sp_dns_head {
	__u16 id, flags, questions, answers;
};

struct sp_dns_name_reader {
	__u8 wire[SP_NAME_MAX];
	__u32 at, left, length;
	__u8 done, bad, reserved[6];
};

static __always_inline int sp_dns_head(const struct sp_bytes *bytes, __u32 at, struct sp_dns_head *head)
{
	__u8 raw[SP_DNS_HEADER];

	if (sp_read(bytes, at, raw, sizeof(raw)))
		return -1;
	head->id = sp_be16(raw);
	head->flags = sp_be16(raw + 2);
	head->questions = sp_be16(raw + 4);
	head->answers = sp_be16(raw + 6);
	return 0;
}

struct sp_dns_name_walk {
	struct sp_dns_name_reader *reader;
	char *to;
};

static long sp_dns_name_step(__u32 i, void *state)
{
	struct sp_dns_name_walk *w = state;
	struct sp_dns_name_reader *r = w->reader;
	__u8 c = r->wire[i % SP_NAME_MAX];

	r->at = i + 1;
	if (r->left == 0) { /* a length; compression (RFC 1035 4.1.4) has no place in a first name */
		if (c == 0) {
			r->done = 1;
			return 1;
		}
		if (c > 63) {
			r->bad = 1;
			return 1;
		}
		r->left = c;
		if (i > 0)
			w->to[r->length++ % SP_NAME_MAX] = '.';
		return 0;
	}
	if (c == '.') /* a dot inside a label would read as two labels */
		r->bad = 1;
	r->left--;
	w->to[r->length++ % SP_NAME_MAX] = c;
	return 0;
}

/* Read the name of the first question at `at` into `to` (SP_NAME_MAX bytes), dots between labels; r->length bytes. Returns the
 * offset behind it, or 0 if it cannot be read. The root has length 0. */
static __always_inline __u32 sp_dns_name(const struct sp_bytes *bytes, __u32 at, struct sp_dns_name_reader *r, char *to)
{
	struct sp_dns_name_walk walk = {.reader = r, .to = to};
	__u32 count = bytes->end > at ? bytes->end - at : 0;

	r->at = r->left = r->length = 0;
	r->done = r->bad = 0;
	if (count > SP_NAME_MAX)
		count = SP_NAME_MAX;
	/* before Linux 6.8 the verifier does not learn from count == 0 that it is 1 at least */
	if (count == 0 || sp_read(bytes, at, r->wire, ((count - 1) & (SP_NAME_MAX - 1)) + 1))
		return 0;
	sp_loop(count, sp_dns_name_step, &walk);
	return r->done && !r->bad ? at + r->at : 0;
}

enum sp_dns_step { SP_DNS_MORE, SP_DNS_ADDRESS, SP_DNS_END, SP_DNS_BROKEN };

struct sp_dns_walk {
	__u32 at, records; /* records left */
	__u32 ttl;
	__u8 address[16];
};

/* One step through the answer section: a label of an owner's name, or a record. SP_DNS_ADDRESS leaves address and ttl. */
static __always_inline enum sp_dns_step sp_dns_next(const struct sp_bytes *bytes, struct sp_dns_walk *w)
{
	static const __u8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	__u8 raw[10], label;
	__u16 type, length;
	__u32 data;

	if (w->records == 0)
		return SP_DNS_END;
	if (sp_read(bytes, w->at, &label, 1))
		return SP_DNS_BROKEN;
	if (label > 0 && label < 64) {
		w->at += 1 + label;
		return SP_DNS_MORE;
	}
	if (label > 0 && label < 0xc0)
		return SP_DNS_BROKEN;
	w->at += label ? 2 : 1;
	if (sp_read(bytes, w->at, raw, sizeof(raw)))
		return SP_DNS_BROKEN;
	type = sp_be16(raw);
	length = sp_be16(raw + 8);
	data = w->at + sizeof(raw);
	w->ttl = sp_be32(raw + 4);
	w->at = data + length;
	w->records--;
	if (sp_be16(raw + 2) != SP_DNS_CLASS_IN)
		return SP_DNS_MORE;
	if (type == SP_DNS_A && length == 4) {
		for (int i = 0; i < 12; i++)
			w->address[i] = mapped[i];
		return sp_read(bytes, data, w->address + 12, 4) ? SP_DNS_BROKEN : SP_DNS_ADDRESS;
	}
	if (type == SP_DNS_AAAA && length == 16)
		return sp_read(bytes, data, w->address, 16) ? SP_DNS_BROKEN : SP_DNS_ADDRESS;
	return SP_DNS_MORE;
}

#endif
