/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The BPF object: all hooks, and the programs that run only on request. README.md says in which order to read the
 * headers. */
#include <stdbool.h>
#include "wire/event.h"
#include "wire/core.h"
#include "wire/layout.h"
#include "hooks/create.h"
#include "hooks/connect.h"
#include "hooks/skb.h"
#include "hooks/exec.h"
#include "hooks/release.h"
#include "hooks/judge.h"
#include "hooks/parse_program.h"
#include "hooks/learn_address.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
