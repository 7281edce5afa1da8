// SPDX-License-Identifier: BSD-2-Clause
/*
 * Containers for those who want to go through all of them.
 *
 * Invariant: a page goes on where the last one ended, so long as no container
 * starts or stops in between; then one may be missed or shown twice, and
 * whoever asks for it finds out.
 */
#include "sluiced/list_containers.h"

#include <errno.h>
#include <stdint.h>

#include "sluiced/containers.h"
#include "sluiced/show.h"

struct page {
	struct show_list list;
	json_int_t after;
	__u32 number;
};

static int add(void *context, const struct container *container)
{
	struct page *page = context;
	int r;

	if (++page->number <= page->after)
		return 0;
	r = show_list_add(&page->list, page->number,
			  json_pack("{si ss ss}", "number", (int)page->number, "id", container->id, "name",
				    container->name));
	/* Full is the end of this page and no error. */
	return r < 0 ? r : !r;
}

int list_containers(struct instance *inst, const json_t *request, json_t **ret, struct sl_err *err)
{
	struct page page = { .after = json_integer_value(json_object_get(request, "after")) };
	int r;

	(void)inst;
	if (page.after < 0 || page.after > INT32_MAX)
		return sl_err(err, EINVAL, "after must be from 0 to %d", INT32_MAX);
	if (show_list_begin(&page.list))
		return sl_err(err, ENOMEM, "no memory for the answer");
	r = containers_list(add, &page, err);
	if (r < 0) {
		json_decref(page.list.object);
		return r;
	}
	*ret = page.list.object;
	return 0;
}
