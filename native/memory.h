/* SPDX-License-Identifier: MIT */
#pragma once

namespace sallyport {

/* Returns memory to the system that only the start needed: free heap, and unchanged pages of program files. The page
 * cache provides the latter again on access. */
void release_unused_memory();

} // namespace sallyport
