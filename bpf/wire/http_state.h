/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* State of the HTTP/1 parser (parse/http.h) between two pieces of a request, and its results. Plain data, shared with
 * user space. */
#ifndef SALLYPORT_WIRE_HTTP_STATE_H
#define SALLYPORT_WIRE_HTTP_STATE_H

#include "event.h"

enum sp_http_state {
	SP_HTTP_START = 0, /* before a request; empty lines are skipped (RFC 9112 2.2) */
	SP_HTTP_METHOD,
	SP_HTTP_TARGET,
	SP_HTTP_SCHEME,
	SP_HTTP_PATH,
	SP_HTTP_VERSION,
	SP_HTTP_LINE_END,
	/* a name and its port, in the target or in Host */
	SP_HTTP_NAME,
	SP_HTTP_LITERAL, /* an IPv6 address in brackets */
	SP_HTTP_PORT,
	SP_HTTP_NAME_END,
	/* fields */
	SP_HTTP_LINE, /* at the start of a line */
	SP_HTTP_FIELD, /* in the name of a relevant field */
	SP_HTTP_SKIP, /* up to the end of the line */
	SP_HTTP_VALUE,
	SP_HTTP_LENGTH,
	SP_HTTP_LENGTH_END,
	SP_HTTP_CODING,
	/* lines around chunks */
	SP_HTTP_CHUNK,
	SP_HTTP_CHUNK_EXTENSION,
	SP_HTTP_CHUNK_END,
	SP_HTTP_TRAILER,
	SP_HTTP_TRAILER_SKIP,
	/* `left` bytes are skipped */
	SP_HTTP_BODY,
	SP_HTTP_CHUNK_DATA,
	SP_HTTP_STOPPED, /* malformed, or not HTTP */
};

enum sp_http_field { SP_FIELD_NONE = 0, SP_FIELD_HOST, SP_FIELD_LENGTH, SP_FIELD_CODING, SP_FIELD_UPGRADE };

/* Why a head is malformed. */
enum sp_http_reason {
	SP_HTTP_FINE = 0,
	SP_HTTP_TOO_LONG,
	SP_HTTP_BAD_LINE, /* the request line */
	SP_HTTP_BAD_CONTROL, /* NUL, or CR without LF */
	SP_HTTP_BAD_FIELD, /* white space before the colon, or a folded line */
	SP_HTTP_BAD_HOST, /* two Host fields, or one with text after its name and port */
	SP_HTTP_BAD_LENGTH, /* Content-Length and Transfer-Encoding, two of either, or one that is ambiguous */
	SP_HTTP_BAD_CHUNK,
};

enum sp_http_flag {
	SP_HTTP_SAW_CR = 1,
	SP_HTTP_IN_TARGET = 2, /* the current name is in the target */
	SP_HTTP_NAMED = 4, /* the target has a name, or Host was read */
	SP_HTTP_COMPARE = 8, /* the current name is the second one and is compared with the first */
	SP_HTTP_SAW_LENGTH = 16,
	SP_HTTP_CHUNKED = 32,
	SP_HTTP_OLD = 64, /* HTTP/1.0 */
	SP_HTTP_MAY_SWITCH = 128, /* after CONNECT or Upgrade another protocol may follow */
};

/* All zero: before the first byte of a request. */
struct sp_http_reader {
	__u64 left; /* unread bytes of the body or of the chunk */
	__u16 head; /* bytes of the head so far */
	__u16 at; /* position in the word that is being matched */
	__u8 state; /* enum sp_http_state */
	__u8 flags; /* enum sp_http_flag */
	__u8 field; /* enum sp_http_field */
	__u8 reason; /* enum sp_http_reason */
	__u8 kept; /* a request was read before, so the next bytes must be one too */
	__u8 reserved[7];
}; /* 24 bytes */

enum sp_http_result {
	SP_HTTP_MORE = 0, /* all bytes were read */
	SP_HTTP_REQUEST, /* a head is complete and the text is valid; call again for the rest */
	SP_HTTP_SWITCHED, /* after CONNECT or Upgrade: the rest is not HTTP/1 */
	SP_HTTP_OTHER, /* not HTTP/1 from the start; text.flags may have SP_REQUEST_H2C */
	SP_HTTP_BROKEN, /* malformed, see reader.reason; the rest cannot be parsed */
};

/* All zero: before the first byte of a response. */
struct sp_http_answer {
	__u16 status;
	__u8 at, reserved;
};

#endif
