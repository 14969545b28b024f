/* SPDX-License-Identifier: Apache-2.0
 * symbols_os.c - symbol tables of loaded objects, read from their files. See symbols.h.
 *
 * Which objects are loaded is asked of the loader each time, under its lock, so that one which is
 * closed meanwhile is never touched. A file counts only if its program headers and notes (the build
 * id) are those in memory: after an upgrade the file under the name is another. Files may be
 * damaged: every offset and length is checked before it is used, and a bad one is as good as no
 * symbols. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/world/symbols.h"

#define SECTION_BYTES_MAX (64u * 1024 * 1024)
#define HEADERS_MAX 64   /* program headers of an object */
#define NOTES_BYTES_MAX 4096
#define NAME_BYTES_MAX 200
#define ADDRESSES_MAX 100000
#define LEAF_WORDS_MAX 8
#define ALIASES_MAX 8    /* symbols looked at in front of an address */

struct symbol {
	uint64_t begin, end;
	uint32_t name; /* in strings */
};

struct object {
	struct list_node node;
	uintptr_t base, begin, end; /* begin … end: its executable segment */
	char *path;
	const char *unknown;        /* "[libc.so.6]" */
	bool has_frames;            /* compiled with frame pointers */
	struct symbol *symbols;
	uint32_t symbols_count;
	char *strings;
	/* as in memory */
	Elf64_Phdr headers[HEADERS_MAX];
	uint32_t headers_count;
	uint8_t notes[NOTES_BYTES_MAX];
	uint32_t notes_bytes;
};

struct symbols {
	struct list objects;
	unsigned long long closed; /* objects that the loader had closed when the caches began */
	struct map *addresses; /* address -> name */
	struct map *names;     /* the texts themselves */
};

/* ---- names ----------------------------------------------------------------------------------- */

static const char *keep_name(struct symbols *symbols, const char *text, size_t length)
{
	char name[NAME_BYTES_MAX + 1];

	if (length > NAME_BYTES_MAX)
		length = NAME_BYTES_MAX;
	memcpy(name, text, length);
	name[length] = '\0';
	utf8_clean(name);
	struct bytes key = bytes_of(name, strlen(name));
	char *kept = map_get(symbols->names, key);

	if (kept == NULL) {
		kept = mem_strdup(name);
		map_put(symbols->names, key, kept);
	}
	return kept;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The bytes [offset, offset + size_bytes) of the file, mem_free; NULL: not there. */
static void *read_part(int fd, uint64_t offset, uint64_t size_bytes, size_t more_bytes)
{
	struct stat info;
	size_t got = 0;

	if (size_bytes > SECTION_BYTES_MAX || fstat(fd, &info) != 0 ||
	    offset > (uint64_t)info.st_size || size_bytes > (uint64_t)info.st_size - offset)
		return NULL;
	char *part = mem_alloc((size_t)size_bytes + more_bytes);

	while (got < size_bytes) {
		ssize_t more = pread(fd, part + got, (size_t)size_bytes - got,
				     (off_t)(offset + got));

		if (more < 0 && errno == EINTR)
			continue;
		if (more <= 0) {
			mem_free(part);
			return NULL;
		}
		got += (size_t)more;
	}
	return part;
}

static bool same_notes(const struct object *object, int fd)
{
	uint32_t at = 0;
	bool same = true;

	for (uint32_t i = 0; i < object->headers_count && same; i++) {
		const Elf64_Phdr *header = &object->headers[i];

		if (header->p_type != PT_NOTE || header->p_filesz > object->notes_bytes - at)
			continue;
		uint8_t *notes = read_part(fd, header->p_offset, header->p_filesz, 0);

		same = notes != NULL && memcmp(notes, object->notes + at, header->p_filesz) == 0;
		mem_free(notes);
		at += (uint32_t)header->p_filesz;
	}
	return same;
}

static bool same_object(const struct object *object, int fd, const Elf64_Ehdr *file)
{
	if (memcmp(file->e_ident, ELFMAG, SELFMAG) != 0 || file->e_ident[EI_CLASS] != ELFCLASS64 ||
	    file->e_phnum != object->headers_count || file->e_phentsize != sizeof(Elf64_Phdr) ||
	    file->e_shentsize != sizeof(Elf64_Shdr))
		return false;
	size_t size_bytes = object->headers_count * sizeof(Elf64_Phdr);
	void *headers = read_part(fd, file->e_phoff, size_bytes, 0);
	bool same = headers != NULL && memcmp(headers, object->headers, size_bytes) == 0;

	mem_free(headers);
	return same && same_notes(object, fd);
}

static int by_begin(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	return left->begin < right->begin ? -1 : left->begin > right->begin;
}

static void take_symbols(struct object *object, const Elf64_Sym *table, size_t count, char *strings,
			 size_t strings_bytes)
{
	object->symbols = MEM_NEW_ARRAY(struct symbol, count);
	object->strings = strings;
	for (size_t i = 0; i < count; i++) {
		const Elf64_Sym *symbol = &table[i];
		unsigned type = ELF64_ST_TYPE(symbol->st_info);

		if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol->st_shndx == SHN_UNDEF ||
		    symbol->st_name >= strings_bytes || symbol->st_size == 0 ||
		    symbol->st_size > UINT64_MAX - symbol->st_value)
			continue;
		object->symbols[object->symbols_count++] =
			(struct symbol){ symbol->st_value, symbol->st_value + symbol->st_size,
					 symbol->st_name };
	}
	qsort(object->symbols, object->symbols_count, sizeof(*object->symbols), by_begin);
}

