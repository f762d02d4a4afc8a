/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* QUIC versions whose Initial packets can be read, and the constants of their keys. */
#ifndef SALLYPORT_PARSE_QUIC_VERSIONS_H
#define SALLYPORT_PARSE_QUIC_VERSIONS_H

#include "bytes.h"

enum sp_quic_salt {
	SP_SALT_V1, /* RFC 9001 5.2; drafts 33 and 34: 38762cf7f55934b34d179ae6a4c80cadccbb7f0a */
	SP_SALT_V2, /* RFC 9369 3.3.1: 0dede3def700a6db819381be6e269dcbf9bd2ed9 */
	SP_SALT_V2_DRAFT, /* draft-ietf-quic-v2, ngtcp2's until 0.13: a707c203a59b47184a1d62ca570406ea7ae3e5d3 */
	SP_SALT_29, /* drafts 29 to 32: afbfec289993d24c9e9786f19c6111e04390a899 */
	SP_SALT_23, /* drafts 23 to 28, and mvfst: c3eef712c72ebb5a11a7d2432bb46365bef9f502 */
	SP_SALT_22, /* drafts 21 and 22, and mvfst: 7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a */
	SP_SALT_T050, /* Google's T050: 7ff579e5acd072915580304c43a2367c60488310 */
	SP_SALT_T051, /* Google's T051: 7a4edef4e7ccee5fa4506c19124fc8ccda6e033d */
	SP_SALTS,
	SP_SALT_NONE = -1,
};

/* clang-format off */
/* HMAC-SHA-256 with the salt as its key, after the first block: inner and outer state (RFC 2104). */
const __u32 sp_quic_salts[SP_SALTS][2][8] = {
	[SP_SALT_V1] = {
		{ 0x2d5eed97, 0x70d71abf, 0x4c9b8799, 0xc4eb86b0, 0xe9b16e41, 0xd04322f6, 0xf73a0cb2, 0x9e23a203 },
		{ 0x0d3d813d, 0xcffa6f1f, 0x7dbcb03e, 0x923042dc, 0xd15a45f6, 0x55ab0325, 0xf3c23aab, 0x37426939 },
	},
	[SP_SALT_V2] = {
		{ 0x9f201982, 0x7e771bd0, 0x601a8795, 0x5d7ab60d, 0x2ff30d4b, 0x72201a09, 0x6eaa0d12, 0xca4e4d6b },
		{ 0xbb153200, 0x003bcf3a, 0xf99876d1, 0xf698c9aa, 0x804d4d49, 0x7a379cfe, 0xc1eb346e, 0xadaf299f },
	},
	[SP_SALT_V2_DRAFT] = {
		{ 0xcce4bb6f, 0x0a7c2b78, 0x820e67c0, 0x710e9c2f, 0x8c3ccd4a, 0x75f0b741, 0xef914e3a, 0xec1dbf74 },
		{ 0x035d9c64, 0x52292702, 0x721552a0, 0xff97e830, 0x43228d88, 0x570728d7, 0x6b40b86e, 0xaaf59d0d },
	},
	[SP_SALT_29] = {
		{ 0x5a14242c, 0x451b6623, 0x8bda6c0c, 0x56a97e94, 0xa7e1ce39, 0x201b10d1, 0x424f7ac4, 0x82ada9c5 },
		{ 0x85562323, 0x55aa3152, 0x4f429776, 0x5f4cbb4a, 0x1f3a1465, 0x72c5b0e0, 0x0e00e756, 0x23be8427 },
	},
	[SP_SALT_23] = {
		{ 0xc6f38919, 0x78b648b1, 0x4d6df0c2, 0xa6136e04, 0xa5ec29ac, 0xc58e0267, 0x8a836edc, 0x3bbfb57c },
		{ 0x4fe93735, 0xbb79fa70, 0xae1fc5ef, 0x0e65e811, 0x332ef4d8, 0xc0caa806, 0x56e4a622, 0x30febb0e },
	},
	[SP_SALT_22] = {
		{ 0x6af0afa5, 0x323a04fd, 0x19b7309d, 0xe5a443f6, 0x56986063, 0x0e196725, 0x4a0d91bf, 0x0779975e },
		{ 0xfdfe1026, 0x789fe625, 0x04d4d234, 0x60f2c922, 0x241f7232, 0x05055544, 0x5f36f07d, 0xa0d39d5d },
	},
	[SP_SALT_T050] = {
		{ 0x5bd05cf9, 0x8df30516, 0x04ccfca0, 0xde954b0a, 0x36b84e61, 0xd1a25c91, 0xcdaf8a9c, 0x692b5344 },
		{ 0xd53700df, 0x3172d48b, 0x11a565ac, 0x3bca87fd, 0xc35a737e, 0x46f97fea, 0xc92d62e1, 0x20e8f480 },
	},
	[SP_SALT_T051] = {
		{ 0x5e457787, 0x9e624aaa, 0xb1952599, 0x2b0da8c7, 0x05298279, 0x6a079935, 0x3c0711b2, 0x44b81437 },
		{ 0x6e069193, 0x4a6c0147, 0xf165a4a5, 0xe60682e7, 0xc79f5817, 0xeda51540, 0xb516ce7b, 0xa9da726d },
	},
};

