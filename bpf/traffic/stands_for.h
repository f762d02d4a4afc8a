/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The names that a DNS question stands for besides the one that it has. A resolver library appends search suffixes to
 * a name, and asks for the targets of SRV, HTTPS and SVCB records. A rule for the name that the program wants must hold
 * for these questions too. */
#ifndef SALLYPORT_TRAFFIC_STANDS_FOR_H
#define SALLYPORT_TRAFFIC_STANDS_FOR_H

#include "traffic.h"

#define SP_OTHER_NAMES_MAX 5 /* names that are tried for one question */
#define SP_SERVICE_LABELS 2 /* RFC 2782: "_http._tcp." */
#define SP_SERVICE_MAX 16 /* RFC 6335 5.1: 15 characters, and the underscore */

/* Reads a part of the name in area->name.raw, without storing it. The subject has its labels afterwards. */
__noinline __u64 sp_read_part(struct sp_scratch *area, __u32 begin, __u32 end)
{
	__u64 hash;

	if (!area)
		return 0;
	area->name.any = 1;
	area->name.begin = begin;
	hash = sp_name_read(&area->name, end);
	area->other.part = hash;
	if (hash)
		sp_keep_labels(&area->subject, hash, &area->name.entry);
	return hash;
}

/* Begins with the name in area->name.raw, which has just been read. */
static __always_inline void sp_other_names_begin(struct sp_scratch *area, __u32 length)
{
	area->other.asked = area->subject.name_hash;
	area->other.length = length;
	area->other.part = 0;
	area->other.labels = area->name.labels;
	area->other.step = SP_OTHER_TARGET;
	area->other.suffixes = 0;
	area->other.shortened = 0;
}

/* The name that has the asked name as the target of a record. */
static __always_inline __u64 sp_name_of_target(struct sp_scratch *area)
{
	struct sp_target_key key = {.name = area->other.asked, .netns = area->subject.netns};
	struct sp_target *target = bpf_map_lookup_elem(&targets, &key);

	return target && target->expires > bpf_ktime_get_coarse_ns() ? target->stands_for : 0;
}

/* Returns the offset of the name behind "_service._tcp." or "_service._udp." in a question of type SRV; 0: none. */
static __always_inline __u32 sp_service_end(const struct sp_scratch *area)
{
	const char *raw = area->name.raw;
	__u32 at = area->name.ends[0];

	if (area->named.query_type != SP_DNS_SRV || area->other.labels <= SP_SERVICE_LABELS)
		return 0;
	if (raw[0] != '_' || at > SP_SERVICE_MAX)
		return 0;
	if (raw[at + 1] != '_' || ((raw[at + 2] | 0x20) != 't' && (raw[at + 2] | 0x20) != 'u') ||
	    area->name.ends[1] != at + 5)
		return 0;
	return at + 6;
}

/* Sets a bit for each number of rightmost labels that are a known suffix. Its leftmost label may be "*". */
static __always_inline void sp_find_suffixes(struct sp_scratch *area)
{
	struct sp_subject *s = &area->subject;
	struct sp_hash *hash = &s->hash, starred;
	__u64 key;

	if (area->other.labels > SP_LABELS_MAX)
		return;
	sp_hash_begin(hash, area->name.key);
#pragma clang loop unroll(disable)
	for (__u32 count = 1; count < SP_LABELS_MAX; count++) {
		if (count >= area->other.labels)
			break;
		hash->length = count;
		if (count > 1) {
			starred = *hash;
			sp_hash_word(&starred, '*');
			starred.word = 1U << (count - 1);
			key = sp_hash_end(&starred);
			if (bpf_map_lookup_elem(&suffixes, &key))
				area->other.suffixes |= 1U << count;
		}
		sp_hash_word(hash, s->label[(area->other.labels - count) % SP_LABELS_MAX]);
		key = sp_hash_end(hash);
		if (bpf_map_lookup_elem(&suffixes, &key))
			area->other.suffixes |= 1U << count;
	}
}

/* Returns the length of the name without the longest known suffix that was not tried yet; 0: none. */
static __always_inline __u32 sp_next_length(struct sp_scratch *area)
{
#pragma clang loop unroll(disable)
	for (__u32 count = SP_LABELS_MAX - 1; count > 0; count--) {
		if (!(area->other.suffixes >> count & 1))
			continue;
		area->other.suffixes &= ~(1U << count);
		/* reading a beginning of the name leaves the ends of its labels as they were */
		return area->name.ends[(area->other.labels - count - 1) % SP_LABELS_MAX];
	}
	return 0;
}

/* Finds the next name: the subject's name_hash if that is not 0, else a part of the name for sp_read_part(). Returns 0
 * if there is none. Reading is left to the caller, to save a frame. */
__noinline int sp_other_name(struct sp_scratch *area)
{
	struct sp_other_names *other;

	if (!area)
		return 0;
	other = &area->other;
	other->begin = 0;
	other->end = other->length;
	area->subject.name_hash = 0;
	if (other->step == SP_OTHER_TARGET) {
		sp_find_suffixes(area);
		other->service = sp_service_end(area);
		other->step = SP_OTHER_SERVICE;
		area->subject.name_hash = sp_name_of_target(area);
		if (area->subject.name_hash)
			return 1;
	}
	if (other->step == SP_OTHER_SERVICE) {
		other->step = SP_OTHER_SUFFIX;
		other->begin = other->service;
		if (other->begin)
			return 1;
	}
	other->end = sp_next_length(area);
	return other->end != 0;
}

/* Finds the beginning of a name that a rule decided itself, without the longest known suffix: the short name that a
 * program looks up with a search list, and shows later. Returns its length for sp_read_part(); 0: none. Addresses only,
 * because the target of a record stands for the name that has the record. */
__noinline __u32 sp_short_name(struct sp_scratch *area)
{
	if (!area || area->subject.reason != SP_BY_RULE || area->subject.name_hash != area->other.asked)
		return 0;
	if (area->named.query_type != SP_DNS_A && area->named.query_type != SP_DNS_AAAA)
		return 0;
	sp_find_suffixes(area);
	return sp_next_length(area);
}

/* Leaves in area->question.stands_for the name that a rule decided; 0: none. The addresses and targets in the answer
 * belong to it too. For a service it is always the name behind the service, which the client shows later. */
__noinline int sp_other_names_end(struct sp_scratch *area)
{
	__u64 name;
	__u32 at;

	if (!area)
		return 0;
	name = area->subject.name_hash;
	area->subject.name_hash = area->other.asked;
	area->question.stands_for = 0;
	if (area->subject.reason != SP_BY_RULE)
		return 0;
	at = name == area->other.asked ? sp_service_end(area) : 0;
	if (at)
		name = sp_read_part(area, at, area->other.length);
	else if (area->other.shortened)
		name = area->other.part;
	if (name == area->other.part)
		sp_remember_name(area, name);
	area->question.stands_for = name;
	return 0;
}

#endif
