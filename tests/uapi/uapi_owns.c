// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* Interrupts and kernel threads: which shadows can own them, one at a time, and their list. */
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

static struct shk_own_arg napi(const char *interface)
{
	struct shk_own_arg arg = kthreads(interface);

	arg.kind = SHK_OWN_NAPI;
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
	long ret = shadow_create_flags(dev, flags);

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
	arg = napi("lo");
	arg.irq = 4;
	expect(own(handle, arg), -EINVAL);
	expect(own(handle, napi("")), -EINVAL);
	for (uint32_t kind = 4; kind; kind <<= 1) {
		arg = irq(4);
		arg.kind = kind;
		expect(own(handle, arg), -EINVAL);
		expect(disown(handle, arg), -EINVAL);
	}
	arg.kind = 0;
	expect(own(handle, arg), -EINVAL);
	expect(own(handle, irq(123456)), ERROR(ENOENT, SHK_REASON_IRQ_UNKNOWN));
	expect(own(handle, irq(UINT32_MAX)), ERROR(ENOENT, SHK_REASON_IRQ_UNKNOWN));
	expect(own(handle, napi("no0")), ERROR(ENODEV, SHK_REASON_INTERFACE_UNKNOWN));
	expect(own(handle, napi("lo")), ERROR(EOPNOTSUPP, SHK_REASON_NO_NAPI));
	expect(disown(handle, napi("lo")), ERROR(ENOENT, SHK_REASON_NOT_OWNED));
}

static void listed(int handle)
{
	struct shk_own_info *owned;
	size_t n, irq, kthread;

	owned = list_all(handle, SHK_OWN_LIST, sizeof(*owned), &n);
	expect((long)n, 2);
	if (n != 2)
		return;
	irq = owned[0].kind == SHK_OWN_IRQ ? 0 : 1;
	kthread = 1 - irq;
	expect(owned[irq].kind, SHK_OWN_IRQ);
	expect(owned[irq].irq, 4);
	expect(owned[irq].nr_threads, 0);
	expect(*owned[irq].pattern, 0);
	expect(owned[kthread].kind, SHK_OWN_KTHREAD);
	expect(owned[kthread].irq, 0);
	expect(strcmp(owned[kthread].pattern, "rcu_*"), 0);
	expect(owned[kthread].nr_threads > 0, 1);
	expect(owned[irq].reserved | owned[kthread].reserved, 0);
	free(owned);
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
	expect(own(all, irq(4)), ERROR(EOPNOTSUPP, SHK_REASON_POLICY));
	expect(own(all, kthreads("rcu_*")), ERROR(EOPNOTSUPP, SHK_REASON_POLICY));
	close(all);
	expect(own(plain, irq(4)), ERROR(EOPNOTSUPP, SHK_REASON_POLICY));
	expect(own(plain, kthreads("rcu_*")), ERROR(EOPNOTSUPP, SHK_REASON_POLICY));
	expect(own(plain, napi("lo")), ERROR(EOPNOTSUPP, SHK_REASON_POLICY));
	no_things(handle);

	expect(disown(handle, irq(4)), ERROR(ENOENT, SHK_REASON_NOT_OWNED));
	expect(own(handle, irq(4)), 0);
	expect(own(handle, irq(4)), 0);
	expect(own(other, irq(4)), ERROR(EBUSY, SHK_REASON_OWNED_ELSEWHERE));
	expect(disown(other, irq(4)), ERROR(ENOENT, SHK_REASON_NOT_OWNED));
	expect(own(handle, kthreads("rcu_*")), 0);
	expect(own(handle, kthreads("rcu_*")), 0);
	expect(own(other, kthreads("rcu_*")), 0);
	listed(handle);

	/* A shadow that owns something is not in use by that: it can be destroyed. */
	expect(shadow_destroy(handle), 0);
	expect(own(handle, irq(4)), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	expect(own(other, irq(4)), 0);
	expect(disown(other, kthreads("rcu_*")), 0);
	expect(disown(other, kthreads("rcu_*")), ERROR(ENOENT, SHK_REASON_NOT_OWNED));
	close(handle);
	close(other);
	close(plain);
	close(dev);
	return finish();
}

static bool can_own(int dev)
{
	return module_info(dev).features & SHK_FEATURE_OWN;
}

/* A Xen PV guest, or a kernel without CONFIG_PREEMPT_NOTIFIERS. */
static int nothing_can(int dev)
{
	const long no_carrier = ERROR(EOPNOTSUPP, SHK_REASON_NO_CARRIER);
	int handle = create(dev, SHK_ASYNC_OWNER, 0);

	create(dev, SHK_ASYNC_UNION, no_carrier);
	create(dev, SHK_ASYNC_CAUSAL, no_carrier);
	expect(own(handle, irq(4)), no_carrier);
	expect(own(handle, kthreads("rcu_*")), no_carrier);
	expect(own(handle, napi("lo")), no_carrier);
	return finish();
}

int main(void)
{
	int dev = device_open();

	return can_own(dev) ? things(dev) : nothing_can(dev);
}
