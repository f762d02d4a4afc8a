/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The rules that the method, path and status of a request do not exclude. For the automaton see wire/policy.h, for the
 * normalisation of paths "Paths" in docs/deciding.md. */
#ifndef SALLYPORT_DECIDE_PATH_H
#define SALLYPORT_DECIDE_PATH_H

#include "vectors.h"
#include "unread.h"

struct sp_path_walk {
	const struct sp_policy_view *policy;
	struct sp_subject *subject;
	__u64 *many, *one; /* loops of "**" and "*" */
};

enum sp_segment { SP_SEGMENT_EMPTY = 0, SP_SEGMENT_DOT = 1, SP_SEGMENT_DOTS = 2, SP_SEGMENT_OTHER = 3 };

static __always_inline int sp_hex(__u8 c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 2.3 */
static __always_inline bool sp_is_unreserved(__u8 c)
{
	__u8 lower = c | 0x20;

	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

/* True for a character that some servers convert, so that the path they use is not known. */
static __always_inline bool sp_is_unclear(__u8 c)
{
	return c <= 0x20 || c >= 0x7f || c == '\\';
}

/* Decodes percent-encoding (RFC 3986 6.2.2): unreserved characters are decoded, and other encodings get upper-case
 * digits. */
static __always_inline __u8 sp_path_decode(struct sp_subject *s, __u32 at, __u8 c)
{
	struct sp_path_reader *w = &s->path_reader;
	const char *path = s->request.path;
	int high, low;
	__u8 byte;

	if (w->upper) {
		w->upper--;
		return c >= 'a' ? c - 0x20 : c;
	}
	if (c != '%')
		return c;
	high = at + 2 < w->end ? sp_hex(path[(at + 1) % SP_PATH_MAX]) : -1;
	low = sp_hex(path[(at + 2) % SP_PATH_MAX]);
	if (high < 0 || low < 0) {
		w->unclear |= !w->in_query;
		return c;
	}
	byte = high << 4 | low;
	if (sp_is_unreserved(byte)) {
		w->skip = 2;
		return byte;
	}
	w->unclear |= !w->in_query && (byte == '/' || byte == '\\' || byte < 0x20 || byte == 0x7f);
	w->upper = 2;
	return c;
}

static __always_inline void sp_path_segment_end(struct sp_path_reader *w)
{
	w->unclear |= w->segment == SP_SEGMENT_DOT || w->segment == SP_SEGMENT_DOTS;
}

/* Follows the segments of the path (RFC 3986 3.3). Returns true for a repeated slash, which is skipped. */
static __always_inline bool sp_path_follow(struct sp_path_reader *w, __u8 c)
{
	if (c == '/') {
		bool again = w->segment == SP_SEGMENT_EMPTY;

		sp_path_segment_end(w);
		w->segment = SP_SEGMENT_EMPTY;
		return again;
	}
	if (c == ';')
		sp_path_segment_end(w);
	w->segment = c == '.' && w->segment < SP_SEGMENT_OTHER ? w->segment + 1 : SP_SEGMENT_OTHER;
	w->unclear |= sp_is_unclear(c);
	return false;
}

enum { SP_PATH_NOTHING = 256, SP_PATH_QUERY = 257 };

/* Returns the character that byte `at` of the path stands for, SP_PATH_NOTHING if it belongs to an earlier one, or
 * SP_PATH_QUERY if the query begins. Global: verified once. */
__noinline int sp_path_character(struct sp_subject *s, __u32 at)
{
	struct sp_path_reader *r;
	__u8 c;

	if (!s)
		return SP_PATH_NOTHING;
	r = &s->path_reader;
	c = s->request.path[at % SP_PATH_MAX];
	if (r->skip) {
		r->skip--;
		return SP_PATH_NOTHING;
	}
	if (c == '?' && !r->in_query) {
		r->from = at;
		return SP_PATH_QUERY;
	}
	c = sp_path_decode(s, at, c);
	return !r->in_query && sp_path_follow(r, c) ? SP_PATH_NOTHING : c;
}

static long sp_path_step(__u32 i, void *state)
{
	struct sp_path_walk *w = state;
	struct sp_subject *s = w->subject;
	__u32 at = s->path_reader.from + i;
	__u64 carry = 0, next, in_segment, *chars;
	__u16 words = w->policy->head->path_words;
	int c;

	if (at >= s->path_reader.end)
		return 1;
	c = sp_path_character(s, at);
	if (c == SP_PATH_NOTHING)
		return 0;
	if (c == SP_PATH_QUERY)
		return 1;
	in_segment = sp_opaque64(c == '/' ? 0 : ~0ULL);
	chars = sp_row(w->policy->rows, w->policy->head->paths_row + SP_PATH_CHARS + (c & 0xff));
	if (!chars || !w->many || !w->one)
		return 1;
	sp_for_each_word(k, words) {
		__u64 loops = w->many[k] | (w->one[k] & in_segment);

		next = (s->path[k] << 1 | carry) & chars[k];
		carry = s->path[k] >> 63;
		s->path[k] = next | (s->path[k] & loops);
	}
	return 0;
}

struct sp_pattern_walk {
	const struct sp_policy_view *policy;
	struct sp_subject *subject;
	__u8 query; /* selects the patterns with "?", or those without */
	__u8 uncertain;
};

/* An unclear path matches no allow rule, and every other rule. */
static long sp_pattern_step(__u32 i, void *state)
{
	struct sp_pattern_walk *w = state;
	struct sp_subject *s = w->subject;
	__u32 row = w->policy->head->patterns_row + i / SP_PATTERNS_PER_ROW;
	struct sp_path_pattern *patterns = sp_row(w->policy->rows, row), *pattern;
	__u64 *words, allowing;

	if (!patterns)
		return 1;
	pattern = &patterns[i % SP_PATTERNS_PER_ROW];
	if (pattern->query != w->query)
		return 0;
	if (!w->uncertain &&
	    !(s->path[pattern->state / SP_WORD_BITS % SP_WORDS_MAX] >> pattern->state % SP_WORD_BITS & 1))
		return 0;
	words = sp_vector(w->policy, pattern->vector);
	if (!words)
		return 1;
	allowing = sp_opaque64(w->uncertain ? 0 : ~0ULL);
	sp_for_each_word(k, s->words)
		s->matches[k] |= words[k] & (~s->allow_rules[k] | allowing);
	return 0;
}

/* Runs the automaton from r->from to the query or, within the query, to its end. */
__noinline int sp_path_run(struct sp_subject *s)
{
	struct sp_policy_view p;
	struct sp_path_walk walk = {.policy = &p, .subject = s};

	if (!s || !sp_open(s, &p))
		return 0;
	walk.many = sp_row(p.rows, p.head->paths_row + SP_PATH_MANY);
	walk.one = sp_row(p.rows, p.head->paths_row + SP_PATH_ONE);
	bpf_loop(s->path_reader.end, sp_path_step, &walk, 0);
	return 0;
}

/* Leaves the rules whose patterns, with "?" or without, have matched in s->matches. */
__noinline int sp_path_ends(struct sp_subject *s, bool query, bool uncertain)
{
	struct sp_policy_view p;
	struct sp_pattern_walk ends = {.policy = &p, .subject = s, .query = query, .uncertain = uncertain};

	if (s && sp_open(s, &p))
		bpf_loop(p.head->path_patterns, sp_pattern_step, &ends, 0);
	return 0;
}

static __always_inline void sp_and_path(const struct sp_policy_view *p, struct sp_subject *s)
{
	__u64 *begin = sp_row(p->rows, p->head->paths_row + SP_PATH_BEGIN);
	struct sp_path_reader *r = &s->path_reader;
	bool cut = s->request.path_length > SP_PATH_MAX, uncertain;

	if (!begin)
		return;
	for (__u32 k = 0; k < SP_WORDS_MAX; k++)
		s->path[k] = begin[k];
	sp_copy(p, s, s->matches, SP_VEC_ANY_PATH);
	__builtin_memset(r, 0, sizeof(*r));
	r->segment = SP_SEGMENT_OTHER;
	r->end = cut ? SP_PATH_MAX : s->request.path_length;
	sp_path_run(s);
	sp_path_segment_end(r);
	uncertain = r->unclear || (cut && r->from == 0);
	sp_path_ends(s, false, uncertain);
	if (p->head->flags & SP_HAS_QUERY) {
		if (r->from) {
			r->in_query = 1;
			sp_path_run(s);
		}
		sp_path_ends(s, true, uncertain || cut);
	}
	sp_for_each_word(k, s->words)
		s->candidates[k] &= s->matches[k];
}

static long sp_method_step(__u32 i, void *state)
{
	struct sp_subject *s = *(struct sp_subject **)state;

	sp_hash_byte(&s->hash, s->request.method[i % SP_METHOD_MAX]);
	return 0;
}

static __always_inline __u32 sp_find_method(const struct sp_policy_view *p, struct sp_subject *s)
{
	if (s->request.method_length > SP_METHOD_MAX)
		return SP_VEC_ANY_METHOD;
	sp_hash_begin(&s->hash, p->head->hash_key);
	sp_hash_byte(&s->hash, 'm');
	bpf_loop(s->request.method_length, sp_method_step, &s, 0);
	return sp_lookup(s, sp_hash_end(&s->hash), SP_VEC_ANY_METHOD);
}

static __always_inline __u32 sp_find_status(const struct sp_policy_view *p, const struct sp_subject *s)
{
	__u32 status = s->request.status, *vectors;

	if (!status || status >= SP_STATUS_MAX)
		return SP_VEC_ANY_STATUS;
	vectors = sp_row(p->rows, p->head->status_row + status / SP_STATUSES_PER_ROW);
	return vectors ? vectors[status % SP_STATUSES_PER_ROW] : SP_VEC_NONE;
}

/* Applies method, path and status in phase http. */
__noinline int sp_and_request(struct sp_subject *s)
{
	struct sp_policy_view p;

	if (!s || !sp_open(s, &p))
		return 0;
	if (p.head->flags & SP_HAS_STATUS)
		sp_and(&p, s, sp_find_status(&p, s));
	if (s->flags & SP_JUDGE_UNREAD) {
		sp_and_unread(&p, s, SP_VEC_ANY_METHOD);
		sp_and_unread(&p, s, SP_VEC_ANY_PATH);
		return 0;
	}
	if (p.head->flags & SP_HAS_METHOD)
		sp_and(&p, s, sp_find_method(&p, s));
	if (p.head->flags & SP_HAS_PATH)
		sp_and_path(&p, s);
	return 0;
}

#endif
