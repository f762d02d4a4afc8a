/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the parsers keep between two pieces of a message, and how they are asked (parse.h). Plain data, shared with user space like
 * event.h. */
#ifndef SALLYPORT_WIRE_READER_STATE_H
#define SALLYPORT_WIRE_READER_STATE_H

#include "event.h"
#include "http_state.h"

#define SP_RECORD_HEAD 5

/* What was read of a message, as sent. */
struct sp_text {
	__u16 name_length, method_length, path_length; /* as sent; more than the array holds: the rest was left out */
	__u16 query_type, query_id; /* of a DNS question */
	__u16 status; /* of an HTTP answer; 0: none */
	__u32 flags; /* enum sp_hello_flag */
	char name[SP_NAME_MAX]; /* SNI, Host, or the first question's name with dots between labels */
	char method[SP_METHOD_MAX];
	char path[SP_PATH_MAX];
};

enum sp_hello_result {
	SP_HELLO_CUT, /* goes on behind the bytes at hand */
	SP_HELLO_NAMED, /* whole: text.name */
	SP_HELLO_UNNAMED, /* whole, without server_name */
	SP_HELLO_BROKEN, /* contradicts itself, or is longer than SP_HELLO_MAX */
	SP_HELLO_NONE, /* another message */
	SP_HELLO_UNREAD, /* QUIC of a version that cannot be read */
};

/* All zero: before the first byte. What comes next is `skip` bytes of no interest, then `name_left` bytes of the name, then the
 * field that `stage` names. */
struct sp_hello_reader {
	__u8 stage, want, have, seen;
	__u8 field[4];
	__u32 skip;
	__u32 left; /* of the message */
	__u16 extensions_left, extension_left; /* behind the field at hand */
	__u16 name_left, reserved;
}; /* 24 bytes */

/* All zero: before the first record. */
struct sp_tls_reader {
	struct sp_hello_reader hello;
	__u8 record[SP_RECORD_HEAD];
	__u8 have; /* of the record's header */
	__u8 begun; /* the hello's first byte has been read */
	__u8 hellos, early_data; /* whole ones before this; an earlier one offered early data */
	__u8 reserved[3];
	__u32 left; /* of the record's content */
}; /* 40 bytes */

enum sp_reader_kind {
	SP_READER_START = 0,
	SP_READER_TLS,
	SP_READER_SSL2, /* RFC 5246 E.2: maybe a hello in the format of SSL 2 */
	SP_READER_CLEARTEXT,
	SP_READER_HTTP,
	SP_READER_OVER,
};

/* All zero: the start of the stream. */
struct sp_reader {
	__u8 kind; /* enum sp_reader_kind */
	__u8 is_cleartext; /* something else than TLS was said */
	__u8 reserved[2];
	__u32 watched; /* bytes read since the start, or since the last message */
	union { /* cleartext: a record that may have begun, in tls */
		struct sp_tls_reader tls;
		struct sp_http_reader http;
	};
}; /* 48 bytes */

enum sp_read_result {
	SP_READ_MORE, /* all bytes are read */
	SP_READ_HELLO, /* text; sp_reader_outcome.hello says how it ended. Call again for what follows */
	SP_READ_OTHER, /* it is no TLS, said once. Call again for what follows */
	SP_READ_REQUEST, /* text: a head of HTTP/1, or with SP_REQUEST_H2C or SP_REQUEST_BROKEN in its flags what is none. Call again */
	SP_READ_OVER, /* no name can come any more */
	SP_READ_AGAIN, /* it turned out to be something else: call again */
};

enum sp_parse_kind {
	SP_PARSE_STREAM = 1, /* what a TCP client says, in order */
	SP_PARSE_QUIC = 2, /* a datagram of a UDP client */
	SP_PARSE_DNS = 3, /* a message of DNS, whole */
	SP_PARSE_HTTP = 4, /* requests of HTTP alone */
	SP_PARSE_ANSWER = 5, /* the beginning of an answer of HTTP */
};

/* What came of reading on in a datagram. */
enum sp_quic_step {
	SP_STEP_ON,
	SP_STEP_END, /* of the datagrams */
	SP_STEP_HELLO, /* text; hello says how it ended */
	SP_STEP_LATE, /* one that was half read has been so for too long */
	SP_STEP_HALF, /* a new connection's hello is not whole */
	SP_STEP_WHOLE, /* one that was half read is whole */
	SP_STEP_UNREAD, /* a version that cannot be read */
	SP_STEP_STRANGE, /* not made with the keys of any connection */
	SP_STEP_BROKEN, /* a connection contradicts itself */
};

/* A datagram's place among others. All zero but cookie and is_new: before it. */
struct sp_parse_quic {
	__u64 cookie; /* the number of its flow: connections are known by it */
	__u32 version; /* out: of the last packet with a long header */
	__u8 way, seen; /* in and out: struct sp_quic_reading */
	__u8 is_new; /* in and out: forget what is known by this number */
	__u8 reserved;
}; /* 16 bytes */

enum sp_parse_dns_result {
	SP_PARSE_DNS_QUESTION, /* text.name, query_type, query_id. Call again */
	SP_PARSE_DNS_ADDRESS, /* dns.address, dns.ttl. Call again */
	SP_PARSE_DNS_END,
	SP_PARSE_DNS_BROKEN, /* nothing behind this can be read */
};

/* All zero: before the message. */
struct sp_parse_dns {
	__u16 flags; /* of its header */
	__u16 questions, records; /* still to come; records of the answer section */
	__u8 begun, part;
	__u32 at, data_end, hint_end;
	__u16 key, reserved;
	__u32 ttl;
	__u8 address[16];
}; /* 44 bytes */

struct sp_parse_request {
	__u8 ethernet[16]; /* a packet begins with a header: zeros */
	__u8 kind; /* enum sp_parse_kind */
	__u8 is_timing; /* the kernel's program does not answer, so that each run of many is the first */
	__u8 reserved[2];
	__u32 at, end; /* in and out: what is still to be read of the bytes behind the request */
	/* out */
	__u8 result; /* of its kind: sp_read_result, sp_quic_step, sp_parse_dns_result, sp_http_result; SP_PARSE_ANSWER: 0, or 1 at its end */
	__u8 hello; /* enum sp_hello_result */
	__u8 is_pending;
	__u8 reserved2;
	/* in and out */
	struct sp_reader reader;
	struct sp_text text;
	struct sp_http_reader http;
	struct sp_http_answer answer;
	struct sp_parse_dns dns;
	struct sp_parse_quic quic;
};

#endif
