#!/bin/sh
# What Node compiles is kept by root alone, for root (postinst makes the folder): others do without.
NODE_COMPILE_CACHE=/var/cache/sallyport
export NODE_COMPILE_CACHE
exec /usr/lib/sallyport/node /usr/lib/sallyport/lib/main.js "$@"
