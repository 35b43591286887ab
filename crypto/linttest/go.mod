module capf/crypto/linttest

go 1.26.0

require (
	capf v0.0.0
	github.com/zmap/zcrypto v0.0.0-20260906180147-3ed30b1e9340
	github.com/zmap/zlint/v3 v3.7.3
)

require (
	github.com/pelletier/go-toml v1.9.5 // indirect
	github.com/titanous/rocacheck v0.0.0-20171023193734-afe73141d399 // indirect
	github.com/weppos/publicsuffix-go v0.50.4-0.20260821095816-b0fdb5c2d345 // indirect
	golang.org/x/crypto v0.57.0 // indirect
	golang.org/x/net v0.59.0 // indirect
	golang.org/x/text v0.42.0 // indirect
)

replace capf => ../..

// zlint and zcrypto ask for an unreleased commit; a release serves and can be had everywhere.
replace github.com/weppos/publicsuffix-go => github.com/weppos/publicsuffix-go v0.50.3
