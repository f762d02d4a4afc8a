/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* State of the parsers between two pieces of a message, and the request in which they are called (parse/parse.h). Plain
 * data, shared with user space. */
#ifndef SALLYPORT_WIRE_READER_STATE_H
#define SALLYPORT_WIRE_READER_STATE_H

#include "event.h"
#include "http_state.h"

#define SP_RECORD_HEAD 5

/* The text of a message, as sent. */
struct sp_text {
	__u16 name_length, method_length, path_length; /* as sent; the arrays hold the beginning */
	__u16 query_type, query_id; /* of a DNS question */
	__u16 status; /* of an HTTP response; 0: none */
	__u32 flags; /* enum sp_hello_flag */
	char name[SP_NAME_MAX]; /* SNI, Host, or the name of the first question with dots between labels */
	char method[SP_METHOD_MAX];
	char path[SP_PATH_MAX];
};

enum sp_hello_result {
	SP_HELLO_CUT, /* incomplete: continues after the available bytes */
	SP_HELLO_NAMED, /* complete, with a name in text.name */
	SP_HELLO_UNNAMED, /* complete, without server_name */
	SP_HELLO_BROKEN, /* contradicts itself, or is longer than SP_HELLO_MAX */
	SP_HELLO_NONE, /* another message */
	SP_HELLO_UNREAD, /* QUIC of an unknown version, or a TCP stream that cannot be read */
};

/* All zero: before the first byte. Next come `skip` bytes that are ignored, then `name_left` bytes of the name, then
 * the field that `stage` names. */
struct sp_hello_reader {
	__u8 stage, want, have, seen;
	__u8 field[4];
	__u32 skip;
	__u32 left; /* unread bytes of the message */
	__u16 extensions_left, extension_left; /* after the current field */
	__u16 name_left, reserved;
}; /* 24 bytes */

/* All zero: before the first record. */
struct sp_tls_reader {
	struct sp_hello_reader hello;
	__u8 record[SP_RECORD_HEAD];
	__u8 have; /* bytes of the record header */
	__u8 begun; /* the first byte of the ClientHello was read */
	__u8 hellos, early_data; /* complete ClientHellos so far; an earlier one offered early data */
	__u8 reserved[3];
	__u32 left; /* unread bytes of the record */
}; /* 40 bytes */

/* bytes in which it shows whether a ClientHello begins: up to its session id, in records of a byte; a power of two */
#define SP_SCAN_KEPT 256

/* Search for a ClientHello at any offset. All zero: before the first byte. */
struct sp_tls_scan {
	__u8 kept[SP_SCAN_KEPT]; /* ring of the bytes from its supposed beginning on */
	__u16 start, have, fed; /* index of the first byte, number of bytes, number of those that were compared */
	__u16 own; /* index + 1 of a byte that begins a record which is read anyway; 0: none */
	__u16 left; /* uncompared bytes of the record */
	__u8 head, body; /* bytes of the record's header and of the message that were compared */
	__u32 length; /* of the message */
}; /* 272 bytes */

/* What the server sent first after a ClientHello or request. */
enum sp_peer { SP_PEER_UNKNOWN = 0, SP_PEER_TLS, SP_PEER_HTTP };
/* The walk through a DTLS datagram. Offsets. */
struct sp_dtls_reader {
	__u32 at, record_end; /* record_end: of the current unencrypted handshake record */
	__u32 hello_at, hello_end; /* the ClientHello after its header; 0: none */
	__u32 scanned;
	__u16 records, beginnings; /* unencrypted handshake records, and what looks like the beginning of one */
	__u8 is_open; /* a record is unencrypted or has an unknown version */
	__u8 is_broken;
	__u8 reserved[2];
}; /* 28 bytes */

enum sp_reader_kind {
	SP_READER_START = 0,
	SP_READER_TLS,
	SP_READER_SSL2, /* RFC 5246 E.2: possibly a ClientHello in the format of SSL 2 */
	SP_READER_CLEARTEXT,
	SP_READER_HTTP,
	SP_READER_OVER,
};

/* All zero: no prefix. */
struct sp_prefix {
	__u8 stage; /* enum sp_prefix_stage in parse/prefix.h */
	__u8 has_name; /* SOCKS 4a: a name follows the user */
	__u8 at; /* position in the field, or the upper half of a length */
	__u8 reserved;
	__u16 skip; /* bytes before the field */
};