static void load_table(struct object *object, int fd, const Elf64_Shdr *sections, uint32_t count,
		       uint32_t which)
{
	const Elf64_Shdr *section = &sections[which];

	if (section->sh_entsize != sizeof(Elf64_Sym) || section->sh_link >= count)
		return;
	const Elf64_Shdr *texts = &sections[section->sh_link];
	Elf64_Sym *table = read_part(fd, section->sh_offset, section->sh_size, 0);
	/* A NUL comes behind, whatever the file says. */
	char *strings = read_part(fd, texts->sh_offset, texts->sh_size, 1);

	if (table != NULL && strings != NULL && texts->sh_size <= UINT32_MAX)
		take_symbols(object, table, (size_t)(section->sh_size / sizeof(Elf64_Sym)), strings,
			     (size_t)texts->sh_size);
	else
		mem_free(strings);
	mem_free(table);
}

static void load_symbols(struct object *object)
{
	uint32_t dynamic = 0, full = 0;
	int fd = open(object->path[0] != '\0' ? object->path : "/proc/self/exe",
		      O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	Elf64_Ehdr *file = read_part(fd, 0, sizeof(*file), 0);
	Elf64_Shdr *sections = NULL;

	if (file != NULL && same_object(object, fd, file))
		sections = read_part(fd, file->e_shoff,
				     (uint64_t)file->e_shnum * sizeof(*sections), 0);
	for (uint32_t i = 0; sections != NULL && i < file->e_shnum; i++) {
		full = sections[i].sh_type == SHT_SYMTAB ? i : full;
		dynamic = sections[i].sh_type == SHT_DYNSYM ? i : dynamic;
	}
	if (full != 0 || dynamic != 0)
		load_table(object, fd, sections, file->e_shnum, full != 0 ? full : dynamic);
	mem_free(sections);
	mem_free(file);
	close(fd);
}

/* ---- objects --------------------------------------------------------------------------------- */

struct object_search {
	uintptr_t address;
	struct object *object;
};

static void copy_notes(struct object *object)
{
	for (uint32_t i = 0; i < object->headers_count; i++) {
		const Elf64_Phdr *header = &object->headers[i];

		if (header->p_type != PT_NOTE ||
		    header->p_filesz > NOTES_BYTES_MAX - object->notes_bytes)
			continue;
		memcpy(object->notes + object->notes_bytes,
		       (const void *)(object->base + header->p_vaddr), header->p_filesz);
		object->notes_bytes += (uint32_t)header->p_filesz;
	}
}

/* Under the loader's lock: copies what is needed of the object that holds the address. */
static int copy_object(struct dl_phdr_info *info, size_t size_bytes, void *context)
{
	struct object_search *search = context;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + header->p_vaddr;

		if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0 ||
		    search->address < begin || search->address - begin >= header->p_memsz)
			continue;
		struct object *object = MEM_NEW(struct object);

		object->base = info->dlpi_addr;
		object->begin = begin;
		object->end = begin + header->p_memsz;
		object->path = mem_strdup(info->dlpi_name ? info->dlpi_name : "");
		if (info->dlpi_phnum <= HEADERS_MAX) {
			object->headers_count = (uint32_t)info->dlpi_phnum;
			memcpy(object->headers, info->dlpi_phdr,
			       object->headers_count * sizeof(Elf64_Phdr));
			copy_notes(object);
		}
		search->object = object;
		return 1;
	}
	return 0;
}

static void object_destroy(struct object *object)
{
	mem_free(object->path);
	mem_free(object->symbols);
	mem_free(object->strings);
	mem_free(object);
}

static struct object *find_object(struct symbols *symbols, uintptr_t address)
{
	struct object_search search = { .address = address };
	char unknown[NAME_BYTES_MAX];

	LIST_FOR_EACH(&symbols->objects, struct object, node, object)
		if (address >= object->begin && address < object->end)
			return object;
	if (dl_iterate_phdr(copy_object, &search) == 0)
		return NULL;
	struct object *object = search.object;
	const char *name = object->path[0] != '\0' ? base_name(object->path) : "program";

	snprintf(unknown, sizeof(unknown), "[%s]", name);
	object->unknown = keep_name(symbols, unknown, strlen(unknown));
	/* A system's libraries rarely have frame pointers; all that is ours, and jobs, do. */
	object->has_frames = strncmp(name, "lib", 3) != 0 && strncmp(name, "ld-", 3) != 0 &&
			     strncmp(name, "linux-", 6) != 0;
	load_symbols(object);
	list_push_back(&symbols->objects, &object->node);
	return object;
}

/* ---- looking up ------------------------------------------------------------------------------ */

static int count_closed(struct dl_phdr_info *info, size_t size_bytes, void *context)
{
	*(unsigned long long *)context = info->dlpi_subs;
	return 1;
}

static void forget_objects(struct symbols *symbols)
{
	LIST_FOR_EACH(&symbols->objects, struct object, node, object) {
		list_remove(&object->node);
		object_destroy(object);
	}
	map_destroy(&symbols->addresses);
	symbols->addresses = map_create();
}

/* Where one object was, another may be now. */
static void notice_closed(struct symbols *symbols)
{
	unsigned long long closed = 0;

	dl_iterate_phdr(count_closed, &closed);
	if (closed != symbols->closed || map_count(symbols->addresses) >= ADDRESSES_MAX)
		forget_objects(symbols);
	symbols->closed = closed;
}

/* "split.constprop.0" is split as its author knows it. */
static size_t plain_length(const char *name)
{
	const char *dot = strchr(name + (name[0] == '.'), '.');

	return dot != NULL ? (size_t)(dot - name) : strlen(name);
}

static const struct symbol *find_symbol(const struct object *object, uintptr_t address)
{
	uint32_t first = 0, behind = object->symbols_count;

	while (first < behind) { /* the first symbol that begins behind the address */
		uint32_t middle = first + (behind - first) / 2;

		if (object->symbols[middle].begin <= address - object->base)
			first = middle + 1;
		else
			behind = middle;
	}
	for (uint32_t i = first; i > 0 && first - i < ALIASES_MAX; i--) {
		const struct symbol *symbol = &object->symbols[i - 1];

		if (symbol->end > address - object->base &&
		    object->strings[symbol->name] != '\0')
			return symbol;
	}
	return NULL;
}

static const char *look_up(struct symbols *symbols, uintptr_t address)
{
	const struct object *object = find_object(symbols, address);
	const struct symbol *symbol = object != NULL ? find_symbol(object, address) : NULL;

	if (object == NULL)
		return "[unknown]";
	if (symbol == NULL)
		return object->unknown;
	const char *name = object->strings + symbol->name;

	return keep_name(symbols, name, plain_length(name));
}

const char *symbols_name(struct symbols *symbols, uintptr_t address, bool is_return)
{
	notice_closed(symbols);
	address -= is_return; /* a call may be the last instruction of its function */
	struct bytes key = bytes_of(&address, sizeof(address));
	const char *name = map_get(symbols->addresses, key);

	if (name == NULL) {
		name = look_up(symbols, address);
		map_put(symbols->addresses, key, (void *)(uintptr_t)name);
	}
	return name;
}

/* ---- hidden callers -------------------------------------------------------------------------- */

struct code_search {
	uintptr_t begin, address;
	bool (*matches)(const uint8_t *begin, const uint8_t *at);
	bool found;
};

#define CALL_BYTES_MAX 7

