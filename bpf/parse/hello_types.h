/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Constants of a ClientHello (RFC 8446 4.1.2), and the state of reading one. */
#ifndef SALLYPORT_PARSE_HELLO_TYPES_H
#define SALLYPORT_PARSE_HELLO_TYPES_H

#include "bytes.h"
#include "../wire/reader_state.h"

#define SP_HELLO_MAX 16384 /* of the message [bytes] */
/* largest plausible top byte of the length: the fields of a ClientHello hold no more */
#define SP_HELLO_LENGTH_TOP_MAX 2
#define SP_CLIENT_HELLO 1
#define SP_HELLO_HEAD 4 /* message type, length */
#define SP_HELLO_FIXED (2 + 32) /* legacy_version, random */
#define SP_EXTENSION_HEAD 4 /* type, length */
#define SP_SERVER_NAME_HEAD 3 /* name_type, length */
/* IANA "TLS ExtensionType Values" */
#define SP_EXTENSION_SERVER_NAME 0
#define SP_EXTENSION_EARLY_DATA 42
#define SP_EXTENSION_ECH 0xfe0d /* RFC 9849: encrypted_client_hello */

enum sp_hello_stage {
	SP_AT_TYPE = 0,
	SP_AT_LENGTH_HIGH,
	SP_AT_LENGTH,
	SP_AT_SESSION,
	SP_AT_CIPHERS,
	SP_AT_COMPRESSION,
	SP_AT_EXTENSIONS,
	SP_AT_EXTENSION,
	SP_AT_NAMES,
	SP_AT_NAME,
	SP_AT_END,
};

enum sp_hello_seen { SP_SEEN_SERVER_NAME = 1, SP_SEEN_NAME = 2, SP_SEEN_CONTRADICTION = 4 };

struct sp_hello_walk {
	struct sp_bytes bytes;
	struct sp_hello_reader *hello;
	struct sp_text *text;
	struct sp_cursor *cursor; /* uses at, end, hello */
};

#endif