enum sp_quic_label {
	SP_LABEL_CLIENT,
	SP_LABEL_KEY,
	SP_LABEL_IV,
	SP_LABEL_HP,
	SP_LABEL_KEY2,
	SP_LABEL_IV2,
	SP_LABEL_HP2,
	SP_LABELS,
};

/* Input of HKDF-Expand-Label (RFC 8446 7.1): length, "tls13 " and the label, no context, the counter 1, padded as the
 * second block of SHA-256. Labels are "client in", "quic key", "quic iv" and "quic hp", with "quicv2" in version 2. */
const __u32 sp_quic_labels[SP_LABELS][16] = {
	[SP_LABEL_CLIENT] = {
		0x00200f74, 0x6c733133, 0x20636c69, 0x656e7420, 0x696e0001, 0x80000000, 0x00000000, 0x00000000,
		0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x000002a0,
	},
	[SP_LABEL_KEY] = {
		0x00100e74, 0x6c733133, 0x20717569, 0x63206b65, 0x79000180, 0x00000000, 0x00000000, 0x00000000,
		0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000298,
	},
	[SP_LABEL_IV] = {
		0x000c0d74, 0x6c733133, 0x20717569, 0x63206976, 0x00018000, 0x00000000, 0x00000000, 0x00000000,
		0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000290,
	},
	[SP_LABEL_HP] = {
		0x00100d74, 0x6c733133, 0x20717569, 0x63206870, 0x00018000, 0x00000000, 0x00000000, 0x00000000,
		0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000290,
	},
	[SP_LABEL_KEY2] = {
		0x00101074, 0x6c733133, 0x20717569, 0x63763220, 0x6b657900, 0x01800000, 0x00000000, 0x00000000,
		0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x000002a8,
	},
	[SP_LABEL_IV2] = {
		0x000c0f74, 0x6c733133, 0x20717569, 0x63763220, 0x69760001, 0x80000000, 0x00000000, 0x00000000,
		0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x000002a0,
	},
	[SP_LABEL_HP2] = {
		0x00100f74, 0x6c733133, 0x20717569, 0x63763220, 0x68700001, 0x80000000, 0x00000000, 0x00000000,
		0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x000002a0,
	},
};
/* clang-format on */

static __always_inline int sp_quic_salt(__u32 version)
{
	switch (version) {
	case 0x00000001:
	case 0xff000021 ... 0xff000022:
	case 0xfaceb003: /* mvfst's alias of version 1 */
		return SP_SALT_V1;
	case 0x6b3343cf:
		return SP_SALT_V2;
	case 0x709a50c4:
		return SP_SALT_V2_DRAFT;
	case 0xff00001d ... 0xff000020:
		return SP_SALT_29;
	case 0xff000017 ... 0xff00001c:
	case 0xfaceb002: /* mvfst */
	case 0xfaceb00e:
	case 0xfaceb010 ... 0xfaceb013:
		return SP_SALT_23;
	case 0xff000015 ... 0xff000016:
	case 0xfaceb001:
		return SP_SALT_22;
	case 0x54303530: /* T050 */
		return SP_SALT_T050;
	case 0x54303531:
		return SP_SALT_T051;
	default:
		return SP_SALT_NONE;
	}
}

/* Google's versions with TLS use other frame types. */
static __always_inline bool sp_quic_is_google(__u32 version)
{
	return version >> 8 == 0x543035;
}

/* Version 2 uses other labels and other packet types (RFC 9369 3.2). */
static __always_inline bool sp_quic_is_v2(__u32 version)
{
	return version == 0x6b3343cf || version == 0x709a50c4;
}

#endif
