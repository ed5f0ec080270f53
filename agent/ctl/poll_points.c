/* poll_points: every element of every point that was read; see poll_print.h. */
#include "config.h"

#include "ctl/poll_print.h"

const char *quality_name(enum quality quality)
{
	static const char *const names[] = {
		[QUALITY_NONE] = "none",
		[QUALITY_GOOD] = "good",
		[QUALITY_STALE] = "stale",
	};

	return names[quality];
}

static void tell_text(const struct facts *facts, struct poll_point *element)
{
	const struct identity *identity = facts->snapshot->identity;

	/* The only text there is. */
	element->text = "";
	if (element->point->quantity != Q_LOCATION || identity == NULL)
		return;
	element->text = identity->location;
	element->value.quality = QUALITY_GOOD;
}

void poll_points(const struct facts *facts, void (*tell)(const struct poll_point *point, void *arg),
	void *arg)
{
	const struct profile *profile = facts->want.profile;

	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];

		for (unsigned n = 0; n < point->count && plan_wants_point(&facts->want, point);
			n++) {
			struct poll_point element = {
				.point = point,
				.channel = point->first_channel + n * point->channel_step,
				.reg = point->reg + n * point->stride + profile->base,
			};

			if (quantity_info(point->quantity)->text)
				tell_text(facts, &element);
			else
				element.value = facts_read(
					facts, point->scope, point->quantity, element.channel);
			tell(&element, arg);
		}
	}
}
