#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the version, which stands in include/leat/base.h: for meson.build.
sed -n 's/^#define LEAT_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\).*/\2/p' "$(dirname "$0")/../../include/leat/base.h" | paste -sd . -
