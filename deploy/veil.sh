#!/bin/sh
exec node --disable-warning=ExperimentalWarning /opt/veil/src/main.ts "$@"
