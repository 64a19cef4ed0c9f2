/* SPDX-License-Identifier: Apache-2.0 */
/* For the engine: what is to be made of an input of the target's format. */
#include "fuzz/mutator.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutator_run(&MUTATOR_FORMAT, data, size, max_size, seed);
}
