# shellcheck shell=bash
# need.sh - what a test of the page needs, or the reason why it is skipped. Source it, then call need_…
set -uo pipefail
web=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
top=${web%/tests/web}

skip() {
	echo "ok 1 - ${0##*/} # SKIP $*"
	echo "1..1"
	exit 0
}

need_node() {
	command -v node >/dev/null || skip "there is no node on this machine"
	local major
	major=$(node --print 'process.versions.node.split(".")[0]')
	((major >= 18)) || skip "node is $(node --version), 18 is needed"
}

# Sets CHROMIUM, and installs what package-lock.json names into tests/web/node_modules.
need_browser() {
	need_node
	local path
	for path in "${CHROMIUM-}" chromium chromium-browser google-chrome google-chrome-stable /snap/bin/chromium; do
		[[ -n $path ]] && CHROMIUM=$(command -v "$path") && break
	done
	[[ -n ${CHROMIUM-} ]] || skip "there is no chromium on this machine (scripts/install-deps.sh browser)"
	export CHROMIUM
	install_modules || skip "npm cannot install what tests/web/package-lock.json names: $(tail -n 1 "$top/build/npm.log")"
}

# Two tests may come at once: one installs, the other waits. The copy of the lock file says which one is installed.
install_modules() {
	mkdir -p "$top/build"
	(
		flock 9
		cmp -s "$web/package-lock.json" "$web/node_modules/.installed" && exit 0
		command -v npm >/dev/null || { echo "there is no npm on this machine" >"$top/build/npm.log"; exit 1; }
		cd "$web" && timeout 120 npm ci >"$top/build/npm.log" 2>&1 && cp package-lock.json node_modules/.installed
	) 9>"$top/build/npm.lock"
}

# Sets FLINK_APPLICATION: the folder of Apache Flink's own dashboard, as it was released. It is fetched once into build/.
need_flink_application() {
	local version=1.19.3 sha256=6f454f1f09efcf703f9b50b77bdea0df083b1322e382ac12c9aca16b728c4f99 jar
	local url=https://repo1.maven.org/maven2/org/apache/flink/flink-runtime-web/$version/flink-runtime-web-$version.jar
	local folder=$top/build/flink-runtime-web-$version
	mkdir -p "$top/build"
	(
		flock 9
		[[ -e $folder/web/index.html ]] && exit 0
		jar=$folder.jar
		curl -fsSL --retry 2 --max-time 120 -o "$jar" "$url" 2>"$top/build/fetch.log" || exit 1
		echo "$sha256  $jar" | sha256sum --check --status || { echo "$url has another sha256 than $sha256" >"$top/build/fetch.log"; exit 2; }
		rm -rf "$folder.new" "$folder"
		python3 - "$jar" "$folder.new" <<-'PY' && mv "$folder.new" "$folder" && rm "$jar"
			import sys, zipfile
			with zipfile.ZipFile(sys.argv[1]) as jar:
			    jar.extractall(sys.argv[2], [name for name in jar.namelist() if name.startswith("web/")])
		PY
	) 9>"$top/build/fetch.lock"
	case $? in
	0) export FLINK_APPLICATION=$folder/web ;;
	2) echo "not ok 1 - $(cat "$top/build/fetch.log")"; exit 1 ;;
	*) skip "Flink's dashboard cannot be fetched from Maven Central: $(tail -n 1 "$top/build/fetch.log")" ;;
	esac
}
