/* SPDX-License-Identifier: MIT */
#pragma once

namespace sallyport {

/* Gives back to the system what only starting needed: free heap, and pages of programs' files that nothing has changed. Those come
 * back from the page cache when they are touched. */
void give_back_memory();

} // namespace sallyport
