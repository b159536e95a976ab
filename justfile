# Recipes for those who work on cloison. `just` lists them.

_default:
    @just --list

# Open the program
run *arguments:
    cargo run --release -- {{arguments}}

# The tests, as whoever calls
test:
    cargo test

# Exactly what a change must pass (as root): format, lints, documentation, tests as both users
ci:
    .ci/run

# The tests on other kernels, in virtual machines (as root): all, or some of 6.1, 6.12, systemd; --brief for a choice of them
vm *arguments:
    tests/vm/run {{arguments}}

# Every figure beside a peer, in one run
bench:
    cargo bench --bench ratios

# Draw the README's picture from the running program (as root)
picture:
    cargo build --release
    cargo build --example picture
    assets/picture

# Record the README's moving pictures from the running program (as root; needs agg, see there)
film:
    cargo build --release
    assets/film

# asciinema itself converts and plays what is recorded (builds it the first time)
recordings:
    .ci/recordings

# Licences, duplicates and sources of all crates (needs cargo-deny)
audit:
    cargo deny --all-features check

# Write the JSON Schemas of lesson.toml and of reports anew
schema:
    cargo run --quiet -- lesson schema > assets/lesson.schema.json.new
    mv assets/lesson.schema.json.new assets/lesson.schema.json
    cargo run --quiet -- report schema > assets/report.schema.json.new
    mv assets/report.schema.json.new assets/report.schema.json

# Validate every lesson: its files, and what its solution and wrong answers come to
lint-lessons:
    cargo run --quiet -- --lessons lessons lesson lint

# The usual ways out of a container, tried from inside ours, bubblewrap's and runc's (as root and as an ordinary user)
escapes:
    cargo run --quiet --example escapes