/* Does an instruction that calls end at `code`? */
static bool is_after_call(const uint8_t *begin, const uint8_t *code)
{
#if defined(__x86_64__)
	if (code[-5] == 0xe8) /* call rel32 */
		return true;
	/* call r/m is FF /2, and the operand is the rest */
	for (int length = 2; length <= CALL_BYTES_MAX; length++)
		if (code[-length] == 0xff && (code[-length + 1] & 0x38) == 0x10)
			return true;
	return false;
#elif defined(__aarch64__)
	uint32_t instruction;

	memcpy(&instruction, code - 4, sizeof(instruction));
	return (instruction & 0xfc000000) == 0x94000000 ||
	       (instruction & 0xfffffc1f) == 0xd63f0000;
#else
	return false;
#endif
}

/* Is the frame pointer set on the way from the function's begin to `at`? */
static bool sets_frame(const uint8_t *begin, const uint8_t *at)
{
#if defined(__x86_64__)
	static const uint8_t move[] = { 0x48, 0x89, 0xe5 }; /* mov rbp, rsp */

	return memmem(begin, (size_t)(at - begin), move, sizeof(move)) != NULL;
#elif defined(__aarch64__)
	for (uint32_t instruction; begin + sizeof(instruction) <= at; begin += 4) {
		memcpy(&instruction, begin, sizeof(instruction));
		if ((instruction & 0xffc003ff) == 0x910003fd) /* add x29, sp, … */
			return true;
	}
	return false;
#else
	return true;
#endif
}

/* Under the loader's lock: looks at code, if it can be read. */
static int search_code(struct dl_phdr_info *info, size_t size_bytes, void *context)
{
	struct code_search *search = context;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + header->p_vaddr;

		if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0 ||
		    (header->p_flags & PF_R) == 0 || search->begin < begin ||
		    search->address < search->begin ||
		    search->address - begin >= header->p_memsz)
			continue;
		search->found = search->matches((const uint8_t *)search->begin,
						(const uint8_t *)search->address);
		return 1;
	}
	return 0;
}

/* How many words may have to be looked at to find who called the function; 0: its frame tells. */
static uint32_t hiding_words(const struct object *object, const struct sample *sample)
{
	const struct symbol *symbol =
		object != NULL && object->has_frames ? find_symbol(object, sample->at) : NULL;
	struct code_search search = { .address = sample->at, .matches = sets_frame };

	if (object == NULL || !object->has_frames)
		return sample->words_count;
	if (symbol == NULL)
		return 0;
	search.begin = object->base + symbol->begin;
	dl_iterate_phdr(search_code, &search);
	/* A compiler leaves the frame away where a function calls nothing. */
	return search.found                           ? 0
	       : sample->words_count < LEAF_WORDS_MAX ? sample->words_count
						      : LEAF_WORDS_MAX;
}

/* The return address, among the words below the innermost frame pointer, into the function that
 * has this frame: the first one into code with frame pointers. 0: none. */
static uintptr_t hidden_caller(struct symbols *symbols, const struct sample *sample)
{
	uint32_t words = hiding_words(find_object(symbols, sample->at), sample);

	for (uint32_t i = 0; i < words; i++) {
		struct code_search search = { sample->words[i] - CALL_BYTES_MAX, sample->words[i],
					      is_after_call, false };
		const struct object *object = find_object(symbols, search.address);

		if (object == NULL || !object->has_frames)
			continue;
		dl_iterate_phdr(search_code, &search);
		if (search.found)
			return search.address;
	}
	return 0;
}

uint32_t symbols_stack(struct symbols *symbols, const struct sample *sample, const char **names,
		       uint32_t max)
{
	uint32_t count = 0;

	notice_closed(symbols);
	uintptr_t hidden = hidden_caller(symbols, sample);

	if (count < max)
		names[count++] = symbols_name(symbols, sample->at, false);
	if (hidden != 0 && count < max)
		names[count++] = symbols_name(symbols, hidden, true);
	for (uint32_t i = 0; i < sample->frames_count && count < max; i++)
		names[count++] = symbols_name(symbols, sample->frames[i], true);
	return count;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

struct symbols *symbols_create(void)
{
	struct symbols *symbols = MEM_NEW(struct symbols);

	list_init(&symbols->objects);
	symbols->addresses = map_create();
	symbols->names = map_create();
	return symbols;
}

void symbols_destroy(struct symbols **pointer)
{
	struct symbols *symbols = *pointer;
	size_t at = 0;
	void *name;

	if (symbols == NULL)
		return;
	forget_objects(symbols);
	while (map_next(symbols->names, &at, NULL, &name))
		mem_free(name);
	map_destroy(&symbols->names);
	map_destroy(&symbols->addresses);
	mem_free(symbols);
	*pointer = NULL;
}
