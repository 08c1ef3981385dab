# SPDX-License-Identifier: GPL-2.0
# shadow kernels: `make help` says what there is to make.

VERSION   := 0.1.0
SOVERSION := 0
PREFIX    ?= /usr/local
LIBDIR    ?= $(PREFIX)/lib
DESTDIR   ?=
O         := build

# Kernels to build the module for: names of tests/vm/kernel, folders of that shape, or
# "running". Default: the running one if its headers are there, else both that we test.
ifeq ($(origin KERNELS),undefined)
KERNELS := $(if $(wildcard /lib/modules/$(shell uname -r)/build/Makefile),running,6.1 6.12)
endif

# V=1 shows every command.
ifneq ($(V),1)
.SILENT:
endif

CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wstrict-prototypes -Wmissing-prototypes \
	    -Werror=implicit -Werror=incompatible-pointer-types -Werror=int-conversion \
	    -Werror=return-type -Werror=format
override CPPFLAGS += -D_GNU_SOURCE -Iinclude/uapi -Ilib -DSHADOWK_VERSION='"$(VERSION)"'
override CFLAGS   += -std=gnu11 $(WARNINGS) -MMD -MP

# The command reads BTF by libbpf and events by libtracefs, and draws tables by ncurses.
tracefs_cflags := $(shell pkg-config --cflags libtracefs libtraceevent 2>/dev/null)
cli_libs       := -ljson-c -lbpf -ltracefs -ltraceevent -lncursesw -ltinfo -ldl

