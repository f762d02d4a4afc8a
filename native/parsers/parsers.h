/* SPDX-License-Identifier: MIT */
/* The parsers of bpf/parse/, compiled for user space. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* sizeof(struct sp_parse_request) */
size_t sp_parse_request_size(void);

/* Answers a request in place. `request` is a struct sp_parse_request, aligned to 8 bytes. Returns 0, or -1 if its range
 * is out of bounds. */
int sp_parse_in_user_space(void *request, const uint8_t *bytes, uint32_t length);

#ifdef __cplusplus
}
#endif