/* All zero: the start of the stream. */
struct sp_reader {
	__u8 kind; /* enum sp_reader_kind */
	__u8 is_cleartext; /* the stream contains something other than TLS */
	struct sp_prefix prefix; /* of cleartext */
	__u8 is_tunnel; /* after CONNECT or Upgrade, where the answer of the proxy says nothing about its other side */
	__u8 hides_hello; /* out: a ClientHello may begin within something else; the caller clears it */
	__u8 peer; /* in: enum sp_peer */
	__u8 is_watched; /* in: without limit, because a name that follows may be denied */
	__u32 watched; /* bytes read since the start, or since the last message */
	struct sp_tls_scan scan;
	union {
		struct sp_tls_reader tls;
		struct sp_http_reader http;
	};
}; /* 328 bytes */

enum sp_read_result {
	SP_READ_MORE, /* all bytes were read */
	SP_READ_HELLO, /* a ClientHello ended: text, and sp_cursor.hello for the result; call again */
	SP_READ_OTHER, /* not TLS, reported once; call again */
	SP_READ_REQUEST, /* a head of HTTP/1 in text, or SP_REQUEST_H2C or SP_REQUEST_BROKEN in its flags; call again */
	SP_READ_OVER, /* no name can follow */
	SP_READ_AGAIN, /* the protocol changed: call again */
};

enum sp_parse_kind {
	SP_PARSE_STREAM = 1, /* bytes from a TCP client, in order */
	SP_PARSE_QUIC = 2, /* a datagram from a UDP client */
	SP_PARSE_DNS = 3, /* a complete DNS message */
	SP_PARSE_HTTP = 4, /* only HTTP requests */
	SP_PARSE_ANSWER = 5, /* the beginning of an HTTP response */
	SP_PARSE_DTLS = 6, /* a datagram from a UDP client; only `hello` and `text` are returned */
};

/* Result of one step through a datagram. */
enum sp_quic_step {
	SP_STEP_ON,
	SP_STEP_END, /* the end of the datagrams */
	SP_STEP_HELLO, /* text; `hello` says how it ended */
	SP_STEP_LATE, /* an incomplete ClientHello has been pending for too long */
	SP_STEP_HALF, /* the ClientHello of a new connection is incomplete */
	SP_STEP_WHOLE, /* a pending ClientHello is complete */
	SP_STEP_UNREAD, /* an unknown version */
	SP_STEP_STRANGE, /* does not decrypt with the keys of any connection */
	SP_STEP_BROKEN, /* a connection contradicts itself */
};

/* A datagram among the others of its flow. All zero but cookie and is_new: before it. */
struct sp_parse_quic {
	__u64 cookie; /* identifies the flow and so its connections */
	__u32 version; /* out: of the last packet with a long header */
	__u8 way, seen; /* in and out: see struct sp_quic_reading */
	__u8 is_new; /* in and out: forget the connections of this flow */
	__u8 reserved;
}; /* 16 bytes */

enum sp_parse_dns_result {
	SP_PARSE_DNS_QUESTION, /* text.name, query_type, query_id; call again */
	SP_PARSE_DNS_ADDRESS, /* dns.address, dns.ttl; call again */
	SP_PARSE_DNS_END,
	SP_PARSE_DNS_BROKEN, /* the rest cannot be parsed */
};

/* All zero: before the message. */
struct sp_parse_dns {
	__u16 flags; /* of the header */
	__u16 questions, records; /* unread; records of the answer section */
	__u8 begun, part;
	__u32 at, data_end, hint_end;
	__u16 key, reserved;
	__u32 ttl;
	__u8 address[16];
}; /* 44 bytes */

struct sp_parse_request {
	__u8 ethernet[16]; /* zeros: the test run expects an Ethernet header */
	__u8 kind; /* enum sp_parse_kind */
	__u8 is_timing; /* the program leaves the request as it is, so that each run of many is the first */
	__u8 reserved[2];
	__u32 at, end; /* in and out: the unread range of the bytes that follow the request */
	/* out */
	/* sp_read_result, sp_quic_step, sp_parse_dns_result or sp_http_result by kind; SP_PARSE_ANSWER: 1 at the end,
	 * else 0 */
	__u8 result;
	__u8 hello; /* enum sp_hello_result */
	__u8 is_pending;
	__u8 hides_hello; /* SP_PARSE_STREAM: see struct sp_reader */
	/* in and out */
	struct sp_reader reader;
	struct sp_text text;
	struct sp_http_reader http;
	struct sp_http_answer answer;
	struct sp_parse_dns dns;
	struct sp_parse_quic quic;
};

#endif
