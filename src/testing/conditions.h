/* SPDX-License-Identifier: Apache-2.0 */
/** @file Conditions of a link, checked and as text. */
#ifndef LEATI_TESTING_CONDITIONS_H
#define LEATI_TESTING_CONDITIONS_H

#include <leat/testing_conditions.h>

/** What is wrong with a condition; NULL = nothing. */
const char *leati_testing_condition_problem(const struct leat_testing_condition *condition);

#endif
