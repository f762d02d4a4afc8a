#!/bin/sh
# Only root may write the compile cache (postinst creates the directory). Other users run without one.
# One malloc arena for all threads: with glibc's default of one per thread, memory that one thread frees is not reused by
# another, and the daemon grows for hours under load.
# No memory protection keys: where the processor has them (on EC2), V8 protects compiled code with a key, and a process with threads
# sometimes aborts with "Check failed: jit_page.has_value()". The policy process inherits the option, and threads share it.
# A young generation of 4 MB instead of 16 MB: objects of events live either for milliseconds or for long.
NODE_COMPILE_CACHE=/var/cache/sallyport
MALLOC_ARENA_MAX=1
export NODE_COMPILE_CACHE MALLOC_ARENA_MAX
exec /usr/lib/sallyport/node --no-memory-protection-keys --max-semi-space-size=4 /usr/lib/sallyport/lib/main.js "$@"
