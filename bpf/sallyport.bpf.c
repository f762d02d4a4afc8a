/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* One object: the hooks of Sallyport and what they share. Read event.h, policy.h and verdict.h first. */
#include <stdbool.h>
#include "event.h"
#include "core.h"
#include "hooks_connect.h"
#include "hooks_packet.h"
#include "hooks_process.h"
#include "hooks_release.h"
#include "judge.h"
#include "layout.h"
#include "parse_program.h"
#include "teach.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
