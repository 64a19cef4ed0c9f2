# SPDX-License-Identifier: Apache-2.0
# What Doxygen reads instead of a header: the same lines, with the header's contents in a group (see main.dox) whose text is
# the header's first comment, and with the parts that /* ---- name ---- */ begins as named parts of that group.

function part_end()
{
    if (in_part) {
        return "/** @} */ "
    }
    in_part = 1
    return ""
}

FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.h$/, "", name)
    print "/** @file"
    next
}

FNR == 2 {
    print "@brief See @ref header_" name ". */" ($0 == "/**" ? " /**" : "")
    next
}

# The first comment.
/^ \* @file$/ {
    print " * @addtogroup header_" name
    closing = " * @{ */"
    next
}

# A part, with or without text.
/^\/\* ---- .*--/ {
    title = $0
    sub(/^\/\* ---- /, "", title)
    sub(/ *--+( \*\/)?$/, "", title)
    line = part_end() "/** @name " toupper(substr(title, 1, 1)) substr(title, 2)
    if ($0 ~ /\*\/$/) {
        print line " */ /** @{ */"
    } else {
        print line
        closing = " * @{ */"
    }
    next
}

/^ \*\/$/ && closing {
    print closing
    closing = ""
    next
}

# The protocol, not the struct of the HarmonyOS NDK.
name !~ /^net_websocket/ && /^ *(\/\*)?\*/ {
    gsub(/WebSocket[ ,.;:)]/, "%&")
}

# "+ EAGAIN" at the beginning of a line is no list.
/^ \* +\+ / {
    sub(/\+ /, "\\&#43; ")
}

# The end of the header.
{
    if (held != "") {
        print held
    }
    held = ""
    if ($0 == "#endif") {
        held = $0
        next
    }
    print
}

END {
    print held " " (in_part ? "/** @} */ " : "") "/** @} */"
}
