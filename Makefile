# keyspace: the module, its tests and what goes with them.  GNU make.
#
#   make            build/ngx_http_keyspace_module.so and, for the RESP
#                   listener, build/ngx_stream_keyspace_module.so
#   make run        an nginx with it on 127.0.0.1:8080, and on port 6380 for
#                   Redis clients (or PORT=... RESP_PORT=...); make stop ends it
#   make test       the engine's unit tests and the tests with nginx
#   make unit       the engine's unit tests alone
#   make arm64-unit these for 64-bit Arm, under qemu
#   make bench      the figures, side by side with those of others
#   make lint       warnings of two compilers, cppcheck, the layers
#   make install    what was built, into the modules directory of the nginx
#                   that it was built for
#   make dist       the release, build/dist/keyspace-VERSION.tar.gz
#   make deb        packages for the Debian that this is, in build/deb
#   make deps       installs what all of these need (Debian)
#   make clean
#
#   NGINX_SRC=DIR   builds for another nginx: its source tree
#   NGINX_CONF=...  how that one is configured (what nginx -V tells);
#                   by default for any nginx that was built --with-compat
#   LUA_SRC=DIR     takes Lua 5.4 from this source tree, not from the system
#   SANITIZE=address,undefined
#                   builds with these, into build/sanitize
#   BUILD=DIR       builds there
#   JOBS=N          runs so many programs of tests at a time, and a file of
#                   t/ more; by default a program for each processor
#   V=1             shows the commands

MODULE      = ngx_http_keyspace_module
STREAM      = ngx_stream_keyspace_module
NGINX_SRC  ?= /usr/share/nginx/src
NGINX      ?= $(or $(shell PATH="$$PATH:/usr/sbin:/usr/local/sbin" \
                command -v nginx),nginx)
PORT       ?= 8080
RESP_PORT  ?= 6380
CC          = gcc
CFLAGS     ?= -O2 -g
DESTDIR    ?=
ifdef SANITIZE
BUILD      ?= build/sanitize
SAN         = -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined \
              -fno-omit-frame-pointer
# an nginx that is not built with them needs the libraries before all others
PRELOAD     = $(shell for l in asan ubsan; do \
                $(CC) -print-file-name=lib$$l.so; done | grep / | tr '\n' ' ')
else
BUILD      ?= build
SAN         =
PRELOAD     =
endif

WARN        = -Wall -Wextra -Werror
# the callbacks of nginx have parameters that not every one needs
WARN_NGX    = $(WARN) -Wno-unused-parameter
# a product is rounded before it is added, on processors that need not do so,
# too: places and distances are the same on all of them
STD         = -std=gnu11 -ffp-contract=off
# no other object overrides a function of ours, so that they can be inlined
PIC         = -fPIC -fno-semantic-interposition
INC         = -Isrc -isystem $(LUA)/include
LIBS        = $(LUA_OWN) -lcrypto -lcjson -lm -lpthread

# every source below src/ belongs to the module of HTTP, but for those of the
# module of stream: config says the same
SRCS       := $(wildcard src/*/*.c)
HDRS       := $(wildcard src/*/*.h)
STREAM_SRCS := $(filter src/nginx/ngx_stream_%,$(SRCS))
NGX_SRCS   := $(filter-out $(STREAM_SRCS),$(filter src/nginx/%,$(SRCS)))
KS_SRCS    := $(filter-out src/nginx/%,$(SRCS))

NGX         = $(BUILD)/nginx
CONFIGURED  = $(NGX)/objs/$(MODULE)_modules.c
CONFIGURED_STREAM = $(NGX)/objs/$(STREAM)_modules.c
NGX_DIRS    = core event event/modules event/quic os/unix \
              http http/modules http/v2 http/v3 stream
NGX_INC     = -isystem $(NGX)/objs $(NGX_DIRS:%=-isystem $(NGX)/src/%)

SO          = $(BUILD)/$(MODULE).so
STREAM_SO   = $(BUILD)/$(STREAM).so
LIB         = $(BUILD)/libkeyspace.a
LUA         = $(BUILD)/lua
LUA_OWN     = $(LUA)/libkeyspace_lua.a
NGX_OBJS    = $(NGX_SRCS:src/%.c=$(BUILD)/obj/%.o)
STREAM_OBJS = $(STREAM_SRCS:src/%.c=$(BUILD)/obj/%.o)
KS_OBJS     = $(KS_SRCS:src/%.c=$(BUILD)/obj/%.o)

