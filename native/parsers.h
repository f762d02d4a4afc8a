/* SPDX-License-Identifier: MIT */
/* The kernel's parsers (bpf/parse/parse.h), compiled for user space. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

size_t sp_parse_request_size(void);

/* `request`: struct sp_parse_request, of that size and aligned to 8 bytes; answered in place. 0, or -1 if it asks for what is not
 * there. */
int sp_parse_in_user_space(void *request, const uint8_t *bytes, uint32_t length);

#ifdef __cplusplus
}
#endif
