/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/crypto/memory.h"

static _Thread_local bool out_of_memory;

void leati_tls_memory_forget(void)
{
    out_of_memory = false;
}

void leati_tls_memory_note(void)
{
    out_of_memory = true;
}

bool leati_tls_memory_is_out(void)
{
    return out_of_memory;
}
