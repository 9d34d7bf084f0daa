# Makefile -- builds netc and what its trainers are linked with, all under build/.
#
#     make quickstart     install what is missing, build, train models/digits.net, show it
#     make test           install what is missing, build, run every test; docs in CONTRIBUTING.md
#     make bench          step times beside PyTorch's; MODELS="lenet5 cnet": some; bench-run
#     make demo           one page that reads the digits that are drawn on it, as WebAssembly
#     make data-mnist     fetch a data set into DATA (data/); also cifar10 cifar100 imdb boston pima
#     make TARGETS=neon   what trainers of AArch64, or riscv64, are linked with (docs/library.md)
#     make install        to PREFIX (/usr/local), with man pages and completions; make uninstall
#
# A trainer is the generated C of one model, libnetrt.a, and libnetrt-ISA.a: the few runtime files
# that hold vector code, compiled once for each instruction set.

PREFIX  ?= /usr/local
BUILD   ?= build
DATA    ?= data
SANITIZE =
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
INCLUDES = -Icompiler -Iruntime -Itests -I$(BUILD)
compile  = $(CC) -std=c11 $(WARNINGS) $(CFLAGS) $(SANITIZE) -MMD -MP $(INCLUDES)
# what runs in a training step must give the same bits under every compiler
RUNTIME_FLAGS = -O2 -ffp-contract=off -fno-math-errno -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -pthread

ISAS = avx512 avx2 generic $(TARGETS)
march_avx512  = -march=x86-64-v4 -mprefer-vector-width=512
march_avx2    = -march=x86-64-v3
march_generic = -march=x86-64
march_neon    = --target=aarch64-linux-gnu -march=armv8-a -isystem /usr/aarch64-linux-gnu/include
march_riscv64 = --target=riscv64-linux-gnu -march=rv64gc -mno-relax -isystem /usr/riscv64-linux-gnu/include
# of another processor libnetrt.a's too
sources_of = $(if $(filter $(1),$(TARGETS)),$(filter-out $(if $(wildcard /usr/include/$(patsubst --target=%,%,$(firstword $(march_$(1))))/jconfig.h),,%/decode_jpeg.c),$(RUNTIME_SOURCES))) $(ISA_SOURCES)
sources_in = $(sort $(shell find $(1) -name '*.c'))
ISA_SOURCES  = $(addprefix runtime/,data/augment.c core/normal.c core/roofline.c \
               training/penalty.c) $(call sources_in,runtime/training/optimizers)
RUNTIME_SOURCES = $(filter-out $(ISA_SOURCES),$(call sources_in,runtime))
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
runtime_objects  = $(call objects,$(RUNTIME_SOURCES))
test_objects = $(call objects,$(filter-out tests/fuzz/% tests/faults/%,$(call sources_in,tests)))
shared = $(addprefix runtime/core/,attempt.c nearest.c standard_files.c atomic_file.c) \
         runtime/report/summary_table.c
compiler_objects = $(call objects,$(call sources_in,compiler) $(shared)) $(BUILD)/lexer.o $(BUILD)/parser.o

all: $(BUILD)/netc $(BUILD)/libnetrt.a $(ISAS:%=$(BUILD)/libnetrt-%.a) $(BUILD)/include
$(BUILD)/netc: $(compiler_objects)
	$(CC) $(SANITIZE) -o $@ $^ -lm
# netc looks for its headers beside itself, here as in an installation
$(BUILD)/include: | $(BUILD)/netc
	ln -sfnr runtime $@
# q, since r would keep only the last of files of one name; with the libraries that images() calls
$(BUILD)/libnetrt.a: $(runtime_objects)
	rm -f $@ && ar qc $@ $^
	printf '%s\n' "open $@" $(foreach a,png16 jpeg,"addlib $$($(CC) -print-file-name=lib$a.a)") save | ar -M
$(BUILD)/parser.c $(BUILD)/parser.h &: compiler/syntax/parser.y
	@mkdir -p $(@D)
	bison -Wall --defines=$(BUILD)/parser.h -o $(BUILD)/parser.c $<
$(BUILD)/lexer.c $(BUILD)/lexer.h &: compiler/syntax/lexer.l
	@mkdir -p $(@D)
	flex --header-file=$(BUILD)/lexer.h -o $(BUILD)/lexer.c $<

# flex and bison write code that converts carelessly
$(BUILD)/lexer.o $(BUILD)/parser.o: $(BUILD)/%.o: $(BUILD)/%.c | $(BUILD)/parser.h $(BUILD)/lexer.h
	$(compile) -Wno-conversion -Wno-unused-function -Wno-unused-but-set-variable -c -o $@ $<

# what no step and no row waits for is small
SMALL = $(addprefix $(BUILD)/runtime/,$(addsuffix .o,commands/% report/% training/%settings \
        $(addprefix core/,safetensors json text %file exit_report fail machine nearest pro% signals tensor) data/%/classes \
        $(addprefix training/,checkpoint find_nan init lets options pre% rates schedule session start step_% weights) \
        $(addprefix data/,arriving check contract dataset file %_text identity input loader paths split start synthetic task user_files watch %/digits %_json %/inverse %/scale %/stages %/idx %/values_finish)))
