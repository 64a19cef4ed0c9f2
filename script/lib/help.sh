# SPDX-License-Identifier: Apache-2.0
# Sourced by every script before it does anything: with --help or -h among the arguments the comment at the script's
# head is printed, and that is all.

# refuse_arguments "$@": for scripts that take none.
refuse_arguments() {
    [ $# -eq 0 ] || { echo "usage: script/$(basename "$0"), which takes no arguments, or --help" >&2; exit 2; }
}

for argument in "$@"; do
    case $argument in
    --help | -h)
        sed -n '1d; /^[^#]/q; /^# SPDX/d; s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    esac
done
unset argument
