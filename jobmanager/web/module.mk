# The dashboard: built by Node where there is one (scripts/make-web), the same for all values of BUILD. The list of
# files is looked up when make starts; folders are in it, so that a file that is removed counts as a change.
WEB_SOURCES := $(shell find jobmanager/web -name node_modules -prune -o -print)
WEB_STAMP := build/.web

$(WEB_STAMP): $(WEB_SOURCES) scripts/make-web
	$(call say,WEB,jobmanager/web)
	$(Q)mkdir -p build && scripts/make-web && { [ ! -f build/web/.sources ] || touch $@; }

.PHONY: web
web: $(WEB_STAMP) ## the dashboard alone (Node 18 or later; without it everything else builds)