$(runtime_objects): extra = $(RUNTIME_FLAGS) -fno-unroll-loops
$(filter $(SMALL),$(runtime_objects)): extra += $(if $(findstring clang,$(CC)),-Oz,-Os)
$(test_objects): extra = -pthread $(if $(SANITIZE),$(if $(filter tests/reference/% tests/support/%,$<),-O1,-O0))
$(BUILD)/%.o: %.c | $(BUILD)/parser.h $(BUILD)/lexer.h
	@mkdir -p $(@D)
	$(compile) $(extra) -c -o $@ $<

define isa_rules
$(BUILD)/libnetrt-$(1).a: $(patsubst %.c,$(BUILD)/$(1)/%.o,$(call sources_of,$(1)))
	rm -f $$@ && ar qc $$@ $$^
$(BUILD)/$(1)/runtime/%.o: runtime/%.c
	@mkdir -p $$(@D)
	$$(compile) $(RUNTIME_FLAGS) $(march_$(1)) -c -o $$@ $$<
endef
$(foreach isa,$(ISAS),$(eval $(call isa_rules,$(isa))))

-include $(shell find $(BUILD) -name '*.d' -not -path '$(BUILD)/asan/*' -not -path '$(BUILD)/fuzz/*' 2>/dev/null)

# The Check suites: every stage of the compiler and the runtime, in one program.
$(BUILD)/check_all: $(test_objects) $(filter-out %/main.o,$(compiler_objects)) \
                    $(BUILD)/libnetrt.a $(BUILD)/libnetrt-generic.a
	$(CC) $(SANITIZE) -pthread -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) \
	    -Wl,--end-group $$(pkg-config --libs check) -lz -lm

tests: all $(BUILD)/check_all
PACKAGES = @CC="$(if $(filter file,$(origin CC)),,$(CC))" tests/support/packages.sh
ASAN = BUILD=$(BUILD)/asan SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" CFLAGS="-O1 -g1"
test:
	$(PACKAGES) test sanitizers lint
	@$(MAKE) --no-print-directory tests
	@$(MAKE) --no-print-directory $(ASAN) tests
	@BUILD=$(BUILD) tests/run.sh
test-long: ; @LONG=1 $(MAKE) --no-print-directory test # of the sanitized build all
test-torch: all; @BUILD=$(BUILD) tests/pytorch/live.sh # losses against the PyTorch installed
test-gradients: all; tests/cli/models.sh every # of the largest models too: minutes each
fuzz: ; @BUILD=$(BUILD) CC=$(CC) tests/fuzz/run.sh $(SECONDS) # SECONDS=600 of all targets
faults: all; @BUILD=$(BUILD) tests/faults/faults.py # of the system, in a short run: a table
random: tests; @BUILD=$(BUILD) tests/random/random.sh # COUNT=1000 SEED=1: networks, a table
bench: all; python3 tests/bench/bench.py --netc $(BUILD)/netc --out bench.json --models "$(MODELS)"
bench-run: all; python3 tests/bench/whole_run.py --netc $(BUILD)/netc
winograd-errors: $(BUILD)/check_all; @ERRORS=1 CK_RUN_SUITE=winograd CK_RUN_CASE=errors $(BUILD)/check_all
format: ; clang-format -i $$(git ls-files '*.[ch]' ':!generated')
lint: tests; $(PACKAGES) lint && BUILD=$(BUILD) tests/support/lint.sh
quickstart:
	$(PACKAGES) build
	@$(MAKE) --no-print-directory all
	$(BUILD)/netc models/digits.net -o $(BUILD)/digits
	$(BUILD)/digits train --out $(BUILD)/digits-run --force
	$(BUILD)/digits eval --weights $(BUILD)/digits-run
	@echo "The trainer is $(BUILD)/digits (try --help), the run's folder $(BUILD)/digits-run."
demo: all; $(PACKAGES) demo && BUILD=$(BUILD) docs/demo/build.sh # NETC_DATA=DIR: on DIR/mnist
data-%: ; @models/get-data.sh --to $(DATA) $*
help: ; @sed -n 's/^#     //p' Makefile
LIB = $(DESTDIR)$(PREFIX)/lib/netc
SHARE = $(DESTDIR)$(PREFIX)/share
install: all
	install -D -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/netc
	install -D -m 644 -t $(LIB) $(BUILD)/libnetrt*.a
	install -D -m 644 -t $(LIB)/include $(addprefix runtime/,netrt.h language.def trainer.ld)
	install -D -m 644 -t $(LIB)/include/core runtime/core/*.h runtime/core/*.def
	for d in kernels library ranks; do install -D -m 644 -t $(LIB)/include/$$d runtime/$$d/*.[hd]*; done
	install -D -m 644 -t $(SHARE)/man/man1 docs/man/*.1
	install -D -m 644 editors/completions/netc.bash $(SHARE)/bash-completion/completions/netc
	install -D -m 644 -t $(SHARE)/zsh/site-functions editors/completions/_netc
	install -D -m 644 -t $(SHARE)/fish/vendor_completions.d editors/completions/netc.fish
	install -D -m 644 -t $(SHARE)/netc editors/netc.tmLanguage.json
uninstall: ; rm -rf $(LIB) $(DESTDIR)$(PREFIX)/bin/netc $(addprefix $(SHARE)/,netc man/man1/netc.1 \
	    man/man1/netc-trainer.1 bash-completion/completions/netc zsh/site-functions/_netc \
	    fish/vendor_completions.d/netc.fish)
clean: ; rm -rf $(BUILD)
.PHONY: all tests test bench demo install uninstall help format lint clean # no file has another rule's name
.DELETE_ON_ERROR:
