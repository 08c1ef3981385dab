// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* What can be owned, by which shadows, once, and what is told of it. */
#include "uapi.h"

static struct shk_own_arg irq(uint32_t number)
{
	return (struct shk_own_arg){ .size = sizeof(struct shk_own_arg),
				     .kind = SHK_OWN_IRQ,
				     .irq = number };
}

static struct shk_own_arg kthreads(const char *pattern)
{
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = SHK_OWN_KTHREAD };

	strcpy(arg.pattern, pattern);
	return arg;
}

static long own(int handle, struct shk_own_arg arg)
{
	return call(handle, SHK_OWN, &arg);
}

static long disown(int handle, struct shk_own_arg arg)
{
	return call(handle, SHK_DISOWN, &arg);
}

static int create(int dev, uint32_t flags, long want)
{
	struct shk_shadow_create arg = { .size = sizeof(arg), .flags = flags };
	long ret = call(dev, SHK_SHADOW_CREATE, &arg);

	if (want || ret < 0)
		expect(ret, want);
	return (int)ret;
}

static void no_things(int handle)
{
	struct shk_own_arg arg = irq(4);

	strcpy(arg.pattern, "x");
	expect(own(handle, arg), -EINVAL);
	arg = kthreads("x");
	arg.irq = 4;
	expect(own(handle, arg), -EINVAL);
	expect(own(handle, kthreads("")), -EINVAL);
	memset(arg.pattern, 'x', sizeof(arg.pattern));
	arg.irq = 0;
	expect(own(handle, arg), -EINVAL);
	for (uint32_t kind = 3; kind; kind <<= 1) {
		arg = irq(4);
		arg.kind = kind;
		expect(own(handle, arg), -EINVAL);
		expect(disown(handle, arg), -EINVAL);
	}
	arg.kind = 0;
	expect(own(handle, arg), -EINVAL);
	expect(own(handle, irq(123456)), -ENOENT);
	expect(own(handle, irq(UINT32_MAX)), -ENOENT);
}

static void told(int handle)
{
	struct shk_own_info info = { .size = sizeof(info) };

	expect(call(handle, SHK_OWN_NEXT, &info), 0);
	expect(info.kind, SHK_OWN_IRQ);
	expect(info.irq, 4);
	expect(call(handle, SHK_OWN_NEXT, &info), 0);
	expect(info.kind, SHK_OWN_KTHREAD);
	expect(strcmp(info.pattern, "rcu_*"), 0);
	expect(info.nr_threads > 0, 1);
	expect(call(handle, SHK_OWN_NEXT, &info), -ENOENT);
}

static int things(int dev)
{
	int plain = create(dev, 0, 0), all = create(dev, SHK_ASYNC_UNION, 0);
	int handle = create(dev, SHK_ASYNC_OWNER, 0), other = create(dev, SHK_ASYNC_OWNER, 0);

	create(dev, SHK_ASYNC_OWNER | SHK_ASYNC_INHERIT, -EINVAL);
	create(dev, SHK_ASYNC_OWNER | SHK_ASYNC_CAUSAL, -EINVAL);
	create(dev, SHK_ASYNC_OWNER | SHK_ASYNC_UNION, -EINVAL);
	create(dev, SHK_ASYNC_CAUSAL | SHK_ASYNC_UNION, -EINVAL);
	create(dev, SHK_ASYNC_INHERIT | SHK_ASYNC_UNION, -EINVAL);
	expect(own(all, irq(4)), -EMEDIUMTYPE);
	expect(own(all, kthreads("rcu_*")), -EMEDIUMTYPE);
	close(all);
	expect(own(plain, irq(4)), -EMEDIUMTYPE);
	expect(own(plain, kthreads("rcu_*")), -EMEDIUMTYPE);
	no_things(handle);

	expect(disown(handle, irq(4)), -ENOENT);
	expect(own(handle, irq(4)), 0);
	expect(own(handle, irq(4)), 0);
	expect(own(other, irq(4)), -EBUSY);
	expect(disown(other, irq(4)), -ENOENT);
	expect(own(handle, kthreads("rcu_*")), 0);
	expect(own(handle, kthreads("rcu_*")), 0);
	expect(own(other, kthreads("rcu_*")), 0);
	told(handle);

	/* What is owned counts as no process. */
	expect(shadow_destroy(handle), 0);
	expect(own(handle, irq(4)), -ESTALE);
	expect(own(other, irq(4)), 0);
	expect(disown(other, kthreads("rcu_*")), 0);
	expect(disown(other, kthreads("rcu_*")), -ENOENT);
	close(handle);
	close(other);
	close(plain);
	close(dev);
	return finish();
}

static bool can_own(int dev)
{
	struct shk_info info = { .size = sizeof(info) };

	need(call(dev, SHK_INFO, &info) == 0);
	return info.features & SHK_FEATURE_OWN;
}

/* As a Xen PV guest. */
static int nothing_can(int dev)
{
	int handle = create(dev, SHK_ASYNC_OWNER, 0);

	create(dev, SHK_ASYNC_UNION, -EOPNOTSUPP);
	create(dev, SHK_ASYNC_CAUSAL, -EOPNOTSUPP);
	expect(own(handle, irq(4)), -EOPNOTSUPP);
	expect(own(handle, kthreads("rcu_*")), -EOPNOTSUPP);
	return finish();
}

int main(void)
{
	int dev = device_open();

	return can_own(dev) ? things(dev) : nothing_can(dev);
}
