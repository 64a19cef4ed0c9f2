# SPDX-License-Identifier: Apache-2.0
# What Doxygen reads instead of a header: the same text, with the header's contents in a group (see main.dox) whose text is
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
    in_code = 0
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

# Indented lines behind an empty one are code: said with words, as not everywhere the indentation is enough.
/^ \*$/ {
    if (was_empty) {
        print " *"
    }
    was_empty = 1
    next
}

was_empty {
    was_empty = 0
    is_code = /^ \*     /
    print is_code == in_code ? " *" : is_code ? " * @code{.unparsed}" : " * @endcode"
    in_code = is_code
}

in_code {
    if ($0 != " */") {
        print
        next
    }
    print " * @endcode"
    in_code = 0
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
