/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* parse.h for DNS: one message, returned question by question and then address by address. */
#ifndef SALLYPORT_PARSE_PARSE_DNS_H
#define SALLYPORT_PARSE_PARSE_DNS_H

#include "dns_records.h"
#include "../wire/reader_state.h"

/* Working memory: see "state in memory" in wire/verifier.h. */
struct sp_parse_work {
	struct sp_dns_reader dns;
	struct sp_dns_walk walk;
	struct sp_hello_reader hello;
	struct sp_dtls_reader dtls;
};

struct sp_parse_records {
	struct sp_bytes bytes;
	struct sp_dns_walk *walk;
	enum sp_dns_step step;
};

static long sp_parse_record_step(__u32 i, void *state)
{
	struct sp_parse_records *w = state;

	(void)i;
	w->step = sp_dns_next(&w->bytes, w->walk);
	return w->step != SP_DNS_MORE && w->step != SP_DNS_NAME;
}

/* Returns the next address of the answer section. Offsets in the request count from the first byte of the message. */
static __always_inline enum sp_parse_dns_result sp_parse_record(struct sp_parse_dns *d, struct sp_dns_walk *walk,
								const struct sp_bytes *bytes, __u32 offset)
{
	struct sp_parse_records records = {.bytes = *bytes, .walk = walk, .step = SP_DNS_BROKEN};

	__builtin_memset(walk, 0, sizeof(*walk));
	walk->at = offset + d->at;
	walk->records = d->records;
	walk->ttl = d->ttl;
	walk->data_end = offset + d->data_end;
	walk->hint_end = offset + d->hint_end;
	walk->key = d->key;
	walk->part = d->part;
	bpf_loop(SP_DNS_STEPS, sp_parse_record_step, &records, 0);
	d->at = walk->at - offset;
	d->records = walk->records;
	d->ttl = walk->ttl;
	d->data_end = walk->data_end - offset;
	d->hint_end = walk->hint_end - offset;
	d->key = walk->key;
	d->part = walk->part;
	__builtin_memcpy(d->address, walk->address, sizeof(d->address));
	switch (records.step) {
	case SP_DNS_ADDRESS:
		return SP_PARSE_DNS_ADDRESS;
	case SP_DNS_END:
		return SP_PARSE_DNS_END;
	default:
		return SP_PARSE_DNS_BROKEN;
	}
}

static __always_inline enum sp_parse_dns_result sp_parse_question(struct sp_parse_dns *d, struct sp_text *text,
								  struct sp_dns_reader *reader)
{
	struct sp_dns_question question = {};

	reader->at = d->at;
	if (sp_dns_question(reader, text->name, &question))
		return SP_PARSE_DNS_BROKEN;
	d->at = reader->at;
	d->questions--;
	text->name_length = question.length;
	text->query_type = question.type;
	return SP_PARSE_DNS_QUESTION;
}

/* Reads the message bytes->[offset, bytes->end), with `work` as working memory. Call it until SP_PARSE_DNS_END or
 * _BROKEN. */
static __always_inline enum sp_parse_dns_result sp_parse_message(struct sp_parse_dns *d, struct sp_text *text,
								 struct sp_parse_work *work,
								 const struct sp_bytes *bytes, __u32 offset)
{
	struct sp_dns_head head;

	if (!d->begun || d->questions > 0) {
		if (sp_dns_open(&work->dns, bytes, offset))
			return SP_PARSE_DNS_BROKEN;
	}
	if (!d->begun) {
		sp_dns_head_of(work->dns.wire, &head);
		d->begun = 1;
		d->flags = head.flags;
		d->questions = head.questions;
		d->records = head.answers;
		d->at = SP_DNS_HEADER;
		text->query_id = head.id;
	}
	if (d->questions > 0)
		return sp_parse_question(d, text, &work->dns);
	return sp_parse_record(d, &work->walk, bytes, offset);
}

#endif
