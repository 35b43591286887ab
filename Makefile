# make demo    enrol a phone on this machine, from nothing
# make test    everything that has to hold; where CI is set, FUZZTIME of fuzzing too
# make build   the static binary ./capf
# make docs    the manual pages and docs/reference.md, from the command tree
# make bench   figures, each next to its bound; BENCHFLAGS=-short is quicker
# make crash   kill serve for TIME while phones and operators work, then look for what was lost
# make fuzz    every reader of foreign bytes, FUZZTIME each
# make mutants changes the code of the packages MUTANTS in small ways; what no test notices is listed

export CGO_ENABLED := 0
FUZZTIME ?= 30s
TIME ?= 1m
MUTANTS ?= ./enroll/... ./store ./crypto/...
STATICCHECK := go tool -modfile=scripts/tools/go.mod staticcheck

.PHONY: build demo test vet docs bench crash fuzz mutants clean

build:
	go build -trimpath -tags urfave_cli_no_docs -o capf .

demo: build
	scripts/need.sh openssl
	scripts/demo.sh ./capf

test: vet build
	go test ./commands/internal/host # as it is released: without cgo, names of users come from elsewhere
	CGO_ENABLED=1 go test -race -timeout 60m ./...
	cd crypto/linttest && go test ./...
	$(if $(CI),scripts/fuzz.sh $(FUZZTIME))

vet:
	scripts/need.sh gcc openssl script sqlite3 ss ssh sshd slapd chromium pdftotext zsh fish freeradius eapol_test nginx promtool jq shellcheck python3 less curl tftp atftp
	test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	GOARCH=386 go vet ./...
	GOARCH=arm64 go vet ./...
	$(STATICCHECK) ./...
	shellcheck -x scripts/*.sh scripts/walks/*.sh

docs:
	go run ./scripts/documents docs

bench: build
	go run ./scripts/bench -capf ./capf $(BENCHFLAGS)

crash: build
	go run ./scripts/crash -capf ./capf -time $(TIME) $(CRASHFLAGS)

fuzz:
	scripts/fuzz.sh $(FUZZTIME)

mutants:
	go run ./scripts/mutants $(MUTANTSFLAGS) $(MUTANTS)

clean:
	rm -f capf
