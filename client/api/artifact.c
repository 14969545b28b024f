/* SPDX-License-Identifier: Apache-2.0
 * artifact.c - reads just enough of ELF to find the notes of flink.h. Every offset and size comes
 * from a stranger's file and is checked before it is followed. */
#include "client/api/artifact.h"

#include <elf.h>

#include "client/api/flink/flink.h"

#if defined(__x86_64__)
#define MACHINE_HERE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE_HERE EM_AARCH64
#else
#error "the ELF machine number of this architecture is missing here"
#endif

#define NOTE_NAME "flink"

static const char *machine_name(uint16_t machine)
{
	return machine == EM_X86_64    ? "x86-64"
	       : machine == EM_AARCH64 ? "arm64"
				       : "another machine";
}

static bool begins_with(struct bytes content, const char *magic, size_t magic_bytes)
{
	return content.size_bytes >= magic_bytes && memcmp(content.data, magic, magic_bytes) == 0;
}

static bool ends_with(const char *path, const char *ending)
{
	size_t length = strlen(path), ending_length = strlen(ending);

	return length >= ending_length && strcmp(path + length - ending_length, ending) == 0;
}

/* Not ELF: says what it is instead. Always -1. */
static int not_elf(struct bytes content, const char *path, struct err *err)
{
	if (begins_with(content, "PK\003\004", 4))
		return err_set(
			err, ERR_ARTIFACT_UNREADABLE,
			"%s is a Java archive, and there is no Java here: send a Python script (flink run -py "
			"job.py), a C file (job.c) or a shared object (job.so) instead",
			path);
	if (ends_with(path, ".py"))
		return err_set(err, ERR_ARTIFACT_UNREADABLE,
			       "%s is a Python script: flink run -py %s runs it", path, path);
	if (content.size_bytes == 0)
		return err_set(err, ERR_ARTIFACT_UNREADABLE, "%s is empty", path);
	return err_set(err, ERR_ARTIFACT_UNREADABLE,
		       "%s is neither a shared object nor C source with a name ending in .c", path);
}

static int check_header(struct bytes content, const char *path, Elf64_Ehdr *header, struct err *err)
{
	if (!begins_with(content, ELFMAG, SELFMAG))
		return not_elf(content, path, err);
	if (content.size_bytes < sizeof(*header))
		return err_set(err, ERR_ARTIFACT_UNREADABLE, "%s is cut off after %zu bytes", path,
			       content.size_bytes);
	memcpy(header, content.data, sizeof(*header));
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_machine != MACHINE_HERE)
		return err_set(
			err, ERR_ARTIFACT_UNREADABLE, "%s was built for %s; this is %s", path,
			header->e_ident[EI_CLASS] == ELFCLASS64 ? machine_name(header->e_machine)
								: "a 32-bit machine",
			machine_name(MACHINE_HERE));
	if (header->e_type != ET_DYN)
		return err_set(err, ERR_ARTIFACT_UNREADABLE,
			       "%s is %s, not a shared object; link it with -shared", path,
			       header->e_type == ET_REL ? "an object file" : "a program");
	return 0;
}

/* The notes of one segment. False: one of flink.h has another number, told in *abi. */
static bool check_notes(const char *at, size_t left, bool *found, uint32_t *abi)
{
	Elf64_Nhdr note;

	while (left >= sizeof(note)) {
		memcpy(&note, at, sizeof(note));
		uint64_t name_bytes = ((uint64_t)note.n_namesz + 3) & ~UINT64_C(3);
		uint64_t size_bytes =
			sizeof(note) + name_bytes + (((uint64_t)note.n_descsz + 3) & ~UINT64_C(3));

		if (size_bytes > left)
			break;
		if (note.n_namesz == sizeof(NOTE_NAME) && note.n_descsz == sizeof(*abi) &&
		    memcmp(at + sizeof(note), NOTE_NAME, sizeof(NOTE_NAME)) == 0) {
			*found = true;
			memcpy(abi, at + sizeof(note) + name_bytes, sizeof(*abi));
			if (*abi != FLINK_ABI)
				return false;
		}
		at += size_bytes;
		left -= size_bytes;
	}
	return true;
}

int artifact_check(struct bytes content, const char *path, struct err *err)
{
	const char *data = content.data;
	Elf64_Ehdr header;
	bool found = false;
	uint32_t abi = 0;

	if (check_header(content, path, &header, err) < 0)
		return -1;
	for (uint32_t i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment;
		uint64_t size = content.size_bytes;

		if (header.e_phentsize < sizeof(segment) || header.e_phoff > size ||
		    (uint64_t)(i + 1) * header.e_phentsize > size - header.e_phoff)
			return err_set(err, ERR_ARTIFACT_UNREADABLE, "%s is cut off or damaged",
				       path);
		memcpy(&segment, data + header.e_phoff + (uint64_t)i * header.e_phentsize,
		       sizeof(segment));
		if (segment.p_type != PT_NOTE && segment.p_type != PT_LOAD)
			continue;
		/* The loader would map pages that the file does not have, and die in them. */
		if (segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
			return err_set(err, ERR_ARTIFACT_UNREADABLE, "%s is cut off or damaged",
				       path);
		if (segment.p_type == PT_NOTE &&
		    !check_notes(data + segment.p_offset, segment.p_filesz, &found, &abi))
			return err_set(
				err, ERR_ARTIFACT_ABI,
				"%s was built with version %u of flink.h; this is version %u", path,
				abi, FLINK_ABI);
	}
	if (!found)
		return err_set(
			err, ERR_ARTIFACT_ENTRY,
			"%s is a shared object, but no program of cflink: it does not include "
			"<flink/flink.h>",
			path);
	return 0;
}
