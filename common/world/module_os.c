/* SPDX-License-Identifier: Apache-2.0
 * module_os.c - shared objects. Functions travel between processes as (sha256 of the file, offset
 * from where it is loaded), so that static ones can be named too; an offset from outside is checked
 * against the file's loaded segments before it becomes a pointer. */
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/world/world_os_priv.h"

struct module_os {
	struct module base;
	void *handle;
	uintptr_t load_address;
};

struct segment_search { /* is [address] in a loaded segment of the object at load_address? */
	uintptr_t load_address, address;
	bool found;
};

static int search_segments(struct dl_phdr_info *object, size_t size_bytes, void *context)
{
	struct segment_search *search = context;

	if (object->dlpi_addr != search->load_address)
		return 0;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uintptr_t begin = object->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && search->address >= begin &&
		    search->address - begin < segment->p_memsz)
			search->found = true;
	}
	return search->found;
}

static bool is_inside(uintptr_t load_address, uintptr_t address)
{
	struct segment_search search = { .load_address = load_address, .address = address };

	dl_iterate_phdr(search_segments, &search);
	return search.found;
}

static int check_sum(const char *path, const uint8_t *sha256, struct err *err)
{
	uint8_t found[32];
	char *text;
	size_t size_bytes;

	if (file_os_read_whole(NULL, path, LIMIT_ARTIFACT_BYTES_MAX, &text, &size_bytes, err) !=
	    0) {
		err->code = ERR_ARTIFACT_UNREADABLE;
		return -1;
	}
	hash_sha256(text, size_bytes, found);
	mem_free(text);
	if (memcmp(found, sha256, sizeof(found)) != 0)
		return err_set(err, ERR_ARTIFACT_UNREADABLE,
			       "%s has other contents than were submitted: its checksum differs", path);
	return 0;
}

static int open_failed(const char *path, const char *reason, struct err *err)
{
	static const char undefined[] = "undefined symbol: ";
	const char *symbol = strstr(reason, undefined);
	struct statvfs place;

	if (statvfs(path, &place) == 0 && (place.f_flag & ST_NOEXEC) != 0)
		return err_set(err, ERR_RESOURCE,
			       "cannot open %s: it lies in a file system that is mounted noexec; "
			       "mount it with exec (Docker: --tmpfs /tmp:exec), or set io.tmp.dirs "
			       "to a folder elsewhere",
			       path);
	if (symbol == NULL)
		return err_set(err, ERR_ARTIFACT_UNREADABLE, "cannot open %s: %s", path, reason);
	symbol += sizeof(undefined) - 1;
	/* "name" or "name, version V" or "name (fatal)" */
	return err_set(err, ERR_ARTIFACT_SYMBOL, "%s needs the symbol %.*s, which nothing defines",
		       path, (int)strcspn(symbol, ", \t\n"), symbol);
}

int module_os_open(struct world *world, const char *path, const uint8_t *sha256,
		   struct module **out, struct err *err)
{
	struct link_map *map;
	/* Without a slash dlopen would search the library path instead of the directory. */
	char *full = strchr(path, '/') != NULL ? mem_strdup(path) : mem_printf("./%s", path);

	if (sha256 != NULL && check_sum(full, sha256, err) != 0) {
		mem_free(full);
		return -1;
	}
	void *handle = dlopen(full, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		open_failed(path, dlerror(), err);
		mem_free(full);
		return -1;
	}
	mem_free(full);
	int failed = dlinfo(handle, RTLD_DI_LINKMAP, &map);

	CHECK(failed == 0, "dlinfo: %s", dlerror());
	struct module_os *module = MEM_NEW(struct module_os);

	module->base.vtable = world->vtable;
	module->base.world = world;
	module->handle = handle;
	module->load_address = map->l_addr;
	*out = &module->base;
	return 0;
}

void *module_os_symbol(struct module *base, const char *name)
{
	return dlsym(((struct module_os *)base)->handle, name);
}

void *module_os_address(struct module *base, uint64_t offset)
{
	uintptr_t begin = ((struct module_os *)base)->load_address;

	return is_inside(begin, begin + offset) ? (void *)(begin + offset) : NULL;
}

bool module_os_offset(struct module *base, const void *address, uint64_t *offset)
{
	uintptr_t begin = ((struct module_os *)base)->load_address;

	*offset = (uintptr_t)address - begin;
	return is_inside(begin, (uintptr_t)address);
}

void module_os_close(struct module *base)
{
	struct module_os *module = (struct module_os *)base;

	dlclose(module->handle);
	mem_free(module);
}

/* ---- the running program as a module, for world_sim ----------------------------------------- */

static int first_object(struct dl_phdr_info *object, size_t size_bytes, void *context)
{
	*(uintptr_t *)context = object->dlpi_addr; /* the program itself comes first */
	return 1;
}

uintptr_t module_os_self(void)
{
	uintptr_t address = 0;

	dl_iterate_phdr(first_object, &address);
	return address;
}

bool module_os_self_holds(uintptr_t address)
{
	return is_inside(module_os_self(), address);
}

void *module_os_self_symbol(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}
