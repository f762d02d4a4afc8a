#!/bin/sh
# What Node compiles is kept by root alone, for root (postinst makes the folder): others do without.
# One arena for all threads: by default glibc gives each its own, and under load they grow for hours, by what one has freed and another
# needs. Young objects get 4 MB, not 16: events live for milliseconds or for long.
NODE_COMPILE_CACHE=/var/cache/sallyport
MALLOC_ARENA_MAX=1
export NODE_COMPILE_CACHE MALLOC_ARENA_MAX
exec /usr/lib/sallyport/node --max-semi-space-size=4 /usr/lib/sallyport/lib/main.js "$@"
