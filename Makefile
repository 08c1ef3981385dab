# SPDX-License-Identifier: GPL-2.0
# shadow kernels: `make help` says what there is to make.

VERSION   := 0.1.0
SOVERSION := 0
PREFIX    ?= /usr/local
LIBDIR    ?= $(PREFIX)/lib
UNITDIR   ?= $(PREFIX)/lib/systemd/system
ZSHDIR    ?= $(PREFIX)/share/zsh/site-functions
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
systemd_src := $(wildcard systemd/*.in)

solib    := $(if $(lib_src),$(O)/lib/libshadowk.so.$(VERSION))
alib     := $(if $(lib_src),$(O)/lib/libshadowk.a)
pc       := $(if $(wildcard lib/shadowk.pc.in),$(O)/lib/shadowk.pc)
command  := $(if $(cli_src),$(O)/bin/shadowctl)
man      := $(man_src:docs/man/%.scd=$(O)/man/%)
profiles := $(profile_src:%=$(O)/share/shadowk/%)
systemd  := $(systemd_src:%.in=$(O)/%)
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
#: make install-user        the same without the module
#: make deb          Debian packages, in build/deb/
#: make clean        what was built; the cache of kernels and roots stays
.PHONY: all help modules lib cli examples tests-build units guest-stage check check-all \
	check-debug check-races check-next mutants soak fuzz sweep bench demo style install \
	install-user uninstall deb clean
.DELETE_ON_ERROR:

modules:
	@$(if $(wildcard kmod/Kbuild),scripts/kmod build $(KERNELS))

lib: $(solib) $(alib) $(pc)
cli: $(command) $(man) $(profiles) $(systemd)
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

# The symbols of the kernel that the module looks up, in order, for 'shadowctl doctor --bundle'.
kmod_src := $(wildcard kmod/*.[ch] kmod/*/*.[ch])
$(O)/cli/kernel_symbols.h: $(kmod_src) Makefile
	@mkdir -p $(@D)
	@sed -nE -e 's/^\tF\(([a-z_][a-z_0-9]+)\).*/"\1",/p' -e 's/^\tSHK_RESOLVE\(([a-z_0-9]+)\).*/"\1",/p' \
		-e 's/.*(symbols_resolve|symbols_resolve_site|shk_symbol_lookup|shk_symbol_unique)\(("[^"]+").*/\2,/p' \
		-e 's/.*\[SHK_HOOK_[A-Z_0-9]+\] = (\{ |IN_BASE\()("[^"]+").*/\2,/p' $(kmod_src) | \
		LC_ALL=C sort -u >$@

$(O)/cli/bundle.o: $(O)/cli/kernel_symbols.h
$(O)/cli/bundle.o: override CPPFLAGS += -I$(O)/cli

$(O)/cli/build_folder.o: include/shadowk_patch.h

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

# Text with the paths of the installation. They are arguments of make, not files.
define substitute
@mkdir -p $(@D)
@sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@prefix@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
	-e 's|@libdir@|$(LIBDIR)|g' -e 's|@VERSION@|$(VERSION)|g' $< >$@.new
@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
endef

$(O)/lib/shadowk.pc: lib/shadowk.pc.in Makefile FORCE
	$(substitute)

$(systemd): $(O)/systemd/%: systemd/%.in Makefile FORCE
	$(substitute)
.PHONY: FORCE
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
	@scripts/deps build vm bochs efi model style deb
	@tests/run $(T)

check-all:
	@scripts/deps build vm bochs efi model style deb
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
bash_words := $(PREFIX)/share/bash-completion/completions/shadowctl
zsh_words  := $(ZSHDIR)/_shadowctl
fish_words := $(PREFIX)/share/fish/vendor_completions.d/shadowctl.fish
generators   := $(filter %-generator,$(systemd))
system_units := $(filter-out $(generators),$(systemd))

install: all install-user
	@$(if $(wildcard kmod/Kbuild),scripts/kmod install "$(DESTDIR)" $(KERNELS))

# Everything but the module, which DKMS builds on the machine that has the packages.
install-user: lib cli
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
	$(INSTALL) -m 644 cli/shadowctl.bash $(DESTDIR)$(bash_words)
	$(INSTALL) -m 644 cli/shadowctl.zsh $(DESTDIR)$(zsh_words)
	$(INSTALL) -m 644 cli/shadowctl.fish $(DESTDIR)$(fish_words)
	$(foreach u,$(system_units),$(INSTALL) -m 644 $u -t $(DESTDIR)$(UNITDIR) &&) true
	$(foreach g,$(generators),$(INSTALL) -m 755 $g -t $(DESTDIR)$(UNITDIR)-generators &&) true
	$(if $(DESTDIR),,-ldconfig)

uninstall:
	@$(if $(wildcard kmod/Kbuild),scripts/kmod uninstall "$(DESTDIR)" $(KERNELS))
	rm -f $(DESTDIR)$(LIBDIR)/libshadowk.* $(DESTDIR)$(LIBDIR)/pkgconfig/shadowk.pc \
		$(DESTDIR)$(PREFIX)/include/shadowk.h \
		$(DESTDIR)$(PREFIX)/include/shadowk_patch.h $(DESTDIR)$(PREFIX)/include/linux/shadowk.h \
		$(DESTDIR)$(PREFIX)/bin/shadowctl $(profile_src:%=$(DESTDIR)$(PREFIX)/share/shadowk/%) \
		$(addprefix $(DESTDIR),$(bash_words) $(zsh_words) $(fish_words)) \
		$(foreach u,$(system_units),$(DESTDIR)$(UNITDIR)/$(notdir $u)) \
		$(foreach g,$(generators),$(DESTDIR)$(UNITDIR)-generators/$(notdir $g)) \
		$(foreach m,$(man),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $m))/$(notdir $m))

deb:
	@scripts/deps build deb
	@scripts/deb

clean:
	rm -rf $(O)
