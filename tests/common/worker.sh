#!/bin/sh
# A worker whose process is noted, for tests that kill it: called through a link in a directory where `program` leads to vitra-watch.
echo $$ >>"${0%/*}/pids"
exec "${0%/*}/program" "$@"
