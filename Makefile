# Makefile -- builds netc and what its trainers are linked with, all under build/.
#
#     make                  build/netc, build/libnetrt.a, build/libnetrt-ISA.a
#     make quickstart       install what is missing, build, train models/digits.net, show it
#     make test             install what is missing, build, run every test
#     make test-torch       the losses of tests/torch/cases.txt against the PyTorch that is installed
#     make test-gradients   the gradients of the largest models too: minutes each
#     make bench            step times beside PyTorch's: a table and bench.json
#     make bench-run        a whole run beside PyTorch's, by the clock
#     make winograd-errors  how far from double 3x3 convolutions are, by Winograd and direct
#     make data-mnist       fetch a data set into DATA (data/); also data-cifar10, data-cifar100,
#                           data-imdb, data-boston, data-pima
#     make install          to PREFIX (/usr/local)
#     make format lint clean
#
# A trainer is the generated C of one model, libnetrt.a, and libnetrt-ISA.a: the few runtime files
# that hold vector code, compiled once for each instruction set.

PREFIX  ?= /usr/local
BUILD   ?= build
DATA    ?= data
SANITIZE =

# every core, unless -j says otherwise
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

# clang, unless CC is given: netc itself needs one behind it anyway
ifeq ($(origin CC),default)
CC := $(notdir $(firstword $(foreach c,clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19, \
          $(shell command -v $(c))) cc))
endif

WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion
CFLAGS  ?= -O2 -g
INCLUDES = -Icompiler -Iruntime -I$(BUILD)
compile  = $(CC) -std=c11 $(WARNINGS) $(CFLAGS) $(SANITIZE) -MMD -MP $(INCLUDES)

# what runs in a training step must give the same bits under every compiler
RUNTIME_FLAGS = -O2 -ffp-contract=off -fno-math-errno -ffunction-sections -fdata-sections \
                -fno-asynchronous-unwind-tables -pthread

ISAS         = avx512 avx2 generic
march_avx512 = -march=x86-64-v4 -mprefer-vector-width=512
march_avx2   = -march=x86-64-v3
march_generic = -march=x86-64

