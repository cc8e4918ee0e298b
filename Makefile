# make demo     build, and watch PyTorch's weights arrive in Swift and be proven equal
# make test     every test, Swift and Python
# make lint     format, warnings and dependencies between targets
# make docs     the API reference, into .build/docs
# make compare  docs/explanation/comparison.md: the rules of other tools and verify, on the same models
# make bench    docs/benchmarks.md: every goal of speed and memory beside its peer, and growth; about an hour
# make bench-quick   the same on smaller sizes in three minutes, only printed; BENCH_OPTIONS="--only PATTERN" for some rows
# make faults   every fault that can be injected, over every writer
# make sanitize C code, the HDF5 parser and threads, with the sanitizers of addresses, undefined behaviour and threads
# make fuzz     every parser under libFuzzer and AddressSanitizer; FUZZ_OPTIONS="--runs 1000000 --only hdf5"
# make bench-memory  the peak memory of every conversion, on files of 4 GiB
# make install  the command and its completions, below PREFIX (/usr/local)
#
# Each target first installs what it needs and does not find, with apt or brew, and says so.

SHELL := /bin/sh
PREFIX ?= /usr/local
BUILD ?= .build
export PKG_CONFIG_PATH := $(abspath $(BUILD))/pkgconfig$(if $(PKG_CONFIG_PATH),:$(PKG_CONFIG_PATH))
PYTHON := $(BUILD)/python/bin/python3
# The command starts in two thirds of the time if Swift's libraries are part of it; on macOS they belong to the system.
STATIC := $(if $(filter Linux,$(shell uname)),--static-swift-stdlib)
RELEASE := swift build -c release $(STATIC) --product tensorferry
# Lint and test build with the same flags, so that one build serves both; optimised, because the oracle of the verifier
# is plain loops, which take a hundred times as long without.
STRICT := TENSORFERRY_WARNINGS_ARE_ERRORS=1

.PHONY: demo test faults sanitize fuzz lint docs compare bench bench-quick bench-memory bench-programs install libraries test-programs python \
  clean

demo: libraries
	@$(RELEASE)
	@sh docs/demo.sh "$$($(RELEASE) --show-bin-path)/tensorferry"

test: libraries test-programs python
	@PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$(abspath Python)" $(PYTHON) -m pytest -q -p no:cacheprovider Python/tests
	@$(STRICT) swift build -c release --build-tests
	@$(STRICT) TENSORFERRY_PYTHON="$(abspath $(PYTHON))" swift test -c release --skip-build

faults: libraries test-programs python
	@$(STRICT) swift build -c release --build-tests
	@$(STRICT) TENSORFERRY_ALL_FAULTS=1 TENSORFERRY_PYTHON="$(abspath $(PYTHON))" swift test -c release --skip-build \
	  --filter 'FaultInjectionTests|SurroundingsTests'

lint: libraries
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests
	@$(STRICT) swift build -c release --build-tests --explicit-target-dependency-import-check error

# Package.swift leaves what TENSORFERRY_SANITIZED says. A test asks for more memory than there is; what Python and BLAS leak is no
# finding.
SANITIZED := TENSORFERRY_SANITIZED=1 TENSORFERRY_PYTHON="$(abspath $(PYTHON))" SWIFT_BACKTRACE=enable=no \
  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
ADDRESS := --scratch-path $(BUILD)/address --sanitize address -Xcc -fsanitize=undefined -Xcc -fno-sanitize-recover=undefined
THREAD := --scratch-path $(BUILD)/thread --sanitize thread

sanitize: libraries python
	@$(SANITIZED) swift build --build-tests $(ADDRESS)
	@$(SANITIZED) swift test --skip-build $(ADDRESS) \
	  --filter 'Threads|Zlib|LZF|HDF5Tests|HDF5ReadingTests|TensorsTests|AttentionPooling' --skip MutantTests
	@$(SANITIZED) swift build --build-tests $(THREAD)
	@$(SANITIZED) swift test --skip-build $(THREAD) --filter 'ThreadsTests|DataPathTests|LZFChunkTests|AttentionPoolingTests'

# A trap of Swift, an access outside of memory, an error without a place or a hang ends it with status 1. The sanitizers are
# named twice: of several flags SwiftPM gives, clang takes all, and swiftc the last.
FUZZ_BUILD := TENSORFERRY_FUZZING=1 swift build -c release --scratch-path $(BUILD)/fuzz --product TensorFerryFuzz \
  --sanitize address --sanitize fuzzer -Xswiftc -sanitize=address,fuzzer --disable-dead-strip

fuzz: libraries python
	@$(FUZZ_BUILD)
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) Tests/Fuzz/run.py "$$($(FUZZ_BUILD) --show-bin-path)/TensorFerryFuzz" \
	  $(BUILD)/fuzz/work $(FUZZ_OPTIONS)

docs: libraries
	@mkdir -p $(BUILD)/docs
	@set -e; for target in TensorFerryHDF5 TensorFerry; do \
	  swift package --allow-writing-to-directory $(BUILD)/docs generate-documentation \
	    --target $$target --output-path $(BUILD)/docs/$$target; \
	done

compare: libraries python
	@$(RELEASE)
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) Benchmarks/comparison/comparators.py "$$($(RELEASE) --show-bin-path)/tensorferry" \
	  -o docs/explanation/comparison.md

