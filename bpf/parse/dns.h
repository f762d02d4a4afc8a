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
#define SP_DNS_TEXT_MAX 253 /* RFC 1035 2.3.4: 255 octets on the wire */
#define SP_DNS_STEPS 4096 /* labels, records and parameters walked in one answer: more than 64 kB hold but by intent */

enum sp_dns_type { SP_DNS_A = 1, SP_DNS_AAAA = 28, SP_DNS_SVCB = 64, SP_DNS_HTTPS = 65 };

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

/* --- questions --- */

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
	if (c >= 0xc0) {
		if (r->next >= r->size)
			return 1;
		target = (c & 0x3f) << 8 | r->wire[r->next++ % SP_DNS_WIRE];
		if (r->behind == 0)
			r->behind = r->next;
		r->bad = target >= r->low;
		r->low = r->next = target;
		return r->bad;
	}
	if (c > 63 || r->length + c + 1 > SP_DNS_TEXT_MAX + (r->length == 0)) {
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
	/* before Linux 6.8 the verifier does not learn from count < 12 that it is 1 at least */
	if (count < SP_DNS_HEADER || sp_read(bytes, at, r->wire, ((count - 1) & (SP_DNS_WIRE - 1)) + 1))
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
	sp_loop(SP_DNS_WIRE, sp_dns_name_step, &walk);
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

/* --- records of an answer --- */

enum sp_dns_step { SP_DNS_MORE, SP_DNS_ADDRESS, SP_DNS_END, SP_DNS_BROKEN };

enum sp_dns_part { SP_DNS_RECORDS = 0, SP_DNS_TARGET, SP_DNS_PARAMS, SP_DNS_HINT4, SP_DNS_HINT6 };

/* Only the answer section is walked, and whose address a record is does not matter: all of it stands for the question's name. The
 * additional section belongs to others (name servers, mail hosts), and resolving libraries do not hand it to programs. */
struct sp_dns_walk {
	__u32 at, records; /* records left */
	__u32 ttl;
	__u32 data_end; /* of the record that is being read */
	__u32 hint_end;
	__u16 key; /* the parameter before, plus 1 */
	__u8 part; /* enum sp_dns_part */
	__u8 reserved;
	__u8 address[16];
};

static __always_inline int sp_dns_address4(const struct sp_bytes *bytes, struct sp_dns_walk *w, __u32 at)
{
	for (int i = 0; i < 12; i++)
		w->address[i] = i < 10 ? 0 : 0xff;
	return sp_read(bytes, at, w->address + 12, 4);
}

static __always_inline enum sp_dns_step sp_dns_leave(struct sp_dns_walk *w)
{
	w->part = SP_DNS_RECORDS;
	w->at = w->data_end;
	return SP_DNS_MORE;
}

/* The target's name (RFC 9460 2.2: never compressed), a parameter, or an address of a hint. A record that contradicts itself is
 * left where it does; nothing is read behind its end. */
static __always_inline enum sp_dns_step sp_dns_service(const struct sp_bytes *bytes, struct sp_dns_walk *w)
{
	__u32 size = w->part == SP_DNS_HINT6 ? 16 : 4, length;
	__u8 raw[4], label;
	__u16 key;

	if (w->part == SP_DNS_TARGET) {
		if (w->at >= w->data_end || sp_read(bytes, w->at, &label, 1) || label > 63)
			return sp_dns_leave(w);
		w->at += 1 + label;
		if (label == 0)
			w->part = SP_DNS_PARAMS;
		return SP_DNS_MORE;
	}
	if (w->part == SP_DNS_PARAMS) {
		if (w->at + sizeof(raw) > w->data_end || sp_read(bytes, w->at, raw, sizeof(raw)))
			return sp_dns_leave(w);
		key = sp_be16(raw);
		length = sp_be16(raw + 2);
		w->at += sizeof(raw);
		if (w->at + length > w->data_end || key < w->key) /* keys ascend, none stands twice */
			return sp_dns_leave(w);
		w->key = key + 1;
		w->hint_end = w->at + length;
		if (key == 4 && length % 4 == 0)
			w->part = SP_DNS_HINT4;
		else if (key == 6 && length % 16 == 0)
			w->part = SP_DNS_HINT6;
		else
			w->at = w->hint_end;
		return SP_DNS_MORE;
	}
	if (w->at + size > w->hint_end) {
		w->at = w->hint_end;
		w->part = SP_DNS_PARAMS;
		return SP_DNS_MORE;
	}
	w->at += size;
	if (size == 4 ? sp_dns_address4(bytes, w, w->at - size) : sp_read(bytes, w->at - size, w->address, 16))
		return SP_DNS_BROKEN;
	return SP_DNS_ADDRESS;
}

/* RFC 2181 8: with the highest bit set it is 0. */
static __always_inline __u32 sp_dns_ttl(const __u8 *raw)
{
	return raw[0] & 0x80 ? 0 : sp_be32(raw);
}

/* One step through the answer section: a label of an owner's name, a record, or a part of one. SP_DNS_ADDRESS leaves address and
 * ttl. */
static __always_inline enum sp_dns_step sp_dns_next(const struct sp_bytes *bytes, struct sp_dns_walk *w)
{
	__u8 raw[10], priority[2], label;
	__u16 type, length;
	__u32 data;

	if (w->part != SP_DNS_RECORDS)
		return sp_dns_service(bytes, w);
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
	w->ttl = sp_dns_ttl(raw + 4);
	w->at = w->data_end = data + length;
	w->records--;
	if (sp_be16(raw + 2) != SP_DNS_CLASS_IN)
		return SP_DNS_MORE;
	if (type == SP_DNS_A && length == 4)
		return sp_dns_address4(bytes, w, data) ? SP_DNS_BROKEN : SP_DNS_ADDRESS;
	if (type == SP_DNS_AAAA && length == 16)
		return sp_read(bytes, data, w->address, 16) ? SP_DNS_BROKEN : SP_DNS_ADDRESS;
	/* RFC 9460 2.4.2: priority 0 is an alias, and has no parameters */
	if ((type == SP_DNS_SVCB || type == SP_DNS_HTTPS) && length > 2 && sp_read(bytes, data, priority, 2) == 0 &&
	    sp_be16(priority) != 0) {
		w->at = data + 2;
		w->key = 0;
		w->part = SP_DNS_TARGET;
	}
	return SP_DNS_MORE;
}

/* --- over TCP --- */

/* Where we are in a stream of messages, each with its length in two bytes in front (RFC 1035 4.2.2). All zero: the start. */
struct sp_dns_stream {
	__u16 length; /* of the message */
	__u16 have; /* bytes of it that are read */
	__u8 framed; /* bytes of the length that are read: 2 when it is known */
	__u8 delivered; /* its beginning was handed out */
	__u8 reserved[2];
};

enum sp_dns_stream_result {
	SP_DNS_STREAM_MORE, /* nothing yet. Call again while *at < end */
	SP_DNS_STREAM_MESSAGE, /* the beginning of a message is in `wire`, sp_dns_stream_wire() bytes. Call again for what follows */
	SP_DNS_STREAM_OTHER, /* it is no DNS question; the position is no longer known */
};

static __always_inline __u32 sp_dns_stream_wire(const struct sp_dns_stream *s)
{
	return s->length < SP_DNS_WIRE ? s->length : SP_DNS_WIRE;
}

static __always_inline void sp_dns_stream_frame(struct sp_dns_stream *s, const struct sp_bytes *bytes, __u32 *at, __u32 end)
{
	__u8 byte;

	for (int i = 0; i < 2; i++) {
		if (s->framed == 2 || *at >= end || sp_read(bytes, *at, &byte, 1))
			return;
		s->length = s->length << 8 | byte;
		s->framed++;
		*at += 1;
	}
}

/* Read on in [*at, end), in order, in pieces of any size. A message is handed out once its first SP_DNS_WIRE bytes, or all of
 * it, are there; garbage as soon as its head is. `wire` has 2 * SP_DNS_WIRE bytes, for the verifier's sake. */
static __always_inline enum sp_dns_stream_result sp_dns_stream_read(struct sp_dns_stream *s, __u8 *wire, const struct sp_bytes *bytes,
								    __u32 *at, __u32 end)
{
	struct sp_dns_head head;
	__u32 wanted, count;

	if (s->delivered && s->have >= s->length)
		__builtin_memset(s, 0, sizeof(*s));
	sp_dns_stream_frame(s, bytes, at, end);
	if (s->framed < 2)
		return SP_DNS_STREAM_MORE;
	if (s->length < SP_DNS_HEADER)
		return SP_DNS_STREAM_OTHER;
	count = end - *at;
	if (!s->delivered) {
		wanted = sp_dns_stream_wire(s) - s->have;
		if (count > wanted)
			count = wanted;
		if (count > 0 && sp_read(bytes, *at, wire + (s->have & (SP_DNS_WIRE - 1)), ((count - 1) & (SP_DNS_WIRE - 1)) + 1))
			return SP_DNS_STREAM_OTHER;
		*at += count;
		s->have += count;
		if (s->have >= SP_DNS_HEADER) {
			sp_dns_head_of(wire, &head);
			if (!sp_dns_is_question(&head))
				return SP_DNS_STREAM_OTHER;
		}
		if (s->have < sp_dns_stream_wire(s))
			return SP_DNS_STREAM_MORE;
		s->delivered = 1;
		return SP_DNS_STREAM_MESSAGE;
	}
	if (count > (__u32)(s->length - s->have))
		count = s->length - s->have;
	*at += count;
	s->have += count;
	return SP_DNS_STREAM_MORE;
}

#endif