UNITS       = $(patsubst t/unit/%.c,$(BUILD)/unit/%,$(wildcard t/unit/*.c))
BENCHES     = $(patsubst bench/%.c,$(BUILD)/bench/%,\
                $(filter-out bench/bench.c,$(wildcard bench/*.c)))

RUN         = $(BUILD)/run

# of the nginx that was built for, and of the one that is run
BUILT       = $(or $(shell cat $(BUILD)/tree 2>/dev/null),$(TREE))
MODULES    ?= $(shell .ci/modules $(BUILT))
RUN_MODULES = $(shell .ci/modules /usr/share/nginx/src)

# .ci/modules asks it, wherever the sources are
ifneq ($(origin NGINX),file)
export NGINX
endif

# a number made of the sources: which build it is
STAMP      := $(shell cat src/*/*.[ch] src/console/* | sha256sum | cut -c1-8)

TEST_ENV    = KS_BUILD='$(abspath $(BUILD))' KS_MODULE='$(abspath $(SO))' \
              KS_NGINX='$(NGINX)' KS_PRELOAD='$(strip $(PRELOAD))'

Q           = $(if $(V),,@)
say         = @echo '  $(1)  $(patsubst $(BUILD)/%,%,$@)'

.PHONY: all run stop test unit units arm64-unit bench lint lint-c lint-circles \
        lint-cppcheck lint-layers lint-musl lint-width install dist deb \
        deps deps-arm64 deps-build deps-deb clean force
.DELETE_ON_ERROR:
.SECONDARY:

all: $(SO) $(STREAM_SO) $(LIB)


# --- the module ---

# what the objects were built with: another choice builds them again
FLAGS       = $(CC) $(CFLAGS) $(SAN) $(INC) $(LDFLAGS)
TREE        = $(NGINX_SRC) $(NGINX_CONF)
LUA_FLAGS   = $(CC) $(CFLAGS) $(LUA_SRC) $(LUA_LIB) $(LUA_INC)

$(BUILD)/flags: force
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@

$(BUILD)/lua.flags: force
	@mkdir -p $(@D)
	@echo '$(LUA_FLAGS)' | cmp -s - $@ || echo '$(LUA_FLAGS)' > $@

$(BUILD)/stamp: force
	@mkdir -p $(@D)
	@echo '$(STAMP)' | cmp -s - $@ || echo '$(STAMP)' > $@

$(BUILD)/tree: force
	@mkdir -p $(@D)
	@echo '$(TREE)' | cmp -s - $@ || echo '$(TREE)' > $@

# Lua under names of the module's own
$(LUA_OWN): .ci/lua $(BUILD)/lua.flags
	$(call say,LUA)
	$(Q)CC='$(CC)' CFLAGS='$(CFLAGS)' LUA_SRC='$(LUA_SRC)' \
	    LUA_LIB='$(LUA_LIB)' LUA_INC='$(LUA_INC)' .ci/lua $(LUA)

# it comes to be with the other one: a recipe makes make look at its time
$(CONFIGURED_STREAM): $(CONFIGURED)
	@:

# nginx's configure writes into the tree it is in, so it gets a copy
$(CONFIGURED): config $(BUILD)/tree
	@test -d '$(NGINX_SRC)' || { \
	    echo 'no nginx sources in $(NGINX_SRC): make deps' >&2; exit 1; }
	$(call say,CONF)
	$(Q)rm -rf $(NGX)
	$(Q)mkdir -p $(NGX)
	$(Q)cd '$(NGINX_SRC)' && tar cf - --exclude=./.git --exclude=./objs \
	    --exclude=./Makefile . | tar xf - -C '$(abspath $(NGX))'
	$(Q)cd $(NGX) && bash $(CURDIR)/.ci/configure $(CURDIR) $(NGINX_CONF) \
	    > configure.log 2>&1 || { tail -20 configure.log >&2; exit 1; }

STAMPED     = $(BUILD)/obj/nginx/ngx_keyspace_build.o \
              $(BUILD)/obj/nginx/ngx_stream_keyspace_module.o

$(STAMPED): $(BUILD)/stamp
$(STAMPED): DEFS = -DKS_BUILD=$(STAMP)

$(BUILD)/obj/nginx/%.o: src/nginx/%.c $(BUILD)/flags $(CONFIGURED) | $(LUA_OWN)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(STD) $(CFLAGS) $(SAN) $(WARN_NGX) $(PIC) $(DEFS) $(INC) \
	    $(NGX_INC) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: src/%.c $(BUILD)/flags | $(LUA_OWN)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(STD) $(CFLAGS) $(SAN) $(WARN) $(PIC) $(INC) -MMD -MP -c -o $@ $<

define modules_rule
$1: $2 $$(BUILD)/flags
	@mkdir -p $$(@D)
	$$(call say,CC)
	$$(Q)$$(CC) $$(STD) $$(CFLAGS) $$(SAN) -fPIC $$(NGX_INC) -c -o $$@ $$<
endef

$(eval $(call modules_rule,$(BUILD)/obj/modules.o,$(CONFIGURED)))
$(eval $(call modules_rule,$(BUILD)/obj/modules_stream.o,$(CONFIGURED_STREAM)))

# the assembler reads the page
$(BUILD)/obj/nginx/ngx_http_keyspace_console_page.o: $(wildcard src/console/*)

# a list of sources that changes does not change a time stamp
$(BUILD)/objs: force
	@mkdir -p $(@D)
	@echo '$(SRCS)' | cmp -s - $@ || echo '$(SRCS)' > $@

# nothing is visible but what nginx and the other module ask for: $(MODULE).map
LINK        = $(CC) -shared $(SAN) -Wl,-Bsymbolic -Wl,-z,relro,-z,now \
              -Wl,--version-script=$(filter %.map,$^) $(LDFLAGS)

$(SO): $(NGX_OBJS) $(KS_OBJS) $(BUILD)/obj/modules.o $(BUILD)/objs \
       src/nginx/$(MODULE).map $(LUA_OWN)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(LIBS)

# what it lacks is nginx's or the other module's, which is loaded before
$(STREAM_SO): $(STREAM_OBJS) $(BUILD)/obj/modules_stream.o $(BUILD)/objs \
              src/nginx/$(STREAM).map $(SO)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $(filter %.o,$^)
	@.ci/exports $(SO) $@

$(LIB): $(KS_OBJS) $(BUILD)/objs
	@rm -f $@
	$(call say,AR)
	$(Q)ar rcs $@ $(filter %.o,$^)

-include $(NGX_OBJS:.o=.d) $(STREAM_OBJS:.o=.d) $(KS_OBJS:.o=.d)


# --- tests ---

$(BUILD)/unit/%: t/unit/%.c $(LIB) $(LUA_OWN) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(STD) $(CFLAGS) $(SAN) $(WARN) $(INC) -It/unit -MMD -MP \
	    -o $@ $< $(LIB) -lcmocka $(LIBS)

$(BUILD)/bench/%: bench/%.c bench/bench.c $(LIB) $(LUA_OWN) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(STD) $(CFLAGS) $(SAN) $(WARN) $(INC) -Ibench \
	    -o $@ $< bench/bench.c $(LIB) $(LIBS)

-include $(UNITS:%=%.d)

# so many programs at a time, and files of tests, which wait for much of theirs
JOBS       ?= $(shell nproc)
FILES      ?= $(shell expr $(JOBS) + 1)

# those that look at what the whole machine does
ALONE       = t/idle.t
TOGETHER    = $(filter-out $(ALONE),$(wildcard t/*.t))

unit: $(UNITS)
	@printf '%s\n' $(UNITS) | xargs -n 1 -P $(JOBS) .ci/unit

# The engine for 64-bit Arm.  The kernel gives back the locks of processes that
# have died, and qemu-user does not: these wait for that.
ARM64       = aarch64-linux-gnu-gcc
ROBUST      = test_appender test_busy test_hub test_journal test_limit_places \
              test_processes test_processes_values test_replay test_snapshot
ARM64_UNITS = $(filter-out $(ROBUST:%=t/unit/%.c),$(wildcard t/unit/*.c))

arm64-unit: deps-arm64
	@$(MAKE) --no-print-directory CC=$(ARM64) BUILD=$(BUILD)/arm64 units
	@printf '%s\n' $(ARM64_UNITS:t/unit/%.c=$(BUILD)/arm64/unit/%) \
	    | KS_RUNNER='qemu-aarch64 -L /' xargs -n 1 -P $(JOBS) .ci/unit

units: $(UNITS)

test: deps
	@$(MAKE) --no-print-directory \
	    $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS)) all $(UNITS)
	@status=0; \
	$(MAKE) --no-print-directory unit || status=1; \
	if [ -f t/clients/package.json ]; then \
	    npm ci --prefix t/clients --no-audit --no-fund --loglevel=error \
	    || status=1; \
	fi; \
	$(TEST_ENV) prove -j $(FILES) -I t/lib $(TOGETHER) || status=1; \
	$(TEST_ENV) prove -I t/lib $(ALONE) || status=1; \
	exit $$status

bench: deps
	@$(MAKE) --no-print-directory all $(BENCHES)
	$(TEST_ENV) bench/run


# --- an nginx to try it with ---

run: deps-build
	@$(MAKE) --no-print-directory \
	    $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS)) all
	@$(MAKE) --no-print-directory stop
	@.ci/start '$(NGINX)' '$(abspath $(RUN))' '$(PORT)' '$(RESP_PORT)' \
	    '$(RUN_MODULES)/ngx_stream_module.so' $(abspath $(SO) $(STREAM_SO))

stop:
	@pid=$$(cat $(RUN)/logs/nginx.pid 2>/dev/null) || exit 0; \
	kill -QUIT $$pid 2>/dev/null || exit 0; \
	for i in $$(seq 50); do \
	    kill -0 $$pid 2>/dev/null || exit 0; sleep 0.1; \
	done; \
	kill -TERM $$pid 2>/dev/null || true


# --- order ---

LINT_OBJS   = $(foreach c,gcc clang,\
                $(SRCS:src/%.c=$(BUILD)/lint/$c/%.o) \
                $(patsubst %.c,$(BUILD)/lint/$c/%.o,\
                    $(wildcard t/unit/*.c bench/*.c)))

lint: lint-width lint-layers lint-circles lint-c lint-cppcheck lint-musl

lint-c: $(LINT_OBJS)

# what nginx's own configure has clang warn of, and how it has gcc optimize: that
# finds other things than -O2, with which all is built here
LINT_clang  = -O2 -Wconditional-uninitialized
LINT_gcc    = -O1

define lint_rules
$(BUILD)/lint/$1/nginx/%.o: src/nginx/%.c $$(HDRS) $$(CONFIGURED) | $$(LUA_OWN)
	@mkdir -p $$(@D)
	$$(call say,$1)
	$$(Q)$1 $$(STD) $$(WARN_NGX) $$(LINT_$1) $$(INC) $$(NGX_INC) \
	    -c -o $$@ $$<

$(BUILD)/lint/$1/%.o: src/%.c $$(HDRS) | $$(LUA_OWN)
	@mkdir -p $$(@D)
	$$(call say,$1)
	$$(Q)$1 $$(STD) $$(WARN) $$(LINT_$1) $$(INC) -c -o $$@ $$<

$(BUILD)/lint/$1/%.o: %.c $$(HDRS) $$(wildcard t/unit/*.h bench/*.h) | $$(LUA_OWN)
	@mkdir -p $$(@D)
	$$(call say,$1)
	$$(Q)$1 $$(STD) $$(WARN) $$(LINT_$1:-W%=) $$(INC) -It/unit -Ibench -c -o $$@ $$<
endef

$(foreach c,gcc clang,$(eval $(call lint_rules,$c)))

lint-cppcheck: $(LUA_OWN)
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
	    --enable=warning,performance,portability -j 2 \
	    --suppressions-list=.ci/cppcheck -D__GNUC__ -D__x86_64__ -D__LP64__ \
	    -D__BYTE_ORDER__=1234 -D__ORDER_LITTLE_ENDIAN__=1234 \
	    $(INC) $(wildcard src/*/)

# the engine with another libc, which has none of the libraries that are used
LINT_MUSL   = $(KS_SRCS:src/%.c=$(BUILD)/lint/musl/%.ok)

lint-musl: $(LINT_MUSL)

$(BUILD)/lint/musl/include: .ci/musl
	$(call say,musl)
	$(Q).ci/musl $@

$(BUILD)/lint/musl/%.ok: src/%.c $(HDRS) | $(LUA_OWN) $(BUILD)/lint/musl/include
	@mkdir -p $(@D)
	$(call say,musl)
	$(Q)musl-gcc $(STD) -O2 $(WARN) -fsyntax-only $(INC) \
	    -isystem $(BUILD)/lint/musl/include $<
	@touch $@

lint-layers:
	.ci/layers

# 80 columns
lint-width:
	@! grep -nE '^.{81,}' $(wildcard src/*/*.[ch] t/unit/*.[ch] bench/*.[ch])

lint-circles: $(KS_OBJS) $(NGX_OBJS) $(STREAM_OBJS)
	.ci/circles $(BUILD)/obj memory types keyspace bus protocol \
	    commands script persist replica nginx


# --- the rest ---

# Nothing is built again here: another user may have other tools and settings.
install:
	@test -f $(SO) -a -f $(STREAM_SO) || $(MAKE) --no-print-directory all
	install -d '$(DESTDIR)$(MODULES)'
	install -m 644 $(SO) $(STREAM_SO) '$(DESTDIR)$(MODULES)'
	@echo 'A running nginx goes on with the code that it has, after a' \
	    'reload, too: restart it, or upgrade its binary (USR2).'

# the release, and packages of it for the Debian that this is
dist:
	@.ci/dist '$(BUILD)/dist'

deb: deps-deb
	@.ci/deb '$(BUILD)/deb'

deps-deb:
	@.ci/deps deb

deps-arm64:
	@.ci/deps arm64

deps-build:
	@.ci/deps build

deps:
	@.ci/deps all

clean:
	@$(MAKE) --no-print-directory stop
	rm -rf $(BUILD)
