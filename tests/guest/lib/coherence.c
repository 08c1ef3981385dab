// SPDX-License-Identifier: GPL-2.0-only

#include "coherence.h"
#include "shadows.h"
#include "victims.h"

#define PROBES_MAX 8
#define TELL	   5
#define REACH	   5 /* bytes of a call or jump */
#define BLOCK	   256

/* The text of the kernel as the base, the shadow, and the base before a change have it. */
struct text {
	uint64_t from, to;
	unsigned char *base, *private, *before;
	bool *own; /* bytes near the module's own edits, which are not compared */
};

static struct text text;
static struct shadowk_shadow *shadow;
static struct actor inside, outside;
static unsigned int nr_probes;

static long job_read_private(long unused)
{
	observe_text(text.from, text.private, text.to - text.from);
	return 0;
}

static long job_call(long function)
{
	((void (*)(void))function)();
	return 0;
}

static void text_read(void)
{
	observe_text(text.from, text.base, text.to - text.from);
	actor_do(&inside, job_read_private, 0);
}

/*
 * The offset of the first byte from @i on at which the base and @other differ, or the text's
 * length.
 */
static size_t changed_from(const unsigned char *other, size_t i)
{
	size_t len = text.to - text.from;

	while (i < len) {
		size_t block = len - i < BLOCK ? len - i : BLOCK;

		if (!memcmp(text.base + i, other + i, block)) {
			i += block;
			continue;
		}
		while (text.base[i] == other[i])
			i++;
		return i;
	}
	return len;
}

/* Visits the offset of each byte at which the base and @other differ. */
#define for_each_changed(i, other)                                                 \
	for (size_t i = changed_from(other, 0); i < (size_t)(text.to - text.from); \
	     i = changed_from(other, i + 1))

static size_t count_different(void)
{
	size_t differ = 0;

	for_each_changed(i, text.private) differ += !text.own[i];
	return differ;
}

/*
 * Tries for 2 s, since the kernel goes on patching after the call returns: it optimises kprobes by
 * a worker.
 */
static void expect_same(const char *change, const char *when)
{
	unsigned int told = 0;
	size_t differ = 0;

	for (int tries = 0; tries < 10; tries++) {
		text_read();
		differ = count_different();
		if (!differ)
			return;
		usleep(200000);
	}
	for_each_changed(i, text.private) if (!text.own[i] && told++ < TELL)
		printf("  0x%" PRIx64 ": base %02x, private %02x\n", text.from + i, text.base[i],
		       text.private[i]);
	expect_eq(differ, 0, "%s, %s: bytes that differ from the base", change, when);
}

static void probe_name(char *name, unsigned int n)
{
	sprintf(name, "at-%u", n);
}

/* Places probes on bytes that the last change has changed. */
static void probes_add(void)
{
	size_t last = 0;

	for_each_changed(i, text.before)
	{
		char place[32], name[16];

		if (nr_probes == PROBES_MAX)
			break;
		if (text.own[i] || (last && i < last + 64))
			continue;
		snprintf(place, sizeof(place), "0x%" PRIx64, text.from + i);
		probe_name(name, nr_probes);
		if (probe_try(shadow, name, place, SHADOWK_PROBE_COUNT, 0) < 0)
			continue;
		nr_probes++;
		last = i;
	}
}

static void probes_remove(void)
{
	while (nr_probes) {
		char name[16];

		probe_name(name, --nr_probes);
		probe_remove(shadow, name);
	}
}

static void in_order(struct actor *actor, const struct change *change, bool probed)
{
	char what[128];

	snprintf(what, sizeof(what), "%s from %s%s", change->name,
		 actor == &inside ? "inside" : "outside", probed ? ", with probes" : "");

	text_read();
	memcpy(text.before, text.base, text.to - text.from);
	actor_do(actor, job_call, (long)change->make);
	if (!probed)
		expect_same(what, "made");
	text_read();
	expect(changed_from(text.before, 0) < text.to - text.from,
	       "%s: the base's text did not change, so the test checks nothing", what);

	if (probed) {
		/*
		 * The probes go while the change stays, so the private text must get the base's
		 * changed bytes.
		 */
		probes_remove();
		expect_same(what, "made, probes removed");
		probes_add();
		expect(nr_probes, "%s: no place could be probed", what);
		actor_do(actor, job_call, (long)change->undo);
		probes_remove();
		expect_same(what, "undone, probes removed");
	} else {
		if (change->probed)
			probes_add();
		probes_remove();
		expect_same(what, "made, probes added and removed");
		actor_do(actor, job_call, (long)change->undo);
		expect_same(what, "undone");
	}
}

/* Makes the change, places probes on the changed bytes, and undoes it. The probes stay. */
static void probe_places(const struct change *change)
{
	memcpy(text.before, text.base, text.to - text.from);
	actor_do(&outside, job_call, (long)change->make);
	expect_same(change->name, "made");
	probes_add();
	expect(nr_probes, "%s: no place could be probed", change->name);
	actor_do(&outside, job_call, (long)change->undo);
}

static void start(void)
{
	struct shadowk_raw_spec all = { .size = sizeof(all), .flags = SHADOWK_RAW_IDENTITY };

	observer_load();
	text.from = kernel_symbol("_stext");
	text.to = kernel_symbol("_etext");
	need(text.from && text.to > text.from);
	text.base = shared_memory(text.to - text.from);
	text.private = shared_memory(text.to - text.from);
	text.before = shared_memory(text.to - text.from);
	text.own = calloc(text.to - text.from + REACH, sizeof(*text.own));
	need(text.own);

	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	need_ok(shadowk_raw_add(shadow, &all));
	expect(shadow_info(shadow).private_pages >= (text.to - text.from) / 4096,
	       "some pages of the text are not private");

	/*
	 * Up to REACH bytes on each side are left out, since a byte of an edit may equal the
	 * base's.
	 */
	text_read();
	for_each_changed(i, text.private) memset(text.own + i - REACH + 1, true, 2 * REACH - 1);
}

void expect_followed(const struct change *change)
{
	start();
	in_order(&outside, change, false);
	in_order(&inside, change, false);
	if (change->probed) {
		probe_places(change);
		in_order(&inside, change, true);
	}
	actor_end(&inside);
	actor_end(&outside);
	victims_done();
}
