// SPDX-License-Identifier: BSD-2-Clause
/* Whose an address is: the first that had it, as long as it has it, else the lowest id's. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sluiced/claims.h"

#define MANY 12 /* workloads … */
#define ADDRESSES 9 /* … that have some of so few addresses, so that they get in each other's way */

static struct sl_addr address(int n)
{
	return (struct sl_addr){ { [10] = 0xff, 0xff, 10, 0, 0, (uint8_t)n } };
}

/* Of these, ended by -1. */
static void set(struct claims *claims, __u16 id, const int *which)
{
	struct sl_addr addresses[ADDRESSES];
	unsigned int n = 0;

	for (; which[n] >= 0; n++)
		addresses[n] = address(which[n]);
	cr_assert_eq(claims_set(claims, id, addresses, n), 0);
}
#define SET(claims, id, ...) set(claims, id, (const int[]){ __VA_ARGS__, -1 })

/* 0: nobody's. */
static __u16 owner(const struct claims *claims, int which)
{
	struct sl_addr wanted = address(which);
	const struct sl_peer_address *list;
	__u16 found = 0;
	size_t n;

	list = claims_list(claims, &n);
	for (size_t i = 0; i < n; i++) {
		if (i)
			cr_assert_lt(memcmp(&list[i - 1].address, &list[i].address, sizeof(wanted)), 0);
		if (!memcmp(&list[i].address, &wanted, sizeof(wanted)))
			found = list[i].workload;
	}
	return found;
}

Test(claims, of_several_that_are_new_the_lowest_id)
{
	struct claims *claims = claims_new();

	SET(claims, 7, 1, 2);
	SET(claims, 3, 2, 3);
	cr_assert_eq(claims_settle(claims), 1);
	cr_expect_eq(owner(claims, 1), 7);
	cr_expect_eq(owner(claims, 2), 3);
	cr_expect_eq(owner(claims, 3), 3);
	cr_expect_eq(owner(claims, 4), 0);
	claims_free(claims);
}

Test(claims, nobody_takes_the_place_of_who_has_it)
{
	struct claims *claims = claims_new();

	SET(claims, 7, 1);
	cr_assert_eq(claims_settle(claims), 1);
	SET(claims, 3, 1);
	cr_expect_eq(claims_settle(claims), 0, "a claim that does not count is no other list");
	cr_expect_eq(owner(claims, 1), 7);
	/* Both anew at once. */
	SET(claims, 3, 1);
	SET(claims, 7, 2, 1);
	cr_assert_eq(claims_settle(claims), 1);
	cr_expect_eq(owner(claims, 1), 7);
	/* Given up: it is his who waits. */
	SET(claims, 7, 2);
	cr_assert_eq(claims_settle(claims), 1);
	cr_expect_eq(owner(claims, 1), 3);
	/* Gone. */
	cr_assert_eq(claims_set(claims, 3, NULL, 0), 0);
	cr_assert_eq(claims_settle(claims), 1);
	cr_expect_eq(owner(claims, 1), 0);
	cr_expect_eq(owner(claims, 2), 7);
	claims_free(claims);
}

Test(claims, what_was_set_last_counts)
{
	struct claims *claims = claims_new();

	SET(claims, 5, 1, 2);
	SET(claims, 5, 3, 3);
	cr_assert_eq(claims_settle(claims), 1);
	cr_expect_eq(owner(claims, 1), 0);
	cr_expect_eq(owner(claims, 3), 5);
	SET(claims, 5, 3);
	cr_expect_eq(claims_settle(claims), 0);
	cr_expect_eq(claims_settle(claims), 0);
	claims_free(claims);
}

/* More than there is room for: those that came first have their place. */
Test(claims, a_full_list_stays)
{
	enum { EACH = 256 };
	struct claims *claims = claims_new();
	const struct sl_peer_address *list;
	struct sl_addr addresses[EACH];
	size_t n;

	for (int id = 1; id <= SL_PEERS_MAX / EACH + 1; id++) {
		for (int i = 0; i < EACH; i++)
			addresses[i] = (struct sl_addr){ { (uint8_t)(id >> 8), (uint8_t)id, (uint8_t)i } };
		cr_assert_eq(claims_set(claims, (__u16)id, addresses, EACH), 0);
		/* In pieces, as they come. */
		if (id % 256 == 0)
			cr_assert_eq(claims_settle(claims), 1);
	}
	cr_expect_eq(claims_settle(claims), 0);
	list = claims_list(claims, &n);
	cr_assert_eq(n, SL_PEERS_MAX);
	cr_expect_eq(list[n - 1].workload, SL_PEERS_MAX / EACH);
	/* One goes, and there is room again. */
	cr_assert_eq(claims_set(claims, 1, NULL, 0), 0);
	cr_assert_eq(claims_set(claims, SL_PEERS_MAX / EACH + 1, addresses, EACH), 0);
	cr_assert_eq(claims_settle(claims), 1);
	list = claims_list(claims, &n);
	cr_expect_eq(list[n - 1].workload, SL_PEERS_MAX / EACH + 1);
	claims_free(claims);
}

/* The rule, word by word. */
struct plainly {
	bool has[MANY + 1][ADDRESSES];
	__u16 owner[ADDRESSES];
};

static void settle_plainly(struct plainly *plainly)
{
	for (int a = 0; a < ADDRESSES; a++) {
		if (plainly->owner[a] && plainly->has[plainly->owner[a]][a])
			continue;
		plainly->owner[a] = 0;
		for (__u16 id = MANY; id; id--) {
			if (plainly->has[id][a])
				plainly->owner[a] = id;
		}
	}
}

static void change_one(struct claims *claims, struct plainly *plainly)
{
	__u16 id = (__u16)(rand() % MANY + 1);
	int which[ADDRESSES + 1], n = 0;

	for (int a = ADDRESSES - 1; a >= 0; a--) {
		plainly->has[id][a] = rand() % 3 == 0;
		if (plainly->has[id][a])
			which[n++] = a;
	}
	which[n] = -1;
	set(claims, id, which);
}

Test(claims, as_the_rule_says_whatever_comes)
{
	struct claims *claims = claims_new();
	struct plainly plainly = { 0 }, before;
	bool other;

	srand(1);
	for (int round = 0; round < 3000; round++) {
		before = plainly;
		for (int changes = rand() % 4; changes >= 0; changes--)
			change_one(claims, &plainly);
		settle_plainly(&plainly);
		other = memcmp(before.owner, plainly.owner, sizeof(before.owner)) != 0;
		cr_assert_eq(claims_settle(claims), other, "round %d", round);
		for (int a = 0; a < ADDRESSES; a++)
			cr_assert_eq(owner(claims, a), plainly.owner[a], "round %d, address %d", round, a);
	}
	claims_free(claims);
}
