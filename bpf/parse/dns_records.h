/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Addresses in the answer section of a DNS message. Pure functions over bytes. */
#ifndef SALLYPORT_PARSE_DNS_RECORDS_H
#define SALLYPORT_PARSE_DNS_RECORDS_H

#include "dns.h"

enum sp_dns_step { SP_DNS_MORE, SP_DNS_ADDRESS, SP_DNS_NAME, SP_DNS_END, SP_DNS_BROKEN };

enum sp_dns_part { SP_DNS_RECORDS = 0, SP_DNS_TARGET, SP_DNS_PARAMS, SP_DNS_HINT4, SP_DNS_HINT6 };

/* Position in the answer section. The owner of a record does not matter: every address belongs to the name in the
 * question. The additional section is not read. It describes other hosts (name servers, mail), and resolver libraries
 * do not return it to programs. */
struct sp_dns_walk {
	__u32 at, records; /* records: unread */
	__u32 ttl;
	__u32 data_end; /* of the current record */
	__u32 target; /* offset of the name of another host in it */
	__u32 hint_end;
	__u16 key; /* previous parameter plus 1 */
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

/* Reads the target name (RFC 9460 2.2: never compressed), a parameter, or an address of a hint. A record that
 * contradicts itself is left at that point, and nothing is read after its end. */
static __always_inline enum sp_dns_step sp_dns_service(const struct sp_bytes *bytes, struct sp_dns_walk *w)
{
	__u32 size = w->part == SP_DNS_HINT6 ? 16 : 4, length;
	__u8 raw[4], label;
	__u16 key;

	if (w->part == SP_DNS_TARGET) {
		if (w->at >= w->data_end || sp_read(bytes, w->at, &label, 1) || label > SP_DNS_LABEL_MAX)
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
		if (w->at + length > w->data_end || key < w->key) /* keys are strictly ascending */
			return sp_dns_leave(w);
		w->key = key + 1;
		w->hint_end = w->at + length;
		if (key == SP_DNS_IPV4HINT && length % 4 == 0)
			w->part = SP_DNS_HINT4;
		else if (key == SP_DNS_IPV6HINT && length % 16 == 0)
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

/* RFC 2181 8: a TTL with the highest bit set is 0. */
static __always_inline __u32 sp_dns_ttl(const __u8 *raw)
{
	return raw[0] & 0x80 ? 0 : sp_be32(raw);
}

/* Takes one step through the answer section: a label of an owner's name, a record, or a part of one. SP_DNS_ADDRESS
 * leaves the address and its TTL, SP_DNS_NAME the offset of the target of an SRV, HTTPS or SVCB record, and its TTL. */
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
	if (label > 0 && label <= SP_DNS_LABEL_MAX) {
		w->at += 1 + label;
		return SP_DNS_MORE;
	}
	if (label > 0 && label < SP_DNS_POINTER)
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
	if (type == SP_DNS_SRV && length > 6) { /* RFC 2782: priority, weight and port precede the target */
		w->target = data + 6;
		return SP_DNS_NAME;
	}
	if ((type != SP_DNS_SVCB && type != SP_DNS_HTTPS) || length <= 2 || sp_read(bytes, data, priority, 2))
		return SP_DNS_MORE;
	w->target = data + 2;
	if (sp_be16(priority) != 0) { /* RFC 9460 2.4.2: priority 0 is an alias without parameters */
		w->at = data + 2;
		w->key = 0;
		w->part = SP_DNS_TARGET;
	}
	return SP_DNS_NAME;
}

#endif