# What a client builds, in a package and a folder of its own; the first time takes minutes.
BENCH_BUILD := swift build -c release --package-path Benchmarks --scratch-path $(BUILD)/benchmarks --product Worker
BENCH := PYTHONDONTWRITEBYTECODE=1 $(PYTHON) Benchmarks/bench.py --tool "$$($(RELEASE) --show-bin-path)/tensorferry" \
  --worker "$$($(BENCH_BUILD) --show-bin-path)/Worker"

bench: libraries python bench-programs
	@$(RELEASE)
	@$(BENCH_BUILD)
	@$(BENCH) --docs docs $(BENCH_OPTIONS)

bench-quick: libraries python bench-programs
	@$(RELEASE)
	@$(BENCH_BUILD)
	@$(BENCH) --quick $(BENCH_OPTIONS)

bench-memory: libraries
	@$(RELEASE)
	@python3 Benchmarks/conversion_memory.py "$$($(RELEASE) --show-bin-path)/tensorferry"

install: libraries
	@$(RELEASE)
	@set -e; tool="$$($(RELEASE) --show-bin-path)/tensorferry"; \
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" \
	  "$(DESTDIR)$(PREFIX)/share/zsh/site-functions" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"; \
	install -m 755 "$$tool" "$(DESTDIR)$(PREFIX)/bin/tensorferry"; \
	"$$tool" --generate-completion-script bash > "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/tensorferry"; \
	"$$tool" --generate-completion-script zsh > "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_tensorferry"; \
	"$$tool" --generate-completion-script fish > "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/tensorferry.fish"; \
	echo "installed $(DESTDIR)$(PREFIX)/bin/tensorferry and its completions"

clean:
	@rm -rf $(BUILD)

# Installs the packages of $(1), named as apt has them, and of $(2), named as brew has them, if there are any.
define install_packages
	if [ -n "$$apt$$brew" ]; then \
	  if command -v brew >/dev/null 2>&1; then \
	    if [ -n "$$brew" ]; then echo "installing with brew:$$brew"; brew install --quiet $$brew; fi; \
	  elif command -v apt-get >/dev/null 2>&1; then \
	    if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	    echo "installing with $$sudo apt-get:$$apt"; \
	    $$sudo apt-get -qq update && $$sudo env DEBIAN_FRONTEND=noninteractive \
	      apt-get -qq install -y --no-install-recommends $$apt >/dev/null; \
	  else echo "please install:$$apt" >&2; exit 1; fi; \
	fi
endef

# Homebrew's liblzf comes without a file for pkg-config, which is how SwiftPM finds headers and libraries.
define describe_liblzf
	if [ "$$(uname)" = Darwin ] && ! pkg-config --exists liblzf 2>/dev/null; then \
	  prefix="$$(brew --prefix liblzf)"; mkdir -p "$(abspath $(BUILD))/pkgconfig"; \
	  printf 'Name: liblzf\nDescription: compression\nVersion: 3.6\nCflags: -I%s/include\nLibs: -L%s/lib -llzf\n' \
	    "$$prefix" "$$prefix" > "$(abspath $(BUILD))/pkgconfig/liblzf.pc"; \
	fi
endef

libraries:
	@apt=; brew=; \
	command -v pkg-config >/dev/null 2>&1 || { apt="$$apt pkg-config"; brew="$$brew pkg-config"; }; \
	need() { pkg-config --exists $$1 2>/dev/null || apt="$$apt $$2"; }; \
	need hdf5 libhdf5-dev; need zlib zlib1g-dev; \
	if [ "$$(uname)" = Darwin ]; then pkg-config --exists hdf5 2>/dev/null || brew="$$brew hdf5"; \
	  pkg-config --exists liblzf 2>/dev/null || brew="$$brew liblzf"; \
	else need openblas libopenblas-dev; need liblzf liblzf-dev; fi; \
	$(install_packages)
	@$(describe_liblzf)

test-programs:
	@apt=; brew=; \
	[ "$$(uname)" = Darwin ] || command -v strace >/dev/null 2>&1 || apt="$$apt strace"; \
	command -v h5dump >/dev/null 2>&1 || { apt="$$apt hdf5-tools"; brew="$$brew hdf5"; }; \
	command -v chromium >/dev/null 2>&1 || [ -d /Applications/Chromium.app ] || { apt="$$apt chromium"; \
	  brew="$$brew --cask chromium"; }; \
	python3 -c 'import venv, ensurepip' 2>/dev/null || { apt="$$apt python3-venv"; brew="$$brew python3"; }; \
	$(install_packages)

# mkfs.xfs, for files that share their data, and the compiler that torch.compile calls.
bench-programs:
	@apt=; brew=; \
	if [ "$$(uname)" = Linux ]; then \
	  command -v mkfs.xfs >/dev/null 2>&1 || apt="$$apt xfsprogs"; \
	  command -v g++ >/dev/null 2>&1 || apt="$$apt g++"; \
	fi; \
	$(install_packages)

python: test-programs $(BUILD)/python/ready

$(BUILD)/python/ready: Tests/requirements.txt
	@echo "installing the Python packages of Tests/requirements.txt into $(BUILD)/python"
	@python3 -m venv $(BUILD)/python
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r Tests/requirements.txt
	@touch $@