ISA_SOURCES     = $(addprefix runtime/,augment.c normal.c optimizer.c peak.c strips.c)
RUNTIME_SOURCES = $(filter-out $(ISA_SOURCES),$(wildcard runtime/*.c))
COMPILER_SOURCES = $(wildcard compiler/*.c)
TEST_SOURCES    = $(wildcard tests/*.c)

runtime_objects  = $(RUNTIME_SOURCES:%.c=$(BUILD)/%.o)
isa_objects      = $(ISA_SOURCES:runtime/%.c=$(BUILD)/runtime/$(1)/%.o)
compiler_objects = $(COMPILER_SOURCES:%.c=$(BUILD)/%.o) $(BUILD)/lexer.o $(BUILD)/parser.o
test_objects     = $(TEST_SOURCES:%.c=$(BUILD)/%.o)

all: $(BUILD)/netc $(BUILD)/libnetrt.a $(ISAS:%=$(BUILD)/libnetrt-%.a) $(BUILD)/include

$(BUILD)/netc: $(compiler_objects)
	$(CC) $(SANITIZE) -o $@ $^ -lm

# netc looks for its headers beside itself, here as in an installation
$(BUILD)/include: | $(BUILD)/compiler
	ln -sfnr runtime $@

$(BUILD)/libnetrt.a: $(runtime_objects)
	rm -f $@
	ar rcs $@ $^

# ---- objects ------------------------------------------------------------------------------------

$(BUILD)/parser.c $(BUILD)/parser.h &: compiler/parser.y | $(BUILD)/compiler
	bison -Wall --defines=$(BUILD)/parser.h -o $(BUILD)/parser.c $<

$(BUILD)/lexer.c $(BUILD)/lexer.h &: compiler/lexer.l | $(BUILD)/compiler
	flex --header-file=$(BUILD)/lexer.h -o $(BUILD)/lexer.c $<

# flex and bison write code that converts carelessly
$(BUILD)/lexer.o $(BUILD)/parser.o: $(BUILD)/%.o: $(BUILD)/%.c | $(BUILD)/parser.h $(BUILD)/lexer.h
	$(compile) -Wno-conversion -Wno-unused-function -Wno-unused-but-set-variable -c -o $@ $<

$(BUILD)/compiler/%.o: compiler/%.c | $(BUILD)/parser.h $(BUILD)/lexer.h
	$(compile) -c -o $@ $<

$(BUILD)/runtime/%.o: runtime/%.c | $(BUILD)/runtime
	$(compile) $(RUNTIME_FLAGS) -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.c | $(BUILD)/tests $(BUILD)/parser.h $(BUILD)/lexer.h
	$(compile) -pthread -c -o $@ $<

define isa_rules
$(BUILD)/libnetrt-$(1).a: $(call isa_objects,$(1))
	rm -f $$@
	ar rcs $$@ $$^

$(BUILD)/runtime/$(1)/%.o: runtime/%.c | $(BUILD)/runtime/$(1)
	$$(compile) $(RUNTIME_FLAGS) $(march_$(1)) -c -o $$@ $$<
endef
$(foreach isa,$(ISAS),$(eval $(call isa_rules,$(isa))))

folders = $(addprefix $(BUILD)/,compiler runtime tests $(ISAS:%=runtime/%))
$(folders):
	mkdir -p $@

-include $(wildcard $(addsuffix /*.d,$(BUILD) $(folders)))

# ---- tests --------------------------------------------------------------------------------------

# The Check suites: every stage of the compiler and the runtime, in one program.
$(BUILD)/check_all: $(test_objects) $(filter-out %/main.o,$(compiler_objects)) \
                    $(BUILD)/libnetrt.a $(BUILD)/libnetrt-generic.a
	$(CC) $(SANITIZE) -pthread -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) \
	    -Wl,--end-group $$(pkg-config --libs check) -lz -lm

tests: all $(BUILD)/check_all

ASAN = BUILD=$(BUILD)/asan SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" \
       CFLAGS="-O1 -g"

test:
	@$(call install,$(NEEDED_BY_TEST))
	@$(MAKE) --no-print-directory test-installed

test-installed: tests
	@$(call install_sanitizers)
	@$(MAKE) --no-print-directory $(ASAN) tests
	@BUILD=$(BUILD) tests/run.sh

test-torch: all
	@if python3 -c 'import torch, numpy' 2>/dev/null; then \
	    python3 tests/torch_losses.py compare --netc $(BUILD)/netc; \
	else \
	    echo "python3 has no torch (pip install torch numpy)"; \
	    echo "0 passed, 0 failed, 1 skipped"; \
	fi

test-gradients: all
	tests/models.sh every

bench: all
	python3 tests/bench/bench.py --netc $(BUILD)/netc --out bench.json --models "$(MODELS)"

bench-run: all
	python3 tests/bench/whole_run.py --netc $(BUILD)/netc

winograd-errors: $(BUILD)/check_all
	@ERRORS=1 CK_RUN_SUITE=winograd CK_RUN_CASE=errors $(BUILD)/check_all

# ---- a fresh machine ----------------------------------------------------------------------------

# A package, and a file that says it is there. Debian 12's `clang` is clang 14.
NEEDED = flex:flex bison:bison clang:clang \
         libsimde-dev:/usr/include/simde/x86/avx512.h zlib1g-dev:/usr/include/zlib.h
NEEDED_BY_TEST = $(NEEDED) pkg-config:pkg-config check:/usr/include/check.h

# Installs those of the packages whose file (a path, or a command) is missing, saying which.
define install
missing=; for need in $(1); do \
    package=$${need%%:*}; file=$${need#*:}; \
    case $$package:$(CC) in clang:clang*) file=$(CC);; esac; \
    [ -e "$$file" ] || command -v "$$file" >/dev/null || missing="$$missing $$package"; \
done; \
$(call apt_install,$$missing)
endef

define apt_install
if [ -n "$(1)" ]; then \
    as=; [ "$$(id -u)" = 0 ] || as=sudo; \
    echo "netc is built with packages that are missing here:$(1)"; \
    echo "installing them: $${as:+$$as }apt-get install$(1)"; \
    $$as apt-get update -q && \
    DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -q --no-install-recommends $(1) || \
    { echo "could not install$(1): install them by hand, then run make again" >&2; exit 1; }; \
fi
endef

# clang keeps its sanitizers in a package of its own, named by its version.
define install_sanitizers
if ! echo 'int main(void) { return 0; }' | \
     $(CC) -fsanitize=address,undefined -x c -o $(BUILD)/sanitized - 2>/dev/null; then \
    version=$$($(CC) -dumpversion | cut -d. -f1); missing=" libclang-rt-$$version-dev"; \
    $(call apt_install,$$missing); \
fi
endef

quickstart:
	@$(call install,$(NEEDED))
	@$(MAKE) --no-print-directory quickstart-installed

quickstart-installed: all
	$(BUILD)/netc models/digits.net -o $(BUILD)/digits
	$(BUILD)/digits train --out $(BUILD)/digits-run --force
	$(BUILD)/digits eval --weights $(BUILD)/digits-run
	@echo
	@echo "The trainer is $(BUILD)/digits (try --help), the run's folder $(BUILD)/digits-run."

# ---- data sets ----------------------------------------------------------------------------------

DATA_SETS = mnist cifar10 cifar100 imdb boston pima

$(DATA_SETS:%=data-%): data-%:
	@models/get-data.sh --to $(DATA) $*

# ---- the rest -----------------------------------------------------------------------------------

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/netc/include
	install $(BUILD)/netc $(DESTDIR)$(PREFIX)/bin/netc
	install -m 644 $(BUILD)/libnetrt*.a $(DESTDIR)$(PREFIX)/lib/netc
	install -m 644 runtime/*.h $(DESTDIR)$(PREFIX)/lib/netc/include

CLANG_FORMAT ?= $(firstword $(foreach c,git-clang-format git-clang-format-14,$(shell command -v $(c))))
CLANG_TIDY   ?= $(firstword $(foreach c,clang-tidy clang-tidy-14,$(shell command -v $(c))))

# the lines changed since the last commit: tables aligned by hand elsewhere stay as they are
format:
	$(CLANG_FORMAT) --extensions c,h -- compiler runtime tests

lint: all
	$(CLANG_TIDY) --quiet $(COMPILER_SOURCES) $(RUNTIME_SOURCES) -- -std=c11 $(INCLUDES)

clean:
	rm -rf $(BUILD)

.PHONY: all tests test test-installed test-torch test-gradients bench bench-run winograd-errors \
        quickstart quickstart-installed install format lint clean $(DATA_SETS:%=data-%)
.DELETE_ON_ERROR:
