$(eval $(call library,tests/lib))
