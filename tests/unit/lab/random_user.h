/*
 * Users as random as they may be, the same in every run: texts with every kind of character that is valid,
 * of every length; numbers and times at their extremes and between.
 */
#pragma once

#include "users/user.h"

/* Where a random user's texts are. */
struct random_user {
    struct user user;
    char name[4 * USER_NAME_CHARACTERS_MAX];
    char email[USER_EMAIL_BYTES_MAX];
};

/* Fills it with another user, which user_name_flaw and user_email_flaw find nothing wrong with. */
void random_user_make(struct random_user *random);
