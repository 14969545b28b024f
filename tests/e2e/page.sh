#!/usr/bin/env bash
# The dashboard as it was built: types, unit tests, its size, and that it asks nobody but its own server.
source "$(dirname "$0")/cases.sh"

web=$root/jobmanager/web built=$source_home/web

needs_build() {
	if ! command -v node >/dev/null || [[ ! -d $web/node_modules ]]; then
		echo "the dashboard was not built on this machine: there is no Node, or npm could not fetch"
		exit 77
	fi
}

test_types_hold() {
	needs_build
	(cd "$web" && npm run --silent typecheck) >types.txt 2>&1 || fail "$(tail -n 30 types.txt)"
}

test_units() {
	needs_build
	(cd "$web" && npm test --silent) >units.txt 2>&1 || fail "$(tail -n 40 units.txt)"
}

test_scripts_and_styles_are_small() {
	needs_build
	local size=0 file
	for file in "$built"/assets/*.{js,css}; do
		[[ -f $file.gz ]] || fail "$file has no .gz of its own"
		gunzip -c "$file.gz" | cmp -s - "$file" || fail "$file.gz is of another file"
		((size += $(stat -c %s "$file.gz")))
	done
	((size > 10000 && size <= 102400)) || fail "scripts and styles are $size bytes when compressed; 102400 are allowed"
}

test_page_asks_nobody_else() {
	needs_build
	contains "$(<"$built/index.html")" "default-src 'self'; script-src 'self'; style-src 'self'"
	! grep -nE '<script[^>]*>[^<]|<style|style="|[[:space:]]on[a-z]+="' "$built/index.html" || fail "something inline, which the policy refuses"
	# Addresses of namespaces are names, and the framework's messages may name its own site.
	! grep -oE "(src|href)=\"https?:[^\"]*\"|(url\(|fetch\(|import\()[\"']?https?:[^\"')]*" "$built"/index.html "$built"/assets/* ||
		fail "an address outside"
}

test_lock_file_names_no_registry() {
	! grep -q '"resolved"' "$web/package-lock.json" || fail "package-lock.json names where packages were fetched"
	grep -q '"integrity"' "$web/package-lock.json" || fail "package-lock.json has no checksums"
}

# Without Node the daemons are built all the same, and what is served says how to build the page.
test_without_node_the_page_says_so() {
	mkdir -p tree/jobmanager/web tree/scripts bin
	find "$web" -mindepth 1 -maxdepth 1 ! -name node_modules -exec cp -R {} tree/jobmanager/web/ ';'
	cp "$root/scripts/make-web" tree/scripts/
	local tool
	for tool in bash find sort xargs sha256sum cut cp mkdir flock env cat; do ln -s "$(command -v "$tool")" "bin/$tool"; done
	PATH=$PWD/bin tree/scripts/make-web >made.txt 2>&1 || fail "it fails: $(<made.txt)"
	same 1 "$(wc -l <made.txt)"
	contains "$(<made.txt)" "Node and npm are missing"
	contains "$(<tree/build/web/index.html)" "install-deps.sh"
}

run_tests