# Sources that may not exist (yet) are simply not built.
lib_src     := $(wildcard lib/*.c)
cli_src     := $(wildcard cli/*.c)
helper_src  := $(wildcard tests/guest/lib/*.c)
test_src    := $(wildcard tests/guest/*.c tests/uapi/*.c tests/soak/*.c tests/sweep/*.c tests/abi/*.c)
unit_src    := $(wildcard tests/unit/*.c)
bench_src   := $(wildcard bench/*.c)
example_src := $(wildcard examples/*.c)
scripts     := $(wildcard tests/guest/*.sh tests/uapi/*.sh)
man_src     := $(wildcard docs/man/*.scd)
profile_src := $(wildcard profiles/*)

solib    := $(if $(lib_src),$(O)/lib/libshadowk.so.$(VERSION))
alib     := $(if $(lib_src),$(O)/lib/libshadowk.a)
pc       := $(if $(wildcard lib/shadowk.pc.in),$(O)/lib/shadowk.pc)
command  := $(if $(cli_src),$(O)/bin/shadowctl)
man      := $(man_src:docs/man/%.scd=$(O)/man/%)
profiles := $(profile_src:%=$(O)/share/shadowk/%)
helpers  := $(if $(helper_src),$(O)/tests/lib/libhelpers.a)
program32 := $(O)/tests/abi_32bit_program
tests    := $(foreach s,$(test_src),$(O)/tests/$(basename $(notdir $s))) \
	    $(foreach s,$(scripts),$(O)/tests/$(basename $(notdir $s))) $(program32)
units    := $(unit_src:%.c=$(O)/%)
benches  := $(bench_src:%.c=$(O)/%)
examples := $(example_src:%.c=$(O)/%)

map := $(wildcard lib/libshadowk.map)

all: modules lib cli examples

help:
	@sed -n 's/^#: //p' Makefile

#: make [all]        the module, the library, the command, the examples
#: make modules      shadowk.ko and the tests' modules, in build/kmod-RELEASE/
#:                     KERNELS="6.1 6.12 6.1-generic 6.12-generic running PATH"
#: make lib cli      libshadowk; shadowctl
#: make tests-build  all test programs, and the above
#: make check        everything that must hold, in guests; T="name name" for some tests
#: make check-debug  all tests on a kernel with KASAN, lockdep, kmemleak, fault injection,
#:                     built from Debian's source once, which takes long; T="name name"
#: make check-races  stress tests on a kernel with KCSAN, built likewise; T="name name"
#: make check-next   what the module needs and a kernel lacks, on one page; KERNEL=sid, or another
#:                     name of tests/vm/kernel, or a folder
#: make mutants      break the module in known ways and see the tests fail; T="word word"
#: make check-all    the same, and all tests in every kind of guest, not only the core
#: make soak         storms of all that changes the kernel's text; MINUTES=5
#: make fuzz         sequences of calls by several processes, led by what code they reach on the
#:                     debug kernel; ARGS="SECONDS SEED KERNEL"
#: make sweep        probes at all functions in every way, which takes hours and may be
#:                     interrupted; ARGS="6.12-hpet 6.1-tsc:10000-12499", lines of tests/sweep/axes
#: make bench demo   the figures; the main job on real software; ARGS="--json FILE"
#: make style        formatting, layers, licences, manual pages, prose
#: make install uninstall   DESTDIR= PREFIX=/usr/local KERNELS=
#: make clean        what was built; the cache of kernels and roots stays
.PHONY: all help modules lib cli examples tests-build units guest-stage check check-all \
	check-debug check-races check-next mutants soak fuzz sweep bench demo style install uninstall clean
.DELETE_ON_ERROR:

modules:
	@$(if $(wildcard kmod/Kbuild),scripts/kmod build $(KERNELS))

lib: $(solib) $(alib) $(pc)
cli: $(command) $(man) $(profiles)
examples: $(examples)
units: $(units)
tests-build: modules lib cli examples $(tests) $(units) $(benches)

# --- objects ---------------------------------------------------------------------

# What this machine's headers call the system calls; newer ones go by number.
$(O)/lib/syscall_names.h: Makefile
	@mkdir -p $(@D)
	@echo '#include <asm/unistd_64.h>' | $(CC) $(CPPFLAGS) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/{ "\1", \2 },/p' | sort >$@

$(O)/lib/syscalls.o: $(O)/lib/syscall_names.h
$(O)/lib/syscalls.o: override CPPFLAGS += -I$(O)/lib

$(O)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -c -o $@ $<

$(O)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(CC) $(CPPFLAGS) -Icli -Itests/guest/lib $(CFLAGS) -c -o $@ $<

$(O)/cli/cmd_patch_build.o: include/shadowk_patch.h

$(O)/cli/call_events.o: override CPPFLAGS += $(tracefs_cflags)

# --- library and command ---------------------------------------------------------

$(solib): $(lib_src:%.c=$(O)/%.o) $(map)
	$(CC) -shared $(CFLAGS) $(LDFLAGS) -Wl,-soname,libshadowk.so.$(SOVERSION) \
		$(if $(map),-Wl$(comma)--version-script=$(map)) -Wl,-z,defs \
		-o $@ $(filter %.o,$^)
	ln -sf $(@F) $(@D)/libshadowk.so.$(SOVERSION)
	ln -sf libshadowk.so.$(SOVERSION) $(@D)/libshadowk.so

comma := ,

$(alib): $(lib_src:%.c=$(O)/%.o)
	$(AR) rcsD $@ $^

$(O)/lib/shadowk.pc: lib/shadowk.pc.in Makefile FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@prefix@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
		-e 's|@libdir@|$(LIBDIR)|g' -e 's|@VERSION@|$(VERSION)|g' $< >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:

define link
@mkdir -p $(@D)
@echo "  LINK    $@"
$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(1)
endef

$(command): $(cli_src:%.c=$(O)/%.o) $(solib)
	$(call link,-L$(O)/lib -lshadowk $(cli_libs))

$(O)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	scdoc <$< >$@

# Where the command looks, seen from itself.
$(O)/share/shadowk/profiles/%: profiles/%
	install -D -m 644 $< $@

# --- tests, benchmarks, examples --------------------------------------------------

$(helpers): $(helper_src:%.c=$(O)/%.o)
	@mkdir -p $(@D)
	$(AR) rcsD $@ $^

# Static patterns: make would try every chain of implicit ones.
programs = $(patsubst tests/$(1)/%.c,$(O)/tests/%,$(wildcard tests/$(1)/*.c))

$(call programs,guest): $(O)/tests/%: $(O)/tests/guest/%.o $(helpers) $(alib)
	$(call link,-ljson-c -lpthread)

$(call programs,uapi): $(O)/tests/%: $(O)/tests/uapi/%.o $(helpers) $(alib)
	$(call link,-ljson-c -lpthread)

$(call programs,soak): $(O)/tests/%: $(O)/tests/soak/%.o $(helpers) $(alib)
	$(call link,-ljson-c -lpthread)

$(call programs,sweep): $(O)/tests/%: $(O)/tests/sweep/%.o $(helpers) $(alib)
	$(call link,-ljson-c -lpthread)

# Only the headers of their release, and the library as the system has it.
$(call programs,abi): $(O)/tests/%: $(O)/tests/abi/%.o $(solib)
	$(call link,-L$(O)/lib -Wl$(comma)--as-needed -lshadowk)

# A program of 32 bits, which needs no C library. What linux/ioctl.h includes is the same for it.
$(program32): tests/abi/32bit/abi_32bit_program.c include/uapi/linux/shadowk.h
	@mkdir -p $(@D)
	@echo "  CC32    $<"
	$(CC) -m32 -O2 $(WARNINGS) -Wno-missing-prototypes -ffreestanding -fno-stack-protector -fno-pie \
		-no-pie -nostdlib -static -Iinclude/uapi -I/usr/include/$(shell $(CC) -dumpmachine) -o $@ $<

$(O)/tests/%: tests/guest/%.sh
	@mkdir -p $(@D)
	install -m 755 $< $@

$(O)/tests/%: tests/uapi/%.sh
	@mkdir -p $(@D)
	install -m 755 $< $@

# Unit tests reach into the command too, but bring their own main().
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(filter-out $(O)/cli/shadowctl.o,$(cli_src:%.c=$(O)/%.o)) $(alib)
	$(call link,-lcmocka $(cli_libs) -lpthread)

$(O)/bench/%: $(O)/bench/%.o $(helpers) $(alib)
	$(call link,-ljson-c -lpthread -lm)

$(O)/examples/%: $(O)/examples/%.o $(alib)
	$(call link,-ljson-c)

.SECONDARY:
-include $(shell find $(O) -name '*.d' -not -path '$(O)/kmod-*' -not -path '$(O)/stage/*' 2>/dev/null)

# --- everything that runs -----------------------------------------------------------

# The project as a guest has it, one tree per kernel: see tests/vm/vmlib/stage.py.
guest-stage: tests-build
	@scripts/stage $(KERNELS)

check:
	@scripts/deps build vm bochs efi model style
	@tests/run $(T)

check-all:
	@scripts/deps build vm bochs efi model style
	@tests/run --all $(T)

check-debug:
	@scripts/deps build vm debug
	@tests/run --debug $(T)

check-races:
	@scripts/deps build vm debug
	@tests/run --races $(T)

check-next:
	@scripts/check-next $(KERNEL)

mutants:
	@scripts/deps build vm bochs efi mutants
	@tests/mutants $(T)

MINUTES ?= 5
soak:
	@scripts/deps build vm
	@tests/soak/run $(MINUTES)

fuzz:
	@scripts/deps build vm debug
	@tests/uapi/fuzz/run $(ARGS)

sweep:
	@scripts/deps build vm
	@tests/sweep/run $(ARGS)

# They build for the kernels of their guests, whatever this machine runs.
bench demo:
	@scripts/deps build vm
	@$@/run $(ARGS)

style:
	@scripts/style

# --- installing ----------------------------------------------------------------------

INSTALL := install -D
completions := $(wildcard cli/*.bash)

install: all
	@$(if $(wildcard kmod/Kbuild),scripts/kmod install "$(DESTDIR)" $(KERNELS))
	$(if $(lib_src),$(INSTALL) -m 755 $(solib) -t $(DESTDIR)$(LIBDIR))
	$(if $(lib_src),cp -P $(O)/lib/libshadowk.so.$(SOVERSION) $(O)/lib/libshadowk.so $(DESTDIR)$(LIBDIR))
	$(if $(lib_src),$(INSTALL) -m 644 $(alib) -t $(DESTDIR)$(LIBDIR))
	$(if $(wildcard lib/shadowk.h),$(INSTALL) -m 644 lib/shadowk.h -t $(DESTDIR)$(PREFIX)/include)
	$(INSTALL) -m 644 include/uapi/linux/shadowk.h -t $(DESTDIR)$(PREFIX)/include/linux
	$(INSTALL) -m 644 include/shadowk_patch.h -t $(DESTDIR)$(PREFIX)/include
	$(if $(pc),$(INSTALL) -m 644 $(pc) -t $(DESTDIR)$(LIBDIR)/pkgconfig)
	$(if $(command),$(INSTALL) -m 755 $(command) -t $(DESTDIR)$(PREFIX)/bin)
	$(foreach m,$(man),$(INSTALL) -m 644 $m -t $(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $m)) &&) true
	$(foreach p,$(profile_src),$(INSTALL) -m 644 $p -t $(DESTDIR)$(PREFIX)/share/shadowk/profiles &&) true
	$(foreach c,$(completions),$(INSTALL) -m 644 $c \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$(basename $(notdir $c)) &&) true
	$(if $(DESTDIR),,-ldconfig)

uninstall:
	@$(if $(wildcard kmod/Kbuild),scripts/kmod uninstall "$(DESTDIR)" $(KERNELS))
	rm -f $(DESTDIR)$(LIBDIR)/libshadowk.* $(DESTDIR)$(LIBDIR)/pkgconfig/shadowk.pc \
		$(DESTDIR)$(PREFIX)/include/shadowk.h \
		$(DESTDIR)$(PREFIX)/include/shadowk_patch.h $(DESTDIR)$(PREFIX)/include/linux/shadowk.h \
		$(DESTDIR)$(PREFIX)/bin/shadowctl $(profile_src:%=$(DESTDIR)$(PREFIX)/share/shadowk/%) \
		$(foreach c,$(completions),$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$(basename $(notdir $c))) \
		$(foreach m,$(man),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $m))/$(notdir $m))

clean:
	rm -rf $(O)
